//! Whether a lease's time to live is enough for the rebuilds that run under it.
//!
//! A lease EX that a rebuild R outlasts lets ⌈R/EX⌉ in where nothing renews it, and leans on its renewals
//! where something does. So EX is to bound P(R > EX) ≤ p, which no multiple of a mean does.
//!
//! Of n rebuilds that are alike and independent, each is longer than the true (1−p)-quantile with
//! probability p. The (j+1)-th longest is below that quantile only if at most j of them are longer, so
//! with probability P(Bin(n, p) ≤ j). With the largest j for which that is 5 % at most, the (j+1)-th
//! longest bounds P(R > EX) ≤ p with 95 % confidence, whatever the distribution (Wilks, *Determination
//! of sample sizes for setting tolerance limits*, 1941). With p = 1 % even the longest of 298 doesn't;
//! of fewer than 299 rebuilds nothing can be said, and so nothing is.

use crate::sync::{Mutex, lock};
use std::collections::VecDeque;
use std::time::Duration;

/// The share of rebuilds that may outlast the suggested time to live.
const OUTLASTING_MAX: f64 = 0.01;

/// How likely the suggestion may be too short.
const DOUBT_MAX: f64 = 0.05;

/// How many of the last rebuilds are known: more than three times as many as are needed, and few enough
/// that a day's worth doesn't hide what changed.
const KEPT: usize = 1_024;

/// For how long the last rebuilds needed their leases.
#[derive(Debug)]
pub(crate) struct Adequacy {
    ttl: Duration,
    last: Mutex<VecDeque<Duration>>,
}

/// What the last rebuilds say of the time to live.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Advice {
    /// The share of them that took longer.
    pub(crate) outlasting_ratio: f64,
    /// What at most one in a hundred outlasts.
    pub(crate) ttl: Duration,
}

impl Adequacy {
    pub(crate) fn new(ttl: Duration) -> Self {
        Self { ttl, last: Mutex::default() }
    }

    /// Takes for how long a rebuild needed its lease. Returns what can be said, if enough are known.
    pub(crate) fn note(&self, needed: Duration) -> Option<Advice> {
        let mut last = lock(&self.last);
        if last.len() == KEPT {
            last.pop_front();
        }
        last.push_back(needed);
        let lengths = last.iter().copied().collect();
        drop(last);
        Advice::of(lengths, self.ttl)
    }
}

impl Advice {
    /// Says what so many lengths say of a time to live.
    fn of(mut lengths: Vec<Duration>, ttl: Duration) -> Option<Self> {
        let longer = longer_max(lengths.len())?;
        let outlasting = lengths.iter().filter(|needed| **needed > ttl).count();
        let outlasting_ratio = outlasting as f64 / lengths.len() as f64;
        let place = lengths.len().checked_sub(longer + 1)?;
        let (_, suggested, _) = lengths.select_nth_unstable(place);
        Some(Self { outlasting_ratio, ttl: *suggested })
    }
}

/// Returns the largest j with P(Bin(n, p) ≤ j) ≤ 5 %; none if that is more with j = 0 already.
fn longer_max(n: usize) -> Option<usize> {
    let odds = OUTLASTING_MAX / (1.0 - OUTLASTING_MAX);
    let mut exactly = (1.0 - OUTLASTING_MAX).powf(n as f64);
    let mut at_most = exactly;
    let mut found = None;
    for j in 0..n {
        if at_most > DOUBT_MAX {
            break;
        }
        found = Some(j);
        exactly *= odds * (n - j) as f64 / (j + 1) as f64;
        at_most += exactly;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::rngs::SmallRng;
    use rand::{Rng, SeedableRng};

    #[test]
    fn as_many_are_needed_as_wilkss_tables_say() {
        // The sizes from which on the longest, the second longest … bound 99 % with 95 % confidence.
        let table = [299, 473, 628, 773, 913];
        for (longer, size) in table.into_iter().enumerate() {
            assert_eq!(longer_max(size), Some(longer));
            assert_eq!(longer_max(size - 1), longer.checked_sub(1), "{size}");
        }
        assert_eq!(longer_max(1), None);
    }

    #[test]
    fn of_too_few_nothing_is_said() {
        let adequacy = Adequacy::new(Duration::from_secs(10));
        for _ in 0..298 {
            assert_eq!(adequacy.note(Duration::from_secs(30)), None);
        }
        let advice = Advice { outlasting_ratio: 1.0, ttl: Duration::from_secs(30) };
        assert_eq!(adequacy.note(Duration::from_secs(30)), Some(advice));
    }

    #[test]
    fn the_last_thousand_are_judged_as_a_sort_would() {
        let mut random = SmallRng::seed_from_u64(7);
        let adequacy = Adequacy::new(Duration::from_millis(900));
        let mut all = Vec::new();
        for n in 1..3_000_usize {
            let needed = Duration::from_millis(random.random_range(1..=1_000));
            all.push(needed);
            let advice = adequacy.note(needed);
            let mut last = all[n.saturating_sub(1_024)..].to_vec();
            last.sort_unstable();
            if n % 97 != 0 || n < 299 {
                continue;
            }
            // The fifth longest from 913 on.
            let from_top = [299, 473, 628, 773, 913].iter().filter(|size| **size <= last.len());
            let ttl = last[last.len() - from_top.count()];
            let longer = last.iter().filter(|needed| needed.as_millis() > 900).count();
            let outlasting_ratio = longer as f64 / last.len() as f64;
            assert_eq!(advice, Some(Advice { outlasting_ratio, ttl }), "{n}");
        }
    }

    #[test]
    fn the_suggestion_is_too_short_as_seldom_as_is_said() {
        // Rebuilds of a mean of 1 s, exponentially: P(R > ttl) = e^(−ttl).
        let mut random = SmallRng::seed_from_u64(11);
        for size in [299, 900] {
            let rounds = 2_000;
            let too_short = (0..rounds)
                .filter(|_| {
                    let lengths = std::iter::repeat_with(|| 1.0 - random.random::<f64>())
                        .map(|unit| Duration::from_secs_f64(-unit.ln()))
                        .take(size)
                        .collect();
                    let ttl = Advice::of(lengths, Duration::MAX).expect("they are enough").ttl;
                    (-ttl.as_secs_f64()).exp() > 0.01
                })
                .count() as f64;
            // 5 % at most, and not much less; the draws are always the same.
            let share = too_short / f64::from(rounds);
            assert!((0.01..=0.07).contains(&share), "{share} of {size}");
        }
    }
}
