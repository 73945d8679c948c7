//! Brings the edges of all logs into one order and hands them on, up to a watermark.

use crate::batch::Batch;
use crate::budget::Judged;
use crate::by::By;
use crate::clock::Clock;
use crate::edge::Edge;
use crate::fold::{Fold, Folds, Taken};
use crate::inlets::Inlets;
use crate::sync::{Ordering, fence, lock};
use crate::tap::Tap;
use std::collections::VecDeque;

/// How long an owner that was stopped amid an edge holds the watermark back.
const HOLD_NS: u64 = 100_000_000;

/// How many edges an owner merges at most before it goes on with its own work, unless there are more
/// logs than that: some 40 µs.
const OWNER_SHARE: u64 = 4_096;

/// How many edges a reader takes at a time, which bounds the memory that it takes.
const READER_SHARE: u64 = 1 << 16;

/// How many edges of a single log are handed on at a time, which are 8 KiB.
const PORTION: u64 = 256;

/// How many edges are taken out of their logs before the watermark has come to them, which is 16 MiB.
const AHEAD_MAX: usize = 1 << 19;

/// Of how many edges a merge must be for its cost to count: a lesser one is mostly looking.
const COST_EDGES: u64 = 64;

/// Takes the edges in order.
pub(crate) trait Sink {
    /// Returns what an instrument shares an order with: edges of one group come in the order of their
    /// stamps.
    fn group(&self, instrument: u32) -> u32;

    /// Takes edges, those of a group in order. Their stamps may lie before the watermark only when
    /// exactness was given up.
    fn apply(&mut self, edges: &[Edge]);

    /// Takes the sums of edges that found no log, as of `at_ns`.
    fn apply_fold(&mut self, instrument: u32, fold: &Fold, at_ns: u64);

    /// Forgets what is in progress: the process is a fork, and its threads stayed behind.
    fn forget_progress(&mut self);
}

/// The one order of all edges, as far as it is known.
#[derive(Debug)]
pub(crate) struct Merge<S> {
    taps: Vec<Tap>,
    /// Every earlier edge has been handed on.
    watermark_ns: u64,
    /// Time in which exactness was given up, and the end of the last such span.
    inexact_ns: u64,
    inexact_until_ns: u64,
    /// What the shared logs held beyond the watermark.
    shared: VecDeque<Edge>,
    /// How many edges of the shared logs were done when all of them were taken.
    shared_taken: u64,
    folds: Folds,
    batch: Batch,
    process: u32,
    /// When it last looked, and how long after the time before: what isn't timed is known so well.
    looked_ns: u64,
    between_ns: u64,
    /// All edges that were handed on, and how many there were when the budget was last judged.
    edges: u64,
    judged: Judged,
    /// What merging cost so far, and of how many edges.
    cost: Cost,
    pub(crate) sink: S,
}

/// What merging cost: nanoseconds, and of how many edges.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Cost {
    pub(crate) spent_ns: u64,
    pub(crate) edges: u64,
}

impl<S: Sink> Merge<S> {
    pub(crate) fn new(sink: S) -> Self {
        Self {
            taps: Vec::new(),
            watermark_ns: 0,
            inexact_ns: 0,
            inexact_until_ns: 0,
            shared: VecDeque::new(),
            shared_taken: 0,
            folds: Folds::new(),
            batch: Batch::default(),
            process: std::process::id(),
            looked_ns: 0,
            between_ns: 0,
            edges: 0,
            judged: Judged::default(),
            cost: Cost::default(),
            sink,
        }
    }

    /// Returns the instant at which the sink stands.
    pub(crate) fn watermark_ns(&self) -> u64 {
        self.watermark_ns
    }

    /// Returns how much time wasn't exact so far.
    pub(crate) fn inexact_ns(&self) -> u64 {
        self.inexact_ns
    }

    /// Returns how long before it the last merge looked at the clock.
    pub(crate) fn between_ns(&self) -> u64 {
        self.between_ns
    }

