//! A log of edges that one thread writes and whoever merges reads.
//!
//! The head counts the slots that were written, times two; while it is odd, an edge is being stamped. An owner makes
//! the head odd *before* it reads the clock, and even once the edge lies in its slot. A reader reads
//! the clock, fences every thread, and only then loads the head: an edge that was stamped earlier
//! than its reading lies in the log, or the head that it loads is odd.

use crate::budget::Budget;
use crate::clock::Clock;
use crate::edge::{Draft, SLOTS_MAX, Slot};
use crate::fold::Excess;
use crate::spill::Spill;
use crate::sync::{Arc, AtomicU64, Ordering, Padded};

/// After how many edges an owner at most tries again to make room: far fewer than it merges at a time,
/// or a log that was full once would stay so.
const RETRY_EDGES: u64 = 128;

/// The bounded log itself.
#[derive(Debug)]
pub(crate) struct Log {
    id: u32,
    slots: Box<[[AtomicU64; 2]]>,
    /// Twice the slots ever written, plus one while an edge is being written. The owner's.
    pub(crate) head: Padded<AtomicU64>,
    /// The slots ever merged. The reader's.
    pub(crate) tail: Padded<AtomicU64>,
    /// What the owner records while the log is full.
    pub(crate) spill: Spill,
}

impl Log {
    /// Makes an empty log; `capacity` is raised to a power of two.
    pub(crate) fn new(id: u32, capacity: usize) -> Arc<Self> {
        let slot = || std::array::from_fn(|_| AtomicU64::new(0));
        Arc::new(Self {
            id,
            slots: (0..capacity.next_power_of_two()).map(|_| slot()).collect(),
            head: Padded(AtomicU64::new(0)),
            tail: Padded(AtomicU64::new(0)),
            spill: Spill::new(),
        })
    }

    pub(crate) fn id(&self) -> u32 {
        self.id
    }

    pub(crate) fn capacity(&self) -> u64 {
        self.slots.len() as u64
    }

    #[inline(always)]
    fn slot(&self, at: u64) -> Option<&[AtomicU64; 2]> {
        self.slots.get(at as usize & (self.slots.len() - 1))
    }

    #[inline(always)]
    fn write(&self, at: u64, slot: Slot) {
        if let Some(to) = self.slot(at) {
            to[0].store(slot[0], Ordering::Relaxed);
            to[1].store(slot[1], Ordering::Relaxed);
        }
    }

    #[inline(always)]
    pub(crate) fn read(&self, at: u64) -> Slot {
        let slot = self
            .slot(at)
            .map(|[first, second]| [first.load(Ordering::Relaxed), second.load(Ordering::Relaxed)]);
        slot.unwrap_or_default()
    }
}

/// The writing end. One thread has it at a time; when that ends, it passes on as it is.
#[derive(Debug)]
pub(crate) struct Owner<C> {
    log: Arc<Log>,
    clock: C,
    /// Slots.
    written: u64,
    /// Before so many are written, there is room for an edge without a look.
    room_until: u64,
    last_ns: u64,
    /// Entries since all of them were timed.
    entries: u64,
    /// How many edges go beside the full log before the owner tries again to make room.
    patience: u64,
}

impl<C: Clock> Owner<C> {
    pub(crate) fn new(log: Arc<Log>, clock: C) -> Self {
        let room_until = three_quarters(log.capacity());
        Self { log, clock, written: 0, room_until, last_ns: 0, entries: 0, patience: 0 }
    }

    pub(crate) fn log(&self) -> &Arc<Log> {
        &self.log
    }

    /// Says whether this entry is one of those that aren't timed, of which `mask` lets one in so many be.
    pub(crate) fn passes_over(&mut self, mask: u64) -> bool {
        self.entries += 1;
        self.entries & mask != 0
    }

    /// Goes on with another log, after its last edge here; returns the end of this one.
    pub(crate) fn go_on_with(&mut self, mut new: Self) -> Self {
        new.last_ns = self.last_ns;
        std::mem::replace(self, new)
    }

    /// Says whether the next edge may be pushed without a look at what is merged.
    #[inline(always)]
    pub(crate) fn has_room(&self) -> bool {
        self.written < self.room_until
    }

    /// Says whether it is time to look, and to make room: not for each edge that finds the log full,
    /// since trying costs.
    pub(crate) fn looks_for_room(&mut self) -> bool {
        self.patience = self.patience.saturating_sub(1);
        self.patience == 0
    }

    /// Looks how far the log has been merged. Says whether that makes room: a quarter or more is free.
    /// If it doesn't, the owner looks again after some edges, or once more are kept beside a full log.
    pub(crate) fn finds_room(&mut self) -> bool {
        let capacity = self.log.capacity();
        let merged = self.log.tail.0.load(Ordering::Acquire);
        let enough = merged + three_quarters(capacity);
        let later = (capacity / 16).min(RETRY_EDGES) + 1;
        // Behind the last one that is let through without a look, the longest edge still fits.
        let full = merged + capacity + 1 - SLOTS_MAX;
        let finds = self.written < enough;
        self.room_until = if finds { enough } else { full.min(self.written + later) };
        self.patience = if self.has_room() { 0 } else { later };
        finds
    }

    /// Stamps the edge and publishes it; returns the stamp. Only when the log has room.
    #[inline(always)]
    pub(crate) fn push(&mut self, draft: &Draft, budget: &Budget) -> u64 {
        let at_ns = self.stamp(draft, budget);
        let (first, second) = draft.slots(at_ns, self.log.id);
        self.log.write(self.written, first);
        self.written += 1;
        if let Some(second) = second {
            self.log.write(self.written, second);
            self.written += 1;
        }
        self.log.head.0.store(2 * self.written, Ordering::Release);
        at_ns
    }

    /// Stamps the edge and keeps it beside the log, which is full; returns the stamp, or none when
    /// whoever merges is in the way.
    pub(crate) fn spill(&mut self, draft: &Draft, budget: &Budget, excess: &Excess) -> Option<u64> {
        let at_ns = self.stamp(draft, budget);
        let kept = self.log.spill.push(draft.stamped(at_ns, self.log.id), excess);
        self.log.head.0.store(2 * self.written, Ordering::Release);
        kept.then_some(at_ns)
    }

    /// Begins an edge: makes the head odd, then reads the clock.
    #[inline(always)]
    fn stamp(&mut self, draft: &Draft, budget: &Budget) -> u64 {
        // Release: a reader that sees this head takes all edges before it.
        self.log.head.0.store(2 * self.written + 1, Ordering::Release);
        self.clock.owner_fence();
        let after_ns = self.last_ns.max(draft.after_ns());
        let now_ns = match (draft.timed(), draft.ends()) {
            (true, false) => self.clock.now_ns(),
            (true, true) => self.clock.now_early_ns(),
            (false, _) => budget.coarse_ns(),
        };
        self.last_ns = now_ns.max(after_ns.saturating_add(1));
        self.last_ns
    }
}

/// Returns how many slots of a log may be written before its owner looks for room.
fn three_quarters(capacity: u64) -> u64 {
    capacity - capacity / 4
}
