//! The engine's memory: every target, every SLO's ledger, every live level.

use crate::{Checkpoint, Ledger, LevelView, Target, TargetIndex};
use plimsoll_model::{RefusalReason, Scrape, SeriesIndex, SeriesKey, TimeMs};
use plimsoll_slo::Slo;
use std::sync::Arc;
use std::time::Duration;

/// What bounds a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The length of a slice: the shortest scrape interval of the configuration.
    pub slice: Duration,
}

/// Why a store couldn't be made.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A selector's regular expression isn't one.
    #[error("SLO {slo}: {pattern:?} is no regular expression: {reason}")]
    Pattern {
        /// `service/slo`.
        slo: String,
        /// The expression.
        pattern: String,
        /// What is wrong with it.
        reason: String,
    },
}

/// Every target, every SLO's ledger, every live level.
#[derive(Debug)]
pub struct Store {
    ledgers: Vec<Ledger>,
}

impl Store {
    /// Makes a store for these SLOs, without any target yet.
    ///
    /// # Errors
    /// A selector whose regular expression isn't one.
    pub fn new(_slos: Vec<Arc<Slo>>, _limits: Limits) -> Result<Self, StoreError> {
        Ok(Self { ledgers: Vec::new() })
    }

    /// Takes a target in. What an archive knows about it is taken up again.
    pub fn add_target(&mut self, _target: Target) -> TargetIndex {
        TargetIndex(0)
    }

    /// Lets a target go: from now on nothing is expected of it.
    pub fn remove_target(&mut self, _target: TargetIndex) {}

    /// Takes in what `target` exposed at `at`. `lookup` names a series; it is asked once for each
    /// new one.
    pub fn ingest(
        &mut self,
        _target: TargetIndex,
        _at: TimeMs,
        _scrape: &Scrape,
        _lookup: impl Fn(SeriesIndex) -> Option<SeriesKey>,
    ) {
    }

    /// Notes that the scrape of `target` at `at` failed: its time is unknown until the next one.
    pub fn miss(&mut self, _target: TargetIndex, _at: TimeMs) {}

    /// Moves time on, so that windows end at `now`. Time never moves back.
    pub fn advance(&mut self, _now: TimeMs) {}

    /// Returns the ledgers: one per SLO, or one per group seen so far of an SLO with `by`.
    pub fn ledgers(&self) -> &[Ledger] {
        &self.ledgers
    }

    /// Returns every level of the catalog that targets expose.
    pub fn levels(&self) -> Vec<LevelView> {
        Vec::new()
    }

    /// Returns the ids of the ledgers that `target` feeds.
    pub fn fed_by(&self, _target: TargetIndex) -> Vec<&str> {
        Vec::new()
    }

    /// Returns how many samples of `target` were refused since it was added, by reason.
    pub fn refused(&self, _target: TargetIndex) -> Vec<(RefusalReason, u64)> {
        Vec::new()
    }

    /// Returns how many groups of the SLO `service/slo` were refused by its `max_groups`.
    pub fn groups_refused(&self, _slo: &str) -> u64 {
        0
    }

    /// Takes out what has to be written to an [`Archive`](crate::Archive): plain data, so that the
    /// disk is never waited for here. Each checkpoint has to reach `Archive::flush`, in order.
    pub fn checkpoint(&mut self) -> Checkpoint {
        Checkpoint::default()
    }
}
