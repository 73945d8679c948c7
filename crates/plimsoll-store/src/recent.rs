//! What a ledger's history holds beyond the archive.

use crate::tally::{Pieces, Tally};
use plimsoll_model::TimeMs;
use std::collections::BTreeMap;

/// What a ledger's history holds that may not be in the archive yet: the last minutes, and the
/// silences that nobody has ended so far.
#[derive(Clone, Debug, Default)]
pub struct Recent {
    /// The length of a slot.
    pub(crate) slot_ms: i64,
    /// What came since the last whole checkpoint, by the start of its slot.
    pub(crate) fresh: BTreeMap<i64, Tally>,
    /// What that checkpoint took.
    pub(crate) handed: BTreeMap<i64, Tally>,
    /// When it was taken.
    pub(crate) handed_at: Option<TimeMs>,
    /// Silences that go on: from when, until when, and what is unknown of them.
    pub(crate) open: Vec<(TimeMs, TimeMs, Tally)>,
}

impl Recent {
    /// Returns what is missing of an archive that was last written as of `written_at`.
    pub(crate) fn since(&self, written_at: Option<TimeMs>) -> Vec<(i64, Tally)> {
        let is_written = written_at >= self.handed_at;
        let handed = self.handed.iter().filter(|_| !is_written);
        let known = self.fresh.iter().chain(handed).map(|(start_ms, tally)| (*start_ms, *tally));
        let mut slots: Vec<_> = known.collect();
        let slot_ms = self.slot_ms.max(1);
        for (from, to, whole) in &self.open {
            let mut pieces = Pieces::new(*from, *to, *whole);
            while let Some(at) = pieces.at() {
                let start_ms = at.div_euclid(slot_ms) * slot_ms;
                slots.push((start_ms, pieces.until(start_ms + slot_ms)));
            }
        }
        slots
    }
}
