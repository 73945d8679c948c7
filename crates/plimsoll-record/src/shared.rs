//! What is recorded by a thread that has no log, or whose log is full while no one merges.

use crate::clock::Clock;
use crate::edge::{Change, Draft, Edge, EntryKey, Words};
use std::collections::HashMap;

/// How many shared logs there are, so that a thread that was stopped with one leaves others free.
/// Their numbers are below it, those of threads' logs are not.
pub(crate) const SHARED_LOGS: u32 = if cfg!(loom) { 1 } else { 8 };

/// How many edges wait in one at most; beyond it they are folded.
const CAPACITY: usize = if cfg!(loom) { 2 } else { 4_096 };

/// How many instruments are folded at most.
const FOLDS: usize = 4_096;

/// A log that all threads write, behind a lock that is only ever tried.
#[derive(Debug)]
pub(crate) struct SharedLog {
    id: u32,
    last_ns: u64,
    overflow: Overflow,
}

/// What a shared log holds.
#[derive(Debug, Default)]
pub(crate) struct Overflow {
    /// Edges, ascending by their stamps.
    pub(crate) edges: Vec<Words>,
    /// The sums of those that found no room, by instrument.
    pub(crate) folds: HashMap<u32, Fold>,
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
    /// The latest stamp.
    pub(crate) until_ns: u64,
    /// The last limit that was set.
    pub(crate) limit: Option<Option<u64>>,
}

impl SharedLog {
    pub(crate) fn new(id: u32) -> Self {
        Self { id, last_ns: 0, overflow: Overflow::default() }
    }

    /// Stamps the edge and keeps it, or its sums; returns its key.
    pub(crate) fn push(&mut self, draft: &Draft, clock: &impl Clock) -> EntryKey {
        let after_ns = self.last_ns.max(draft.after_ns());
        let at_ns = clock.now_ns().max(after_ns.saturating_add(1));
        self.last_ns = at_ns;
        let words = draft.stamped(at_ns, self.id);
        if self.overflow.edges.len() < CAPACITY {
            self.overflow.edges.push(words);
        } else {
            self.overflow.fold(&Edge::read(words));
        }
        EntryKey { at_ns, log: self.id }
    }

    /// Takes everything; it takes no longer the more there is.
    pub(crate) fn take(&mut self) -> Overflow {
        std::mem::take(&mut self.overflow)
    }
}

impl Overflow {
    fn fold(&mut self, edge: &Edge) {
        if self.folds.len() >= FOLDS && !self.folds.contains_key(&edge.instrument) {
            return; // The span is inexact already.
        }
        let fold = self.folds.entry(edge.instrument).or_default();
        let at_ns = u128::from(edge.at_ns);
        fold.until_ns = edge.at_ns;
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

impl Fold {
    /// Adds another fold of the same instrument.
    pub(crate) fn add(&mut self, other: Self) {
        self.entered += other.entered;
        self.entered_ns += other.entered_ns;
        self.left += other.left;
        self.left_ns += other.left_ns;
        self.stayed_ns += other.stayed_ns;
        for (key, (times, sum)) in other.ends {
            let end = self.ends.entry(key).or_default();
            end.0 += times;
            end.1 += sum;
        }
        self.until_ns = self.until_ns.max(other.until_ns);
        self.limit = other.limit.or(self.limit);
    }
}
