//! What is recorded by a thread that has no log, or whose log is full while no one merges.

use crate::clock::Clock;
use crate::edge::{Change, Draft, Edge, Words};
use std::collections::HashMap;

/// How many edges wait here at most; beyond it they are folded.
pub(crate) const SHARED_CAPACITY: usize = if cfg!(loom) { 2 } else { 16_384 };

/// How many instruments are folded at most.
const FOLDS: usize = 4_096;

/// The number of the shared log. Others count from 1.
pub(crate) const SHARED_LOG: u32 = 0;

/// A log that all threads write, behind a lock that is only ever tried.
#[derive(Debug, Default)]
pub(crate) struct SharedLog {
    edges: Vec<Words>,
    folds: HashMap<u32, Fold>,
    last_ns: u64,
    inexact: bool,
}

/// The sums of edges of one instrument. Stamps are added up, so that the integral of a level stays
/// exact; the order is lost.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Fold {
    /// Entries, and the sum of their stamps.
    pub(crate) entered: u64,
    pub(crate) entered_ns: u128,
    /// Exits, and the sum of their stamps.
    pub(crate) left: u64,
    pub(crate) left_ns: u128,
    /// The sum of the stays of those that left.
    pub(crate) stayed_ns: u128,
    /// Ends and observations by outcome and value: how many, and the sum of their values.
    pub(crate) ends: HashMap<(u8, u8), (u64, u128)>,
    /// The last limit that was set.
    pub(crate) limit: Option<Option<u64>>,
}

impl SharedLog {
    /// Stamps the edge and keeps it, or its sums; returns the stamp.
    pub(crate) fn push(&mut self, draft: &Draft, clock: &impl Clock) -> u64 {
        let now_ns = clock.after_acquire_ns();
        let at_ns = now_ns.max(self.last_ns + 1).max(draft.after_ns().saturating_add(1));
        self.last_ns = at_ns;
        let words = draft.stamped(at_ns, SHARED_LOG);
        if self.edges.len() < SHARED_CAPACITY {
            self.edges.push(words);
        } else {
            self.inexact = true;
            self.fold(&Edge::read(words));
        }
        at_ns
    }

    /// Notes that an edge was lost.
    pub(crate) fn mark_inexact(&mut self) {
        self.inexact = true;
    }

    /// Moves every edge with a stamp up to `until_ns` to `into`.
    pub(crate) fn take(&mut self, until_ns: u64, into: &mut Vec<Words>) {
        let earlier = self.edges.partition_point(|words| words[0] <= until_ns);
        into.extend(self.edges.drain(..earlier));
    }

    /// Takes the sums.
    pub(crate) fn take_folds(&mut self) -> Vec<(u32, Fold)> {
        self.folds.drain().collect()
    }

    /// Says whether all was kept since the last time.
    pub(crate) fn take_exact(&mut self) -> bool {
        !std::mem::take(&mut self.inexact)
    }

    /// Forgets everything.
    pub(crate) fn discard(&mut self) {
        self.edges.clear();
        self.folds.clear();
    }

    fn fold(&mut self, edge: &Edge) {
        if self.folds.len() >= FOLDS && !self.folds.contains_key(&edge.instrument) {
            return;
        }
        let fold = self.folds.entry(edge.instrument).or_default();
        let at_ns = u128::from(edge.at_ns);
        match edge.change {
            Change::Enter { count, .. } => {
                fold.entered += u64::from(count);
                fold.entered_ns += u128::from(count) * at_ns;
            }
            Change::Leave { key, count, outcome, value } => {
                fold.left += u64::from(count);
                fold.left_ns += u128::from(count) * at_ns;
                let stay_ns = u128::from(edge.at_ns.saturating_sub(key.at_ns));
                fold.stayed_ns += u128::from(count) * stay_ns;
                let end = fold.ends.entry((outcome.index(), value)).or_default();
                end.0 += 1;
                end.1 += stay_ns;
            }
            Change::Observe { value, index } => {
                let end = fold.ends.entry((0, index)).or_default();
                end.0 += 1;
                end.1 += u128::from(value);
            }
            Change::Limit(limit) => fold.limit = Some(limit),
        }
    }
}
