//! The logs of all threads and the merge that reads them.

use crate::budget::Budget;
use crate::by::By;
use crate::clock::Clock;
use crate::edge::{Draft, EntryKey};
use crate::inlets::Inlets;
use crate::log::{Log, Owner};
use crate::merge::{Merge, Sink};
use crate::shared::SHARED_LOGS;
use crate::sync::{
    Arc, AtomicU64, Mutex, MutexGuard, Ordering, fence, lock, pause, try_lock, yield_now,
};

/// How many slots a thread's first log has, which is 4 KiB.
const FIRST_CAPACITY: u64 = if cfg!(loom) { 4 } else { 256 };

/// How many slots the log of a thread has that has to merge for itself: enough that what a merge
/// costs whatever it finds is little for each edge, few enough to stay in a processor's own cache.
const BUSY_CAPACITY: u64 = if cfg!(loom) { 4 } else { 8_192 };

/// How many slots a log has at most: a full one is followed by one of twice its size.
const CAPACITY_MAX: u64 = if cfg!(loom) { 4 } else { 32_768 };

/// How many slots all logs together have at most, which is 32 MiB.
const CAPACITY_ALL: u64 = 1 << 21;

/// How many they hold when logs stop growing, so that every later thread still gets its first one.
const CAPACITY_GROWN: u64 = CAPACITY_ALL / 2;

/// How often the shared logs are tried before an edge is given up, the later half of the times after
/// other threads have been let run: one that was stopped may hold a lock.
const TRIES: u32 = if cfg!(loom) { 2 } else { 64 };

/// Everything that edges pass through. A process has one; models and tests make their own.
#[derive(Debug)]
pub(crate) struct Recorder<C, S> {
    clock: C,
    /// Logs whose threads have ended, with what still waits in them.
    vacant: Mutex<Vec<Owner<C>>>,
    inlets: Inlets,
    merge: Mutex<Merge<S>>,
    /// Logs ever made, which numbers them.
    logs: AtomicU64,
    /// What all logs together hold.
    capacity: AtomicU64,
}

impl<C: Clock, S: Sink> Recorder<C, S> {
    pub(crate) fn new(clock: C, sink: S) -> Self {
        Self {
            clock,
            vacant: Mutex::new(Vec::new()),
            inlets: Inlets::new(),
            merge: Mutex::new(Merge::new(sink)),
            logs: AtomicU64::new(0),
            capacity: AtomicU64::new(0),
        }
    }

    /// Gives a thread a log: one that another left behind, else a new one within the bound.
    pub(crate) fn adopt(&self) -> Option<Owner<C>> {
        let left_behind = try_lock(&self.vacant)?.pop();
        left_behind.or_else(|| self.make(FIRST_CAPACITY))
    }

    /// Takes back the log of a thread that ends, with what still waits in it.
    pub(crate) fn vacate(&self, owner: Owner<C>) {
        lock(&self.vacant).push(owner);
    }

    /// Records through the thread's log. Returns the key of the edge.
    #[inline(always)]
    pub(crate) fn record(&self, owner: &mut Owner<C>, draft: Draft) -> EntryKey {
        let budget = &self.inlets.budget;
        let mask = budget.mask();
        if mask > 0 && draft.begins() && owner.passes_over(mask) {
            return self.record_scarce(owner, draft.untimed());
        }
        if owner.has_room() {
            let at_ns = owner.push(&draft, budget);
            return draft.key(at_ns, owner.log().id());
        }
        self.record_scarce(owner, draft)
    }

    /// Records while room, or time to read the clock, is scarce.
    #[cold]
    fn record_scarce(&self, owner: &mut Owner<C>, draft: Draft) -> EntryKey {
        if !owner.has_room() && owner.looks_for_room() {
            self.make_room(owner);
        }
        let at_ns = if owner.has_room() {
            Some(owner.push(&draft, &self.inlets.budget))
        } else {
            owner.spill(&draft, &self.inlets.budget, &self.inlets.excess)
        };
        match at_ns {
            Some(at_ns) => draft.key(at_ns, owner.log().id()),
            None => self.record_shared(draft),
        }
    }

