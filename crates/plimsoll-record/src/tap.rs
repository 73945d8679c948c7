//! The reading end of a log.

use crate::batch::Batch;
use crate::by::By;
use crate::edge::{Edge, is_second};
use crate::fold::{Excess, Folds, Taken};
use crate::log::Log;
use crate::sync::{Arc, Ordering, pause};
use std::collections::VecDeque;

/// How often a reader looks again at an odd head: an owner that runs is done by then.
const LOOKS: u32 = if cfg!(loom) { 1 } else { 200 };

/// The reading end; only whoever merges has it.
#[derive(Debug)]
pub(crate) struct Tap {
    log: Arc<Log>,
    /// Slots.
    merged: u64,
    /// Slots that the last look found published.
    published: u64,
    /// Edges that were taken out of the log before the watermark had come to them, ascending.
    ahead: VecDeque<Edge>,
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

    /// Looks how far the log is published, without the reader's fence: an edge may be on its way, but none
    /// that is stamped before one that is published already.
    ///
    /// Returns the time up to which every edge is published.
    pub(crate) fn glance(&mut self) -> u64 {
        let published = self.log.head.0.load(Ordering::Acquire) / 2;
        if published > self.published {
            self.published = published;
            let last = self.log.read(published - 1);
            let first = if is_second(last) { self.log.read(published - 2) } else { last };
            self.whole_ns = self.whole_ns.max(first[0]);
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
        if !self.ahead.range(since..).is_sorted_by_key(|edge| edge.at_ns) {
            // A stable sort, since it merges what ascends already.
            self.ahead.make_contiguous().sort_by_key(|edge| edge.at_ns);
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
        let mut ahead = std::mem::take(&mut self.ahead);
        self.read_on(u64::MAX, u64::MAX, |edge| ahead.push_back(edge));
        self.ahead = ahead;
        // What had been kept beside the log may lie between what was in it.
        self.order_ahead(known);
    }

    /// Returns a time up to which no more than `edges` edges wait in the log, and no more beside it.
    pub(crate) fn share(&self, edges: u64) -> u64 {
        let mut at = self.merged + edges;
        if at < self.published && is_second(self.log.read(at)) {
            at += 1;
        }
        let in_log = (at < self.published).then(|| self.log.read(at)[0]);
        let ahead = self.ahead.get(edges as usize).map(|edge| edge.at_ns);
        let next_ns = in_log.into_iter().chain(ahead).min();
        next_ns.map_or(u64::MAX, |next_ns| next_ns.saturating_sub(1))
    }

    /// Moves edges with stamps up to `until_ns` to the batch, `most` of those in the log, and frees their
    /// slots.
    pub(crate) fn take(&mut self, until_ns: u64, most: u64, batch: &mut Batch) {
        if !self.ahead.is_empty() {
            let ripe = self.ahead.partition_point(|edge| edge.at_ns <= until_ns);
            batch.begin_run();
            self.ahead.drain(..ripe).for_each(|edge| batch.push(edge));
        }
        if self.merged < self.published {
            batch.begin_run();
            self.read_on(until_ns, most, |edge| batch.push(edge));
        }
    }

    /// Reads on: the edges that are published and stamped up to `until_ns`, in `most` slots or one more.
    #[inline(always)]
    fn read_on(&mut self, until_ns: u64, most: u64, mut each: impl FnMut(Edge)) {
        let (log, id, mut at) = (&*self.log, self.log.id(), self.merged);
        let end = self.published.min(at.saturating_add(most));
        while at < end {
            let first = log.read(at);
            if first[0] > until_ns {
                break;
            }
            let (edge, slots) = Edge::read(first, id, || log.read(at + 1));
            each(edge);
            at += slots;
        }
        self.merged = at;
        log.tail.0.store(at, Ordering::Release);
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
