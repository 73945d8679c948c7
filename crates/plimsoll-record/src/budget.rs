//! How much of a core recording may take before only some entries are timed.

use crate::sync::{AtomicU64, Ordering};

/// How long recording is watched before its share is judged.
const WATCHED_NS: u64 = 1_000_000_000;

/// At least one entry in so many is timed.
const TIMED_LEAST: u64 = 64;

/// The budget, and what owners do while it is exceeded.
///
/// An entry that isn't timed is stamped with the last merge's reading of the clock, and so is its exit:
/// levels and counts stay exact, and the order of stamps stays sound, since the reading is put out
/// before the merge fences all threads. Only when something happened is known less well.
#[derive(Debug)]
pub(crate) struct Budget {
    /// Millionths of a core; 0 is no budget.
    core_ppm: AtomicU64,
    /// What writing an edge costs.
    writing_ns: AtomicU64,
    /// One entry in so many is timed, less one: a mask. 0 times all.
    mask: AtomicU64,
    coarse_ns: AtomicU64,
}

/// What was recorded when the share was last judged.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Judged {
    at_ns: u64,
    edges: u64,
}

impl Budget {
    pub(crate) fn new() -> Self {
        Self {
            core_ppm: AtomicU64::new(0),
            writing_ns: AtomicU64::new(0),
            mask: AtomicU64::new(0),
            coarse_ns: AtomicU64::new(0),
        }
    }

    /// Sets the budget, given what writing an edge costs.
    pub(crate) fn set(&self, core_ppm: u64, writing_ns: u64) {
        self.writing_ns.store(writing_ns, Ordering::Relaxed);
        self.core_ppm.store(core_ppm, Ordering::Relaxed);
        if core_ppm == 0 {
            self.mask.store(0, Ordering::Relaxed);
        }
    }

    /// Returns the mask of the entries that are timed.
    #[inline]
    pub(crate) fn mask(&self) -> u64 {
        self.mask.load(Ordering::Relaxed)
    }

    /// Returns the stamp of what isn't timed: later than every merge that has begun to look.
    #[inline]
    pub(crate) fn coarse_ns(&self) -> u64 {
        self.coarse_ns.load(Ordering::Relaxed) + 1
    }

    /// Puts out a merge's reading of the clock, before its fence.
    pub(crate) fn pass(&self, now_ns: u64) {
        self.coarse_ns.store(now_ns, Ordering::Relaxed);
    }

    /// Judges what recording takes, were all of it timed: `edges` so far, each merged in `merging_ns`.
    pub(crate) fn judge(&self, last: &mut Judged, now_ns: u64, edges: u64, merging_ns: u64) {
        let core_ppm = self.core_ppm.load(Ordering::Relaxed);
        let passed_ns = now_ns.saturating_sub(last.at_ns);
        if core_ppm == 0 || passed_ns < WATCHED_NS {
            return;
        }
        let edge_ns = self.writing_ns.load(Ordering::Relaxed) + merging_ns;
        let spent_ns = u128::from(edges - last.edges) * u128::from(edge_ns);
        let taken_ppm = u64::try_from(spent_ns * 1_000_000 / u128::from(passed_ns));
        let times = taken_ppm.unwrap_or(u64::MAX).div_ceil(core_ppm);
        self.mask.store(times.min(TIMED_LEAST).next_power_of_two() - 1, Ordering::Relaxed);
        *last = Judged { at_ns: now_ns, edges };
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn as_many_are_timed_as_the_budget_pays_for() {
        const S: u64 = WATCHED_NS;
        let (budget, mut judged) = (Budget::new(), Judged::default());
        budget.judge(&mut judged, S, 1_000_000, 30);
        assert_eq!(budget.mask(), 0, "without a budget all are timed");
        budget.set(10_000, 20);
        // 100,000 edges of 50 ns in a second are half of 1 % of a core.
        budget.judge(&mut judged, S, 100_000, 30);
        assert_eq!(budget.mask(), 0);
        budget.judge(&mut judged, 2 * S, 100_000 + 600_000, 30);
        assert_eq!(budget.mask(), 3, "3 % is three times the budget: one in four");
        budget.judge(&mut judged, 2 * S + S / 2, 9_000_000, 30);
        assert_eq!(budget.mask(), 3, "it is too early to judge");
        budget.judge(&mut judged, 3 * S, 90_000_000, 30);
        assert_eq!(budget.mask(), TIMED_LEAST - 1);
        budget.judge(&mut judged, 4 * S, 90_000_001, 30);
        assert_eq!(budget.mask(), 0);
    }
}
