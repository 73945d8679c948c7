use plimsoll_model::exponential::Cuts;
use plimsoll_model::{Bucket, Exponential, HistogramValue, bucket};
use std::ops::Range;
use std::sync::{Arc, LazyLock, Mutex, PoisonError, Weak};

/// The default edges of what isn't a duration: the powers of two.
const COUNT_EDGES: [u64; 11] = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1_024];

/// Nanoseconds in a second.
const NS_PER_S: f64 = 1e9;

/// The cuts of what is observed in nanoseconds and exported in seconds.
static CUTS_OF_SECONDS: LazyLock<Cuts> = LazyLock::new(|| Cuts::new(NS_PER_S));

/// The cuts of what is exported as it is observed.
static CUTS_OF_COUNTS: LazyLock<Cuts> = LazyLock::new(|| Cuts::new(1.0));

/// A log-linear layout in which the exported edges, and the bounds of exponential buckets, are cell
/// bounds as well: every log-linear bucket that one falls into is cut in two, so that what the export
/// counts is exact.
#[derive(Debug)]
pub(crate) struct Layout {
    /// Ascending upper bounds.
    edges: Vec<u64>,
    /// Where each log-linear bucket begins.
    starts: Vec<Start>,
    /// Where exponential buckets cut the log-linear ones.
    cuts: &'static Cuts,
    /// Observed units in an exported one: a divisor, because 0.3 s must be exported as 0.3 and a
    /// multiplication by 1e-9 makes it 0.30000000000000004.
    units: f64,
}

/// What a log-linear bucket's least value comes after: all that a value in it is looked up by, side by
/// side.
#[derive(Clone, Copy, Debug)]
struct Start {
    /// The last value that is in the same exponential bucket.
    cut: u64,
    /// The first edge that doesn't lie below it.
    edge: u64,
    /// Its cell.
    cell: u32,
    /// How many edges lie below it.
    below: u32,
}

impl Layout {
    /// Returns the layout that is exact at the default edges and at `edges`. Histograms that have the
    /// same ones share it.
    pub(crate) fn new(edges: &[u64], seconds: bool) -> Arc<Self> {
        let (default, units, cuts): (&[u64], f64, &'static Cuts) = if seconds {
            (&bucket::DEFAULT_EDGES_NS, NS_PER_S, &CUTS_OF_SECONDS)
        } else {
            (&COUNT_EDGES, 1.0, &CUTS_OF_COUNTS)
        };
        let mut edges: Vec<u64> = edges.iter().chain(default).copied().collect();
        edges.sort_unstable();
        edges.dedup();
        static KNOWN: Mutex<Vec<Weak<Layout>>> = Mutex::new(Vec::new());
        let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|layout| layout.strong_count() > 0);
        let same = |layout: &Arc<Self>| layout.edges == edges && layout.units == units;
        if let Some(layout) = known.iter().filter_map(Weak::upgrade).find(same) {
            return layout;
        }
        let start = |at| {
            let least = bucket::lower_ns(at);
            let below = edges.partition_point(|edge| *edge < least);
            let exponential = cuts.index(at, least) - cuts.first();
            let cell = (at + below) as u32 + exponential as u32;
            let edge = edges.get(below).copied().unwrap_or(u64::MAX);
            Start { cut: cuts.until(at), edge, cell, below: below as u32 }
        };
        let starts = (0..bucket::BUCKETS).map(start).collect();
        let layout = Arc::new(Self { edges, starts, cuts, units });
        known.push(Arc::downgrade(&layout));
        layout
    }

    /// Returns the cell of a value: its bucket, moved on by its exponential bucket and by the edges below
    /// the value. All terms ascend with the value, and two values have the same sum only if they have
    /// the same buckets and the same edges below them.
    #[inline(always)]
    pub(crate) fn cell(&self, value: u64) -> usize {
        let Some(start) = self.starts.get(bucket::index(value)) else { return 0 };
        let passed = if value > start.edge { self.passed(start, value) } else { 0 };
        start.cell as usize + usize::from(value > start.cut) + passed
    }

    /// Returns how many of the edges that a log-linear bucket holds lie below a value.
    fn passed(&self, start: &Start, value: u64) -> usize {
        let edges = self.edges.iter().skip(start.below as usize);
        edges.take_while(|edge| **edge < value).count()
    }

    /// Returns how many cells there are.
    pub(crate) fn cells(&self) -> usize {
        self.cell(u64::MAX) + 1
    }

    /// Returns the classic histogram, in the exported unit, of cells that `count` counts from one to
    /// another.
    pub(crate) fn export(&self, count: impl Fn(usize, usize) -> u64, sum: u128) -> HistogramValue {
        let mut from = 0;
        let mut buckets = Vec::with_capacity(self.edges.len());
        for edge in &self.edges {
            let to = self.cell(edge.saturating_add(1));
            buckets.push(Bucket { le: *edge as f64 / self.units, count: count(from, to) });
            from = to;
        }
        let above = count(from, self.cells());
        HistogramValue { buckets, above, sum: sum as f64 / self.units }
    }

    /// Returns the exponential buckets of cells that `count` counts from one to another; none is used
    /// outside of `used`.
    pub(crate) fn export_exponential(
        &self,
        count: impl Fn(usize, usize) -> u64,
        used: Range<usize>,
    ) -> Exponential {
        let mut from = self.cell(1);
        let mut exponential = Exponential { zero: count(0, from), ..Exponential::default() };
        let first = self.bucket_of(used.start.max(from));
        from = from.max(self.cell(bucket::lower_ns(first)));
        for at in first..bucket::BUCKETS {
            if from >= used.end {
                break;
            }
            // What the bucket holds up to its cut, and beyond it.
            for last in [self.cuts.until(at), bucket::upper_ns(at)] {
                let to = (self.cell(last) + 1).max(from);
                exponential.push(self.cuts.index(at, last), count(from, to));
                from = to;
            }
        }
        exponential
    }

    /// Returns the log-linear bucket that a cell is a part of, or the next one of a cell without values.
    fn bucket_of(&self, cell: usize) -> usize {
        let (mut low, mut high) = (0, bucket::BUCKETS - 1);
        while low < high {
            let middle = usize::midpoint(low, high);
            if self.cell(bucket::upper_ns(middle)) < cell {
                low = middle + 1
            } else {
                high = middle
            }
        }
        low
    }
}
