//! What a store hands to its archive.

use crate::Store;
use crate::kept::{KeptLedger, write_slots};
use crate::tally::Tally;
use std::collections::BTreeMap;

/// What a store has to say since its last checkpoint; plain data.
#[derive(Clone, Debug, Default)]
pub struct Checkpoint {
    /// The state of alerts, opaque bytes by key, that replaces the kept one; `None` leaves it.
    pub alerts: Option<Vec<(String, Vec<u8>)>>,
    /// By key.
    pub(crate) ledgers: BTreeMap<String, LedgerEntry>,
    /// By key; `None` is a target that was removed.
    pub(crate) targets: BTreeMap<String, Option<TargetEntry>>,
}

/// What changed of a ledger.
#[derive(Clone, Debug)]
pub(crate) struct LedgerEntry {
    pub(crate) head: KeptLedger,
    /// The tiers that changed, whole, by number.
    pub(crate) tiers: BTreeMap<u32, Vec<u8>>,
    /// What the slots of history got more, by their start.
    pub(crate) history: BTreeMap<i64, Tally>,
}

/// What changed of a target.
#[derive(Clone, Debug)]
pub(crate) struct TargetEntry {
    /// The names of its counters, if there are new ones.
    pub(crate) roster: Option<Vec<u8>>,
    pub(crate) state: Vec<u8>,
}

impl Checkpoint {
    /// Takes what happened after `self` on top of it.
    pub(crate) fn append(&mut self, later: Self) {
        self.alerts = later.alerts.or(self.alerts.take());
        for (key, entry) in later.ledgers {
            match self.ledgers.get_mut(&key) {
                Some(known) => known.append(entry),
                None => {
                    self.ledgers.insert(key, entry);
                }
            }
        }
        for (key, mut entry) in later.targets {
            let known = self.targets.remove(&key).flatten();
            if let Some(entry) = entry.as_mut() {
                entry.roster = entry.roster.take().or(known.and_then(|known| known.roster));
            }
            self.targets.insert(key, entry);
        }
    }
}

impl LedgerEntry {
    fn append(&mut self, later: Self) {
        self.head = later.head;
        self.tiers.extend(later.tiers);
        for (start, more) in later.history {
            let slot = self.history.entry(start).or_default();
            *slot = slot.plus(more);
        }
    }
}

impl Store {
    /// Takes out what has to be written to an [`Archive`](crate::Archive): plain data, so that the
    /// disk is never waited for here. Each checkpoint has to reach `Archive::flush`, in order.
    pub fn checkpoint(&mut self) -> Checkpoint {
        let mut checkpoint = Checkpoint::default();
        for key in self.removed.drain(..) {
            checkpoint.targets.insert(key, None);
        }
        for feed in self.feeds.iter_mut().flatten().filter(|feed| feed.touched) {
            let roster = feed.regrouped.then(|| feed.write_roster());
            let state = feed.write_state(&self.books);
            (feed.touched, feed.regrouped) = (false, false);
            checkpoint.targets.insert(feed.target.key(), Some(TargetEntry { roster, state }));
        }
        let Some(now) = self.now else { return checkpoint };
        for ledger in &mut self.books.ledgers {
            let slice_ms = ledger.slice_ms;
            let changed = (0..ledger.tiers.len())
                .filter_map(|at| Some((u32::try_from(at).ok()?, ledger.tiers.take_changed(at)?)));
            let tiers = changed.map(|(at, slots)| (at, write_slots(&slots, slice_ms))).collect();
            let history = std::mem::take(&mut ledger.fresh);
            let entry = LedgerEntry { head: KeptLedger::of(ledger, now), tiers, history };
            checkpoint.ledgers.insert(ledger.key.clone(), entry);
        }
        checkpoint
    }
}