    /// Returns what merging cost so far.
    pub(crate) fn cost(&self) -> Cost {
        self.cost
    }

    /// Hands on every edge up to a new watermark.
    pub(crate) fn run<C: Clock>(&mut self, by: By, clock: &C, inlets: &Inlets) {
        let began_ns = clock.now_ns();
        inlets.budget.pass(began_ns);
        // A log that isn't here yet stamps its first edge later than `began_ns`; one that is new
        // has none before the watermark.
        let Some(new) = by.lock(&inlets.logs).map(|mut logs| std::mem::take(&mut *logs)) else {
            return;
        };
        let whole_ns = self.watermark_ns;
        self.taps.extend(new.into_iter().map(|log| Tap::new(log, whole_ns)));
        self.leave_parent_process(inlets);
        let (now_ns, held_ns) = self.look(by, began_ns, clock);
        // After the look at the logs: an exit that lies there may have its entry among the folds.
        if !self.take_excess(by, inlets) {
            self.make_room(); // So that this owner needn't keep edges beside its log as well.
            return;
        }
        let exact =
            self.folds.is_empty() && !inlets.excess.take_lost() && now_ns - held_ns <= HOLD_NS;
        for (instrument, fold) in self.folds.drain() {
            self.sink.apply_fold(instrument, &fold, self.watermark_ns);
        }
        if !exact {
            self.give_up_exactness(now_ns);
        }
        self.between_ns = now_ns.saturating_sub(self.looked_ns);
        self.looked_ns = now_ns;
        let before = self.edges;
        // Where exactness is given up nobody is waited for.
        self.hand_on(by, if exact { held_ns } else { now_ns });
        if exact && held_ns < now_ns {
            self.make_room();
        }
        if by == By::Reader {
            let merging_ns = self.cost.spent_ns / self.cost.edges.max(1);
            inlets.budget.judge(&mut self.judged, now_ns, self.edges, merging_ns);
            self.batch.shrink();
        }
        let edges = self.edges - before;
        if edges >= COST_EDGES {
            self.cost.edges += edges;
            self.cost.spent_ns += clock.now_ns().saturating_sub(began_ns);
        }
    }

    /// Looks how far the logs are published; returns the time as of which it did, and the time up to which
    /// all edges are.
    fn look(&mut self, by: By, now_ns: u64, clock: &impl Clock) -> (u64, u64) {
        if by == By::Owner {
            let held_ns = self.taps.iter_mut().map(Tap::glance).fold(now_ns, u64::min);
            // What began in a shared log earlier than what a thread's own log shows is seen next.
            fence(Ordering::SeqCst);
            let (lag_ns, gain_ns) = (now_ns - held_ns, held_ns.saturating_sub(self.watermark_ns));
            if lag_ns < gain_ns.min(HOLD_NS) {
                return (held_ns, held_ns);
            }
        }
        // Some logs are silent: only a fence tells whether an edge is on its way.
        clock.reader_fence();
        (now_ns, self.taps.iter_mut().map(|tap| tap.look(now_ns)).fold(now_ns, u64::min))
    }

    /// Adds the span from the watermark to now to what wasn't exact.
    fn give_up_exactness(&mut self, now_ns: u64) {
        let from_ns = self.watermark_ns.max(self.inexact_until_ns);
        self.inexact_ns += now_ns.saturating_sub(from_ns);
        self.inexact_until_ns = self.inexact_until_ns.max(now_ns);
    }

