use plimsoll_model::{Bucket, HistogramValue, bucket};
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// The default edges of what isn't a duration: the powers of two.
const COUNT_EDGES: [u64; 11] = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1_024];

/// A log-linear layout in which the exported edges are cell bounds as well: every log-linear bucket
/// that an edge falls into is cut in two, so that what the export counts is exact.
#[derive(Debug, PartialEq)]
pub(crate) struct Layout {
    /// Ascending upper bounds.
    edges: Vec<u64>,
    /// How many edges lie below the least value of each log-linear bucket.
    below: Vec<u16>,
    /// Observed units in an exported one: a divisor, because 0.3 s must be exported as 0.3 and a
    /// multiplication by 1e-9 makes it 0.30000000000000004.
    units: f64,
}

impl Layout {
    /// Returns the layout that is exact at the default edges and at `edges`. Histograms that have the
    /// same ones share it.
    pub(crate) fn new(edges: &[u64], seconds: bool) -> Arc<Self> {
        let (default, units): (&[u64], f64) =
            if seconds { (&bucket::DEFAULT_EDGES_NS, 1e9) } else { (&COUNT_EDGES, 1.0) };
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
        let below = |of| edges.partition_point(|edge| *edge < bucket::lower_ns(of)) as u16;
        let below = (0..bucket::BUCKETS).map(below).collect();
        let layout = Arc::new(Self { edges, below, units });
        known.push(Arc::downgrade(&layout));
        layout
    }

    /// Returns the cell of a value: its bucket, moved on by the edges below the value. Both terms ascend
    /// with the value, and two values have the same sum only if they have the same bucket and the same
    /// edges below them.
    #[inline]
    pub(crate) fn cell(&self, value: u64) -> usize {
        let bucket = bucket::index(value);
        let mut below = self.below.get(bucket).map_or(0, |below| usize::from(*below));
        while self.edges.get(below).is_some_and(|edge| *edge < value) {
            below += 1;
        }
        bucket + below
    }

    /// Returns how many cells there are.
    pub(crate) fn cells(&self) -> usize {
        bucket::BUCKETS + self.edges.len()
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
}
