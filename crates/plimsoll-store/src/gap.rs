//! Stretches whose increase is known as a whole, but not when within them it happened.

use plimsoll_model::Counts;

/// The most gaps that one ledger remembers; past it the shortest counts as a point at its end.
const GAPS_MAX: usize = 32;

/// A stretch that a scrape closed: its counts lie in the slice of its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Gap {
    /// The slice that it began in.
    pub(crate) first: i64,
    /// The slice that it ended in.
    pub(crate) last: i64,
    /// What happened in it.
    pub(crate) counts: Counts,
}

/// The gaps that a window's edge may still cut.
#[derive(Clone, Debug, Default)]
pub(crate) struct Gaps(Vec<Gap>);

impl Gaps {
    pub(crate) fn add(&mut self, gap: Gap) {
        if let Some(other) = self.0.iter_mut().find(|other| other.last == gap.last) {
            other.first = other.first.min(gap.first);
            other.counts += gap.counts;
            return;
        }
        if self.0.len() >= GAPS_MAX {
            let lengths = self.0.iter().map(|gap| gap.last - gap.first).enumerate();
            if let Some((shortest, _)) = lengths.min_by_key(|(_, length)| *length) {
                self.0.swap_remove(shortest);
            }
        }
        self.0.push(gap);
    }

    /// Forgets the gaps that are no longer than the slot that holds their end: they are within the
    /// error of every edge that can still pass.
    pub(crate) fn forget(&mut self, step_at: impl Fn(i64) -> Option<i64>) {
        self.0.retain(|gap| step_at(gap.last).is_some_and(|step| gap.last - gap.first >= step));
    }

    /// Returns what belongs to the gaps that a window cuts which reaches back to the slice `first`.
    pub(crate) fn cut(&self, first: i64) -> Counts {
        let mut cut = Counts::default();
        for gap in self.0.iter().filter(|gap| gap.first < first && gap.last >= first) {
            cut += gap.counts;
        }
        cut
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Gap> {
        self.0.iter()
    }

    pub(crate) fn memory(&self) -> usize {
        self.0.capacity() * size_of::<Gap>()
    }
}
