//! A log of edges that one thread writes and whoever merges reads.
//!
//! The head counts the edges, times two; while it is odd, an edge is being stamped. An owner makes
//! the head odd *before* it reads the clock, and even once the edge lies in its slot. A reader reads
//! the clock, fences every thread, and only then loads the head: an edge that was stamped earlier
//! than its reading lies in the log, or the head that it loads is odd.

use crate::budget::Budget;
use crate::clock::Clock;
use crate::edge::{Draft, Words};
use crate::fold::{Excess, Folds, Taken};
use crate::merge::By;
use crate::recorder::Inlets;
use crate::spill::Spill;
use crate::sync::{Arc, AtomicU64, Ordering, Padded, pause};
use std::collections::VecDeque;

/// How often a reader looks again at an odd head: an owner that runs is done by then.
const LOOKS: u32 = if cfg!(loom) { 1 } else { 200 };

/// After how many edges an owner at most tries again to make room: far fewer than it merges at a time,
/// or a log that was full once would stay so.
const RETRY_EDGES: u64 = 128;

/// The bounded log itself.
#[derive(Debug)]
pub(crate) struct Log {
    id: u32,
    slots: Box<[[AtomicU64; 4]]>,
    /// Twice the edges ever written, plus one while one is being written. The owner's.
    head: Padded<AtomicU64>,
    /// The edges ever merged. The reader's.
    tail: Padded<AtomicU64>,
    /// What the owner records while the log is full.
    spill: Spill,
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

    #[inline]
    fn slot(&self, at: u64) -> Option<&[AtomicU64; 4]> {
        self.slots.get(at as usize & (self.slots.len() - 1))
    }
}

/// The writing end. One thread has it at a time; when that ends, it passes on as it is.
#[derive(Debug)]
pub(crate) struct Owner<C> {
    log: Arc<Log>,
    clock: C,
    written: u64,
    /// What was merged when the owner last looked.
    merged: u64,
    /// What was kept beside the log.
    spilled: u64,
    /// How many edges are recorded when the owner next makes room.
    room_until: u64,
    last_ns: u64,
    /// Entries since all of them were timed.
    entries: u64,
}

impl<C: Clock> Owner<C> {
    pub(crate) fn new(log: Arc<Log>, clock: C) -> Self {
        let room_until = log.capacity() - log.capacity() / 4;
        Self { log, clock, written: 0, merged: 0, spilled: 0, room_until, last_ns: 0, entries: 0 }
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

    /// Says whether it is time to make room.
    #[inline]
    pub(crate) fn needs_room(&self) -> bool {
        self.written + self.spilled >= self.room_until
    }

    /// Looks how far the log has been merged. Says whether that makes room: a quarter or more is free.
    /// If it doesn't, the owner tries again after some edges, since trying costs, and when it is full.
    pub(crate) fn finds_room(&mut self) -> bool {
        let capacity = self.log.capacity();
        self.merged = self.log.tail.0.load(Ordering::Acquire);
        let three_quarters = self.merged + capacity - capacity / 4;
        let finds = self.written < three_quarters;
        let later = self.written + (capacity / 16).min(RETRY_EDGES) + 1;
        let until = match (finds, self.is_full()) {
            (true, _) => three_quarters,
            (false, false) => later.min(self.merged + capacity),
            (false, true) => later,
        };
        self.room_until = until + self.spilled;
        finds
    }

    /// Says whether the log was full when the owner last looked.
    #[inline]
    pub(crate) fn is_full(&self) -> bool {
        self.written - self.merged >= self.log.capacity()
    }

    /// Stamps the edge and publishes it; returns the stamp, or none when the log is full.
    #[inline]
    pub(crate) fn push(&mut self, draft: &Draft, budget: &Budget) -> Option<u64> {
        if self.is_full() {
            return None;
        }
        let (at_ns, words) = self.stamp(draft, budget);
        for (to, word) in self.log.slot(self.written)?.iter().zip(words) {
            to.store(word, Ordering::Relaxed);
        }
        self.written += 1;
        self.log.head.0.store(2 * self.written, Ordering::Release);
        Some(at_ns)
    }

    /// Stamps the edge and keeps it beside the log, which is full; returns the stamp, or none when
    /// whoever merges is in the way.
    #[cold]
    pub(crate) fn spill(&mut self, draft: &Draft, inlets: &Inlets) -> Option<u64> {
        let (at_ns, words) = self.stamp(draft, &inlets.budget);
        let kept = self.log.spill.push(words, &inlets.excess);
        self.log.head.0.store(2 * self.written, Ordering::Release);
        self.spilled += 1;
        kept.then_some(at_ns)
    }

    /// Begins an edge: makes the head odd, then reads the clock.
    #[inline]
    fn stamp(&mut self, draft: &Draft, budget: &Budget) -> (u64, Words) {
        // Release: a reader that sees this head takes all edges before it.
        self.log.head.0.store(2 * self.written + 1, Ordering::Release);
        self.clock.owner_fence();
        let after_ns = self.last_ns.max(draft.after_ns());
        let now_ns = match (draft.timed(), draft.ends()) {
            (true, false) => self.clock.now_ns(),
            (true, true) => self.clock.now_early_ns(),
            (false, _) => budget.coarse_ns(),
        };
        let at_ns = now_ns.max(after_ns.saturating_add(1));
        self.last_ns = at_ns;
        (at_ns, draft.stamped(at_ns, self.log.id))
    }
}

/// The reading end; only whoever merges has it.
#[derive(Debug)]
pub(crate) struct Tap {
    log: Arc<Log>,
    merged: u64,
    /// Edges that the last look found published.
    published: u64,
    /// Edges that were taken out of the log before the watermark had come to them, ascending.
    ahead: VecDeque<Words>,
    /// The last reading of the clock at which all earlier edges were published.
    whole_ns: u64,
}

impl Tap {
    /// Begins to read a log of which every edge is stamped later than `whole_ns`.
    pub(crate) fn new(log: Arc<Log>, whole_ns: u64) -> Self {
        Self { log, merged: 0, published: 0, ahead: VecDeque::new(), whole_ns }
    }

