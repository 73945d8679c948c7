//! What is kept of edges that find their log full: the edges themselves while there is room, else
//! their sums.

use crate::edge::{Edge, Kind};
use crate::sync::{AtomicU64, Ordering};
use std::collections::{HashMap, VecDeque};

/// How many edges wait outside of their logs at most, which is 8 MiB; beyond it they are folded.
const WAITING_MAX: u64 = if cfg!(loom) { 2 } else { 1 << 18 };

/// How many instruments are folded in one place at most.
const FOLDS: usize = 4_096;

/// Counts what waits outside of the logs, and what was lost, in the whole recorder.
#[derive(Debug)]
pub(crate) struct Excess {
    /// Edges that wait.
    waiting: AtomicU64,
    /// Edges that found no place since the last merge.
    lost: AtomicU64,
}

impl Excess {
    pub(crate) fn new() -> Self {
        Self { waiting: AtomicU64::new(0), lost: AtomicU64::new(0) }
    }

    /// Counts an edge that is lost.
    pub(crate) fn lose(&self) {
        self.lost.fetch_add(1, Ordering::Relaxed);
    }

    /// Says whether edges were lost since the last call.
    pub(crate) fn take_lost(&self) -> bool {
        self.lost.load(Ordering::Relaxed) > 0 && self.lost.swap(0, Ordering::Relaxed) > 0
    }
}

/// Where what was kept goes when it is taken.
pub(crate) struct Taken<'a> {
    pub(crate) excess: &'a Excess,
    pub(crate) edges: &'a mut VecDeque<Edge>,
    pub(crate) folds: &'a mut Folds,
}

/// The sums of edges without an order, by instrument.
pub(crate) type Folds = HashMap<u32, Fold>;

/// Edges that found no room in a log.
#[derive(Debug, Default)]
pub(crate) struct Overflow {
    /// Edges, ascending by their stamps.
    edges: Vec<Edge>,
    /// The sums of those that found no room here either, by instrument.
    folds: Folds,
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

impl Overflow {
    /// Keeps an edge, or its sums.
    pub(crate) fn push(&mut self, edge: Edge, excess: &Excess) {
        if excess.waiting.load(Ordering::Relaxed) < WAITING_MAX {
            excess.waiting.fetch_add(1, Ordering::Relaxed);
            self.edges.push(edge);
        } else if !self.fold(&edge) {
            excess.lose();
        }
    }

    /// Takes everything; it takes no longer the more there is.
    pub(crate) fn take(&mut self, excess: &Excess) -> Self {
        excess.waiting.fetch_sub(self.edges.len() as u64, Ordering::Relaxed);
        std::mem::take(self)
    }

    /// Hands on what it holds.
    pub(crate) fn hand_on(self, into: &mut Taken<'_>) {
        into.edges.extend(self.edges);
        for (instrument, fold) in self.folds {
            into.folds.entry(instrument).or_default().add(fold);
        }
    }

    /// Adds an edge to the sums of its instrument. Says whether there was room for them.
    fn fold(&mut self, edge: &Edge) -> bool {
        if self.folds.len() >= FOLDS && !self.folds.contains_key(&edge.instrument()) {
            return false;
        }
        let fold = self.folds.entry(edge.instrument()).or_default();
        let at_ns = u128::from(edge.at_ns);
        fold.until_ns = edge.at_ns;
        let count = u128::from(edge.count);
        match edge.kind() {
            Kind::Enter => {
                fold.entered += u64::from(edge.count);
                fold.entered_ns += count * at_ns;
            }
            Kind::Leave => {
                fold.left += u64::from(edge.count);
                fold.left_ns += count * at_ns;
                let stay_ns = u128::from(edge.at_ns.saturating_sub(edge.operand));
                fold.stayed_ns += count * stay_ns;
                let end = fold.ends.entry((edge.outcome(), edge.value())).or_default();
                end.0 += 1;
                end.1 += stay_ns;
            }
            Kind::Observe => {
                let end = fold.ends.entry((0, edge.value())).or_default();
                end.0 += 1;
                end.1 += u128::from(edge.operand);
            }
            Kind::Limit => fold.limit = Some(Some(edge.operand)),
            Kind::NoLimit => fold.limit = Some(None),
        }
        true
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
