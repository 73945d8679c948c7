//! What a store hands to its archive.

use crate::Store;
use crate::kept::{KeptLedger, KeptTier};
use crate::kept_feed::KeptFeed;
use crate::past::Past;
use crate::tally::Tally;
use plimsoll_model::TimeMs;
use std::collections::BTreeMap;

/// How often a checkpoint is whole: what a restart reads again of the journal is at most so much.
const WHOLE_EVERY_MS: i64 = 300_000;

/// What a store has to say since its last checkpoint; plain data.
#[derive(Clone, Debug, Default)]
pub struct Checkpoint {
    /// The state of alerts, opaque bytes by key, that replaces the kept one; `None` leaves it.
    pub alerts: Option<Vec<(String, Vec<u8>)>>,
    /// The store's time.
    pub(crate) at: Option<TimeMs>,
    /// What happened, to be read again after the last whole checkpoint.
    pub(crate) journal: Vec<u8>,
    /// Everything, in place of the journal so far.
    pub(crate) whole: Option<Whole>,
    /// What was put before what is known.
    pub(crate) pasts: Vec<Past>,
}

/// Everything that changed since the last whole checkpoint.
#[derive(Clone, Debug, Default)]
pub(crate) struct Whole {
    /// By key.
    pub(crate) ledgers: BTreeMap<String, LedgerEntry>,
    /// By key; `None` is a target that was removed.
    pub(crate) targets: BTreeMap<String, Option<KeptFeed>>,
}

/// What changed of a ledger.
#[derive(Clone, Debug)]
pub(crate) struct LedgerEntry {
    pub(crate) head: KeptLedger,
    /// The tiers that changed, whole, by number.
    pub(crate) tiers: BTreeMap<u32, Vec<u8>>,
    /// How many tiers there are: those of a policy with more windows would be counted again.
    pub(crate) tier_count: u32,
    /// What the slots of history got more, by their start.
    pub(crate) history: BTreeMap<i64, Tally>,
}

impl Checkpoint {
    /// Takes what happened after `self` on top of it.
    pub(crate) fn append(&mut self, later: Self) {
        self.alerts = later.alerts.or(self.alerts.take());
        self.at = later.at.or(self.at);
        self.pasts.extend(later.pasts);
        match later.whole {
            None => self.journal.extend(later.journal),
            Some(whole) => {
                self.journal = later.journal;
                self.whole.get_or_insert_default().append(whole);
            }
        }
    }
}

impl Whole {
    fn append(&mut self, later: Self) {
        for (key, entry) in later.ledgers {
            match self.ledgers.get_mut(&key) {
                Some(known) => known.append(entry),
                None => {
                    self.ledgers.insert(key, entry);
                }
            }
        }
        self.targets.extend(later.targets);
    }
}

impl LedgerEntry {
    fn append(&mut self, later: Self) {
        (self.head, self.tier_count) = (later.head, later.tier_count);
        self.tiers.extend(later.tiers);
        for (start, more) in later.history {
            let slot = self.history.entry(start).or_default();
            *slot = slot.plus(more);
        }
    }
}

impl Store {
    /// Takes out what happened since the last checkpoint: a few bytes a counter, and everything each
    /// five minutes. Each checkpoint has to reach `Archive::flush`, in order.
    pub fn progress(&mut self) -> Checkpoint {
        let is_due = self
            .now
            .zip(self.whole_at)
            .is_none_or(|(now, whole)| now.0.saturating_sub(whole.0) >= WHOLE_EVERY_MS);
        match self.books.journal.take() {
            Some(journal) if !is_due && self.pasts.is_empty() => {
                Checkpoint { at: self.now, journal, ..Checkpoint::default() }
            }
            _ => self.checkpoint(),
        }
    }

    /// Takes out everything that has to be written to an [`Archive`](crate::Archive): plain data, so
    /// that the disk is never waited for here. Each checkpoint has to reach `Archive::flush`, in
    /// order.
    pub fn checkpoint(&mut self) -> Checkpoint {
        self.books.journal.restart();
        let mut whole = Whole::default();
        for key in self.removed.drain(..) {
            whole.targets.insert(key, None);
        }
        for feed in self.feeds.iter().flatten() {
            whole.targets.insert(feed.target.key(), Some(feed.keep(&self.books)));
        }
        if self.whole_at.is_none() {
            // Targets that were loaded and aren't here yet: their journal goes with this.
            let kept = self.kept.iter().map(|(key, kept)| (key.clone(), Some(kept.clone())));
            whole.targets.extend(kept);
        }
        if let Some(now) = self.now {
            for ledger in &mut self.books.ledgers {
                let changed = (0..ledger.tiers.len()).filter_map(|at| {
                    let written = ledger.tiers.write_changed(at)?;
                    Some((u32::try_from(at).ok()?, KeptTier::columns(written)))
                });
                let tiers = changed.collect();
                let tier_count = u32::try_from(ledger.tiers.len()).unwrap_or(u32::MAX);
                ledger.handed = std::mem::take(&mut ledger.fresh);
                ledger.handed_at = Some(now);
                let (head, history) = (KeptLedger::of(ledger, now), ledger.handed.clone());
                whole
                    .ledgers
                    .insert(ledger.key.clone(), LedgerEntry { head, tiers, tier_count, history });
            }
            self.whole_at = Some(now);
        }
        let pasts = std::mem::take(&mut self.pasts);
        Checkpoint { at: self.now, whole: Some(whole), pasts, ..Checkpoint::default() }
    }
}