    /// Looks how far the log is published, after a clock reading `now_ns` and the reader's fence.
    ///
    /// Returns the time up to which every edge is published.
    pub(crate) fn look(&mut self, now_ns: u64) -> u64 {
        let first = self.log.head.0.load(Ordering::Acquire);
        let mut head = first;
        if !first.is_multiple_of(2) {
            // Whatever follows the edge that is being stamped is stamped after the fence, hence later
            // than `now_ns`: once the head moves, all that is earlier is published.
            for _ in 0..LOOKS {
                pause();
                head = self.log.head.0.load(Ordering::Acquire);
                if head != first {
                    break;
                }
            }
        }
        self.published = head / 2;
        if head.is_multiple_of(2) || head != first {
            self.whole_ns = now_ns;
        }
        self.whole_ns
    }

    /// Takes what the owner has kept beside the log until the last look. Says whether it got all of it.
    pub(crate) fn take_spill(&mut self, by: By, excess: &Excess, folds: &mut Folds) -> bool {
        let known = self.ahead.len();
        let mut into = Taken { excess, edges: &mut self.ahead, folds };
        let all = self.log.spill.take(by, &mut into);
        self.order_ahead(known);
        all
    }

    /// Puts what was added to the first `known` edges that were taken early into its place.
    fn order_ahead(&mut self, known: usize) {
        let since = known.saturating_sub(1).min(self.ahead.len());
        if !self.ahead.range(since..).is_sorted_by_key(|words| words[0]) {
            // A stable sort, since it merges what ascends already.
            self.ahead.make_contiguous().sort_by_key(|words| words[0]);
        }
    }

    /// Says whether any edge waits.
    pub(crate) fn waits(&self) -> bool {
        self.published > self.merged || !self.ahead.is_empty()
    }

    /// Says whether the owner will want room soon: half of the log waits.
    pub(crate) fn fills(&self) -> bool {
        2 * (self.published - self.merged) >= self.log.capacity()
    }

    /// Returns how many edges were taken out before their time.
    pub(crate) fn ahead(&self) -> usize {
        self.ahead.len()
    }

    /// Makes room: takes every published edge out before its time.
    pub(crate) fn take_ahead(&mut self) {
        let known = self.ahead.len();
        while self.merged < self.published
            && let Some(words) = self.read(self.merged)
        {
            self.ahead.push_back(words);
            self.merged += 1;
        }
        self.log.tail.0.store(self.merged, Ordering::Release);
        // What had been kept beside the log may lie between what was in it.
        self.order_ahead(known);
    }

    /// Returns a time up to which no more than `edges` edges wait.
    pub(crate) fn share(&self, edges: u64) -> u64 {
        let at = self.merged + edges;
        let in_log = (at < self.published).then(|| self.read(at)).flatten();
        let ahead = self.ahead.get(edges as usize).copied();
        let next_ns = in_log.into_iter().chain(ahead).map(|[at_ns, ..]| at_ns).min();
        next_ns.map_or(u64::MAX, |next_ns| next_ns.saturating_sub(1))
    }

    /// Moves every published edge with a stamp up to `until_ns` to `into`, and frees its slot.
    pub(crate) fn take(&mut self, until_ns: u64, into: &mut Vec<Words>) {
        let ripe = self.ahead.partition_point(|words| words[0] <= until_ns);
        into.extend(self.ahead.drain(..ripe));
        while self.merged < self.published
            && let Some(words) = self.read(self.merged).filter(|words| words[0] <= until_ns)
        {
            into.push(words);
            self.merged += 1;
        }
        self.log.tail.0.store(self.merged, Ordering::Release);
    }

    fn read(&self, at: u64) -> Option<Words> {
        let slot = self.log.slot(at)?;
        Some(slot.each_ref().map(|word| word.load(Ordering::Relaxed)))
    }

    /// Forgets every published edge. Says whether the log's owner isn't amid one.
    pub(crate) fn discard(&mut self, excess: &Excess) -> bool {
        let head = self.log.head.0.load(Ordering::Acquire);
        self.published = head / 2;
        self.merged = self.published;
        self.ahead.clear();
        self.log.tail.0.store(self.merged, Ordering::Release);
        let (mut edges, mut folds) = (VecDeque::new(), Folds::new());
        let mut into = Taken { excess, edges: &mut edges, folds: &mut folds };
        // The lock of a place may have been copied while it was held.
        self.log.spill.take(By::Owner, &mut into) && head.is_multiple_of(2)
    }
}
