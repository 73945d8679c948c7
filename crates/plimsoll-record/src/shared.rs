//! What is recorded by a thread that has no log: before its first one is made, after its last one is
//! given back, and beyond the bound on logs.

use crate::clock::Clock;
use crate::edge::{Draft, EntryKey};
use crate::fold::{Excess, Overflow};

/// How many shared logs there are, so that a thread that was stopped with one leaves others free.
/// Their numbers are below it, those of threads' logs are not.
pub(crate) const SHARED_LOGS: u32 = if cfg!(loom) { 1 } else { 32 };

/// A log that all threads write, behind a lock that is only ever tried.
#[derive(Debug)]
pub(crate) struct SharedLog {
    id: u32,
    last_ns: u64,
    overflow: Overflow,
}

impl SharedLog {
    pub(crate) fn new(id: u32) -> Self {
        Self { id, last_ns: 0, overflow: Overflow::default() }
    }

    /// Stamps the edge and keeps it, or its sums; returns its key.
    pub(crate) fn push(&mut self, draft: &Draft, clock: &impl Clock, excess: &Excess) -> EntryKey {
        let after_ns = self.last_ns.max(draft.after_ns());
        let at_ns = clock.now_ns().max(after_ns.saturating_add(1));
        self.last_ns = at_ns;
        self.overflow.push(draft.stamped(at_ns, self.id), excess);
        draft.key(at_ns, self.id)
    }

    /// Takes everything; it takes no longer the more there is.
    pub(crate) fn take(&mut self, excess: &Excess) -> Overflow {
        self.overflow.take(excess)
    }
}