    /// Takes what lies beside full logs and in the shared ones. Says whether it got at all of it.
    fn take_excess(&mut self, by: By, inlets: &Inlets) -> bool {
        let (excess, folds) = (&inlets.excess, &mut self.folds);
        let mut all = self.taps.iter_mut().all(|tap| tap.take_spill(by, excess, folds));
        let done = inlets.shared_done.load(Ordering::Acquire);
        if done == self.shared_taken && inlets.shared_begun.load(Ordering::Relaxed) == done {
            return all;
        }
        for shared in &inlets.shared {
            // One at a time, so that whoever records finds another one free.
            let taken = by.lock(shared).map(|mut shared| shared.take(excess));
            all &= taken.is_some();
            taken.unwrap_or_default().hand_on(&mut Taken {
                excess,
                edges: &mut self.shared,
                folds,
            });
        }
        all
    }

    /// Hands on the edges with stamps up to `whole_ns`, of which an owner takes its share, and moves the
    /// watermark there.
    fn hand_on(&mut self, by: By, whole_ns: u64) {
        // Idle logs don't count, or a few threads among many logs would merge little at a time.
        let busy = self.taps.iter().filter(|tap| tap.waits()).count() as u64;
        let share = if by == By::Owner { OWNER_SHARE } else { READER_SHARE };
        let each = (share / busy.max(1)).max(1);
        loop {
            let until_ns = self.taps.iter().map(|tap| tap.share(each)).fold(whole_ns, u64::min);
            self.watermark_ns = self.watermark_ns.max(until_ns);
            self.take_shared();
            let plain = |tap: &Tap| tap.waits() && tap.ahead() == 0;
            let alone = if busy == 1 { self.taps.iter().position(plain) } else { None };
            match alone.filter(|_| self.batch.len() == 0) {
                Some(at) => self.hand_on_alone(at),
                None => {
                    let (until_ns, batch) = (self.watermark_ns, &mut self.batch);
                    self.taps.iter_mut().for_each(|tap| tap.take(until_ns, u64::MAX, batch));
                    self.hand_on_batch();
                }
            }
            if by == By::Owner || until_ns >= whole_ns {
                return;
            }
        }
    }

    /// Hands on the edges of the only log that has any, which are in order already: in portions that
    /// stay in a processor's nearest cache.
    fn hand_on_alone(&mut self, at: usize) {
        while let Some(tap) = self.taps.get_mut(at) {
            tap.take(self.watermark_ns, PORTION, &mut self.batch);
            if self.batch.len() == 0 {
                return;
            }
            self.hand_on_batch();
        }
    }

    /// Hands the batch on in the order of stamps; of equal ones in the order of logs.
    fn hand_on_batch(&mut self) {
        self.edges += self.batch.len() as u64;
        let sink = &mut self.sink;
        let edges = self.batch.in_order(|instrument| sink.group(instrument));
        sink.apply(edges);
        self.batch.clear();
    }

    /// Moves what the shared logs held and the watermark has come to to the batch.
    fn take_shared(&mut self) {
        if self.shared.is_empty() {
            return;
        }
        let all = std::mem::take(&mut self.shared).into_iter();
        let (ripe, later): (Vec<Edge>, Vec<Edge>) =
            all.partition(|edge| edge.at_ns <= self.watermark_ns);
        self.shared = later.into();
        self.batch.add_runs(ripe);
    }

    /// Keeps the logs from filling while the watermark is held back.
    fn make_room(&mut self) {
        let mut ahead: usize = self.taps.iter().map(Tap::ahead).sum();
        for tap in self.taps.iter_mut().filter(|tap| tap.fills()) {
            if ahead >= AHEAD_MAX {
                break;
            }
            tap.take_ahead();
            ahead += tap.ahead();
        }
    }

    /// Forgets the logs that a fork copied: their threads don't exist here.
    fn leave_parent_process(&mut self, inlets: &Inlets) {
        let process = std::process::id();
        if process == self.process {
            return;
        }
        self.process = process;
        self.taps.retain_mut(|tap| tap.discard(&inlets.excess));
        inlets.shared.iter().for_each(|shared| drop(lock(shared).take(&inlets.excess)));
        self.shared.clear();
        self.folds.clear();
        self.sink.forget_progress();
    }
}
