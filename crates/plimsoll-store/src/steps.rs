//! What a part of a composite held of late, slice by slice, until the composite has judged it.

use crate::tally::{Pieces, Tally};
use plimsoll_model::TimeMs;
use plimsoll_slo::Slo;
use std::collections::BTreeMap;
use std::time::Duration;

/// What a part was in one step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Verdict {
    Good,
    Unknown,
    Bad,
}

/// When a feed spoke last, and how often it does.
#[derive(Clone, Copy, Debug)]
struct Said {
    at: TimeMs,
    interval_ms: i64,
}

/// The last slices of one part.
#[derive(Clone, Debug, Default)]
pub(crate) struct Steps {
    /// By feed.
    said: BTreeMap<usize, Said>,
    /// By slice.
    slices: BTreeMap<i64, Tally>,
    /// What is before was judged.
    judged_ms: i64,
}

impl Steps {
    /// Notes that `feed` told everything until `at`, and will again after `interval`.
    pub(crate) fn say(&mut self, feed: usize, at: TimeMs, interval: Duration) {
        let interval_ms = i64::try_from(interval.as_millis()).unwrap_or(i64::MAX);
        self.said.insert(feed, Said { at, interval_ms });
    }

    /// Expects nothing of `feed` any more.
    pub(crate) fn leave(&mut self, feed: usize) {
        self.said.remove(&feed);
    }

    pub(crate) fn forget_feeds(&mut self) {
        self.said.clear();
    }

    /// Adds what a stretch held, evenly: when within it something happened nobody knows.
    pub(crate) fn record(&mut self, from: TimeMs, to: TimeMs, tally: Tally, slice_ms: i64) {
        let mut pieces = Pieces::new(from, to, tally);
        if from.0 < self.judged_ms {
            pieces.until(self.judged_ms);
        }
        while let Some(at) = pieces.at() {
            let slice = at.div_euclid(slice_ms);
            let held = self.slices.entry(slice).or_default();
            *held = held.plus(pieces.until((slice + 1).saturating_mul(slice_ms)));
        }
    }

    /// Returns the longest interval of its feeds; `None` before any spoke.
    pub(crate) fn interval_ms(&self) -> Option<i64> {
        self.said.values().map(|said| said.interval_ms).max()
    }

    /// Says whether every feed has told of everything until `end_ms`.
    pub(crate) fn is_told(&self, end_ms: i64) -> bool {
        !self.said.is_empty() && self.said.values().all(|said| said.at.0 >= end_ms)
    }

    /// Judges a step: bad when it surely burnt faster than the part's objective allows, unknown when
    /// it may have.
    pub(crate) fn judge(&self, slo: &Slo, from_ms: i64, to_ms: i64, slice_ms: i64) -> Verdict {
        let slices = from_ms.div_euclid(slice_ms)..to_ms.div_euclid(slice_ms);
        let held =
            self.slices.range(slices).fold(Tally::default(), |sum, (_, held)| sum.plus(*held));
        let counts = held.counts;
        let total = u128::from(counts.known()) + u128::from(counts.unknown);
        let allowed = total * u128::from(slo.objective.allowed_ppm());
        let is_over = |bad: u64| u128::from(bad) * 1_000_000 > allowed;
        let known_ms = held.expected_ms.saturating_sub(held.missing_ms);
        let awaited_ms = (to_ms - from_ms).unsigned_abs() * self.said.len().max(1) as u64;
        // The rounding of a stretch's even parts is no gap.
        let is_seen = known_ms.saturating_add(awaited_ms / 100) >= awaited_ms;
        match (is_over(counts.bad), is_over(counts.bad.saturating_add(counts.unknown))) {
            (true, _) => Verdict::Bad,
            (false, may_be) if may_be || !is_seen => Verdict::Unknown,
            _ => Verdict::Good,
        }
    }

    /// Lets go of what was judged.
    pub(crate) fn forget(&mut self, judged_ms: i64, slice_ms: i64) {
        self.judged_ms = self.judged_ms.max(judged_ms);
        self.slices = self.slices.split_off(&self.judged_ms.div_euclid(slice_ms));
    }
}