    /// Returns what recording may take, and does when that is too much.
    pub(crate) fn budget(&self) -> &Budget {
        &self.inlets.budget
    }

    /// Records for a thread that has no log. Tries for the locks, but doesn't wait.
    #[cold]
    pub(crate) fn record_shared(&self, draft: Draft) -> EntryKey {
        self.inlets.shared_begun.fetch_add(1, Ordering::Relaxed);
        // Whoever merges sees that it has begun if its stamp is earlier than the merge's watermark, which
        // an owner moves without a fence of all threads.
        fence(Ordering::SeqCst);
        let pushed = self.push_shared(&draft);
        self.inlets.shared_done.fetch_add(1, Ordering::Release);
        pushed.unwrap_or_else(|| {
            self.inlets.excess.lose();
            EntryKey { at_ns: self.clock.now_ns(), log: 0 }
        })
    }

    fn push_shared(&self, draft: &Draft) -> Option<EntryKey> {
        for attempt in 0..TRIES {
            if let Some(mut shared) = self.inlets.shared.iter().find_map(try_lock) {
                return Some(shared.push(draft, &self.clock, &self.inlets.excess));
            }
            if attempt < TRIES / 2 { pause() } else { yield_now() }
        }
        None
    }

    /// Says whether anything was ever recorded: there is a log, or somebody found none.
    pub(crate) fn has_recorded(&self) -> bool {
        let shared = self.inlets.shared_begun.load(Ordering::Relaxed);
        self.logs.load(Ordering::Relaxed) > 0 || shared > 0
    }

    /// Merges all that is published and returns the merge, which stands at its watermark.
    pub(crate) fn merge(&self) -> MutexGuard<'_, Merge<S>> {
        let mut merge = lock(&self.merge);
        merge.run(By::Reader, &self.clock, &self.inlets);
        merge
    }

    /// Returns the merge as the last one left it.
    #[cfg(all(test, loom))]
    pub(crate) fn as_merged(&self) -> MutexGuard<'_, Merge<S>> {
        lock(&self.merge)
    }

    /// Merges until all that was recorded before the call is handed on. An owner that is stopped amid an
    /// edge is given the processor; after 100 ms it isn't waited for.
    pub(crate) fn catch_up(&self) {
        let asked_ns = self.clock.now_ns();
        while self.merge().watermark_ns() < asked_ns {
            yield_now();
        }
    }

    /// Merges if no one else does, and goes on with a larger log if this one is small for that, or still
    /// full.
    #[cold]
    fn make_room(&self, owner: &mut Owner<C>) {
        if owner.finds_room() {
            return;
        }
        if let Some(mut merge) = try_lock(&self.merge) {
            merge.run(By::Owner, &self.clock, &self.inlets);
        }
        let capacity = owner.log().capacity();
        let full = !owner.finds_room() && !owner.has_room();
        if capacity >= BUSY_CAPACITY && !full {
            return;
        }
        let larger = (2 * capacity).max(BUSY_CAPACITY);
        if larger <= CAPACITY_MAX
            && let Some(mut vacant) = try_lock(&self.vacant)
            && let Some(new) = self.make(larger)
        {
            vacant.push(owner.go_on_with(new));
        }
    }

    /// Makes a log, unless that would pass the bound or its list is in use.
    fn make(&self, capacity: u64) -> Option<Owner<C>> {
        let mut incoming = try_lock(&self.inlets.logs)?;
        let bound = if capacity > FIRST_CAPACITY { CAPACITY_GROWN } else { CAPACITY_ALL };
        if self.capacity.load(Ordering::Relaxed) + capacity > bound {
            return None;
        }
        self.capacity.fetch_add(capacity, Ordering::Relaxed);
        let id = self.logs.fetch_add(1, Ordering::Relaxed) as u32 + SHARED_LOGS;
        let log = Log::new(id, capacity as usize);
        incoming.push(Arc::clone(&log));
        Some(Owner::new(log, self.clock.clone()))
    }
}
