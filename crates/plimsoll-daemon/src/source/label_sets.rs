//! The bound on the label sets of each family, so that one label with too many values can't take the
//! room of all other series.

use plimsoll_exposition::decode::Decoder;
use plimsoll_model::{Labels, Refusal, RefusalReason, Scrape, SeriesIndex, SeriesKey};
use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher, Hash, Hasher};
use std::sync::Arc;

/// Labels that tell the series of one histogram or summary apart.
const INNER: [&str; 2] = ["le", "quantile"];

/// So many series that are gone are kept in any case.
const GONE_MIN: usize = 64;

/// The label sets of each family of one target.
#[derive(Debug)]
pub(crate) struct LabelSets {
    max: usize,
    /// Hashes of label sets, by the name of the series.
    families: HashMap<Arc<str>, HashSet<u64>>,
}

impl LabelSets {
    pub(crate) fn new(max: usize) -> Self {
        Self { max, families: HashMap::new() }
    }

    /// Says whether there is room for a series; then its label set is one of the family's.
    pub(crate) fn admits(&mut self, key: &SeriesKey) -> bool {
        let sets = self.families.entry(key.name.clone()).or_default();
        let set = hash(&key.labels);
        if sets.contains(&set) {
            return true;
        }
        let is_room = sets.len() < self.max;
        if is_room {
            sets.insert(set);
        }
        is_room
    }
}

fn hash(labels: &Labels) -> u64 {
    let mut hasher = BuildHasherDefault::<DefaultHasher>::default().build_hasher();
    for pair in labels.iter().filter(|(name, _)| !INNER.contains(name)) {
        pair.hash(&mut hasher);
    }
    hasher.finish()
}

/// Holds the bodies of one target against the bound.
#[derive(Debug)]
pub(super) struct Sieve {
    sets: LabelSets,
    refused: HashSet<SeriesIndex>,
    /// The first series that wasn't looked at.
    next: SeriesIndex,
    /// Series that were looked at since the sieve was empty.
    seen: usize,
}

impl Sieve {
    pub(super) fn new(max: usize) -> Self {
        let (sets, refused) = (LabelSets::new(max), HashSet::new());
        Self { sets, refused, next: SeriesIndex(0), seen: 0 }
    }

    /// Says whether there is no room for a series.
    pub(super) fn refuses(&self, series: SeriesIndex) -> bool {
        self.refused.contains(&series)
    }

    /// Takes the series out that there is no room for, and counts them as refused.
    ///
    /// Says whether it began anew, so that a series that was refused may be taken now.
    pub(super) fn sift(&mut self, scrape: &mut Scrape, decoder: &Decoder) -> bool {
        // Most of what was seen is gone.
        let begins_anew = self.seen > 2 * scrape.samples.len() + GONE_MIN;
        if begins_anew {
            *self = Self::new(self.sets.max);
        }
        let first = self.next;
        for series in decoder.series_from(first) {
            let Ok(key) = series.key() else { continue };
            if !self.sets.admits(&key) {
                self.refused.insert(series.index());
            }
            self.seen += 1;
            self.next = self.next.max(SeriesIndex(series.index().0.saturating_add(1)));
        }
        if self.refused.is_empty() {
            return begins_anew;
        }
        let before = scrape.samples.len();
        scrape.samples.retain(|sample| !self.refused.contains(&sample.series));
        let samples = (before - scrape.samples.len()) as u64;
        if samples > 0 {
            scrape.refused.push(Refusal { reason: RefusalReason::LabelSetLimit, samples });
        }
        begins_anew
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use plimsoll_exposition::Format;

    /// Returns how many samples of a body are taken and how many refused.
    fn sifted(sieve: &mut Sieve, decoder: &mut Decoder, body: &str) -> (usize, u64) {
        let mut scrape = decoder.decode(body.as_bytes(), Format::Text).expect("good").clone();
        sieve.sift(&mut scrape, decoder);
        let refused = scrape.refused.iter().map(|refusal| refusal.samples).sum();
        (scrape.samples.len(), refused)
    }

    #[test]
    fn each_family_has_a_bound_of_its_own() {
        let (mut sieve, mut decoder) = (Sieve::new(2), Decoder::new(1_000));
        let body = "a{x=\"1\"} 1\na{x=\"2\"} 1\na{x=\"3\"} 1\nb{x=\"1\"} 1\n";
        assert_eq!(sifted(&mut sieve, &mut decoder, body), (3, 1));
        assert_eq!(sifted(&mut sieve, &mut decoder, body), (3, 1), "and again");
        let moved = "a{x=\"4\"} 1\na{x=\"1\"} 2\nb{x=\"1\"} 1\n";
        assert_eq!(sifted(&mut sieve, &mut decoder, moved), (2, 1), "the known ones stay");
    }

    #[test]
    fn the_buckets_of_a_histogram_are_one_label_set() {
        let (mut sieve, mut decoder) = (Sieve::new(1), Decoder::new(1_000));
        let histogram = |x: u32| {
            format!("h_bucket{{x=\"{x}\",le=\"1\"}} 1\nh_bucket{{x=\"{x}\",le=\"+Inf\"}} 1\n")
        };
        let body = histogram(1) + &histogram(2);
        assert_eq!(sifted(&mut sieve, &mut decoder, &body), (2, 2));
    }

    #[test]
    fn label_sets_that_are_gone_make_room() {
        let (mut sieve, mut decoder) = (Sieve::new(100), Decoder::new(1_000));
        let body = |from: u32| -> String {
            (from..from + 90).map(|x| format!("a{{x=\"{x}\"}} 1\n")).collect()
        };
        let taken: Vec<usize> = (0..20)
            .map(|generation| sifted(&mut sieve, &mut decoder, &body(generation * 90)).0)
            .collect();
        assert_eq!(taken[0], 90);
        assert!(taken.contains(&10), "two generations don't fit: {taken:?}");
        assert!(taken.iter().filter(|taken| **taken == 90).count() > 5, "{taken:?}");
    }
}
