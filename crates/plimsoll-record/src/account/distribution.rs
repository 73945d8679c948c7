use plimsoll_model::{Bucket, HistogramValue, bucket};
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// Cells that are allocated together, once one of them is needed.
const ROW: usize = 16;

/// The default edges of what isn't a duration: the powers of two.
const COUNT_EDGES: [u64; 11] = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1_024];

/// A histogram of ready values.
#[derive(Debug)]
pub(crate) struct HistogramAccount {
    pub(crate) distribution: Distribution,
    /// The activity whose level names the series.
    banded: Option<u32>,
}

impl HistogramAccount {
    pub(crate) fn new(distribution: Distribution, banded: Option<u32>) -> Self {
        Self { distribution, banded }
    }

    pub(crate) fn banded(&self) -> Option<u32> {
        self.banded
    }
}

/// Log-linear histograms of one layout, side by side.
#[derive(Debug)]
pub(crate) struct Distribution {
    layout: Arc<Layout>,
    series: Vec<Cells>,
}

/// A log-linear layout in which the exported edges are cell bounds as well: every log-linear bucket
/// that an edge falls into is cut in two, so that what the export counts is exact.
#[derive(Debug, PartialEq)]
struct Layout {
    /// Ascending upper bounds.
    edges: Vec<u64>,
    /// How many edges lie below the least value of each log-linear bucket.
    below: Vec<u16>,
    /// Observed units in an exported one: a divisor, because 0.3 s must be exported as 0.3 and a
    /// multiplication by 1e-9 makes it 0.30000000000000004.
    units: f64,
}

#[derive(Clone, Debug, Default)]
struct Cells {
    rows: Vec<Option<Box<[u64; ROW]>>>,
    sum: u128,
}

impl Distribution {
    /// Makes `series` empty histograms that are exact at the default edges and at `edges`.
    pub(crate) fn new(edges: &[u64], seconds: bool, series: usize) -> Self {
        let (default, units): (&[u64], f64) =
            if seconds { (&bucket::DEFAULT_EDGES_NS, 1e9) } else { (&COUNT_EDGES, 1.0) };
        let mut edges: Vec<u64> = edges.iter().chain(default).copied().collect();
        edges.sort_unstable();
        edges.dedup();
        Self { layout: Layout::of(edges, units), series: vec![Cells::default(); series] }
    }

    /// Counts a value `times` times; an unknown series is the last one.
    #[inline]
    pub(crate) fn observe(&mut self, series: usize, value: u64, times: u64) {
        let cell = self.layout.cell(value);
        if let Some(cells) = self.cells_mut(series) {
            cells.add(cell, times);
            cells.sum += u128::from(value) * u128::from(times);
        }
    }

    /// Counts values of which only the sum is known: count and sum are exact, the cell is the mean's.
    pub(crate) fn observe_mean(&mut self, series: usize, sum: u128, times: u64) {
        let mean = sum / u128::from(times.max(1));
        let cell = self.layout.cell(u64::try_from(mean).unwrap_or(u64::MAX));
        if let Some(cells) = self.cells_mut(series) {
            cells.add(cell, times);
            cells.sum += sum;
        }
    }

    /// Returns the classic histograms, in the exported unit.
    pub(crate) fn values(&self) -> impl Iterator<Item = HistogramValue> {
        self.series.iter().map(|cells| self.layout.export(cells))
    }

    fn cells_mut(&mut self, series: usize) -> Option<&mut Cells> {
        let last = self.series.len().checked_sub(1)?;
        self.series.get_mut(series.min(last))
    }
}

impl Layout {
    /// Returns the layout of these edges. Histograms that have the same ones share it.
    fn of(edges: Vec<u64>, units: f64) -> Arc<Self> {
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
    fn cell(&self, value: u64) -> usize {
        let bucket = bucket::index(value);
        let mut below = self.below.get(bucket).map_or(0, |below| usize::from(*below));
        while self.edges.get(below).is_some_and(|edge| *edge < value) {
            below += 1;
        }
        bucket + below
    }

    fn export(&self, cells: &Cells) -> HistogramValue {
        let mut from = 0;
        let mut buckets = Vec::with_capacity(self.edges.len());
        for edge in &self.edges {
            let to = self.cell(edge.saturating_add(1));
            buckets.push(Bucket { le: *edge as f64 / self.units, count: cells.count(from, to) });
            from = to;
        }
        let above = cells.count(from, bucket::BUCKETS + self.edges.len());
        HistogramValue { buckets, above, sum: cells.sum as f64 / self.units }
    }
}

impl Cells {
    #[inline]
    fn add(&mut self, cell: usize, times: u64) {
        let (row, column) = (cell / ROW, cell % ROW);
        if row >= self.rows.len() {
            self.rows.resize_with(row + 1, || None);
        }
        if let Some(row) = self.rows.get_mut(row) {
            row.get_or_insert_default()[column] += times;
        }
    }

    /// Counts the cells `from..to`.
    fn count(&self, from: usize, to: usize) -> u64 {
        (from..to).filter_map(|cell| self.rows.get(cell / ROW)?.as_ref()?.get(cell % ROW)).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{Rng, SeedableRng, rngs::SmallRng};

    #[test]
    fn every_exported_bucket_counts_exactly_what_lies_in_it() {
        let mut random = SmallRng::seed_from_u64(1);
        let edges = [7, 1_000_003, 4_999_999, 5_000_001, u64::MAX];
        let mut distribution = Distribution::new(&edges, true, 1);
        let values: Vec<u64> = (0..200_000)
            .map(|_| match random.random_range(0..4) {
                0 => edges[random.random_range(0..4)] + random.random_range(0..3) - 1,
                1 => random.random_range(0..40),
                2 => 1 << random.random_range(0..64),
                _ => random.random_range(0..20_000_000_000),
            })
            .collect();
        for value in &values {
            distribution.observe(0, *value, 1);
        }
        let exported = distribution.values().next().expect("one series");
        assert_eq!(exported.count(), values.len() as u64);
        let mut all: Vec<u64> = edges.iter().chain(&bucket::DEFAULT_EDGES_NS).copied().collect();
        all.sort_unstable();
        let mut low = None;
        for (edge, bucket) in all.iter().zip(&exported.buckets) {
            let inside = |value: &&u64| low.is_none_or(|low| **value > low) && **value <= *edge;
            assert_eq!(bucket.count, values.iter().filter(inside).count() as u64, "le {edge}");
            assert_eq!(bucket.le, *edge as f64 / 1e9);
            low = Some(*edge);
        }
        let sum: u128 = values.iter().map(|value| u128::from(*value)).sum();
        assert_eq!(exported.sum, sum as f64 / 1e9);
    }

    #[test]
    fn values_of_which_only_the_sum_is_known_keep_it() {
        let mut distribution = Distribution::new(&[], false, 2);
        distribution.observe_mean(1, 10, 4);
        let exported: Vec<HistogramValue> = distribution.values().collect();
        assert_eq!((exported[0].count(), exported[1].count()), (0, 4));
        assert_eq!(exported[1].sum, 10.0);
        assert_eq!(exported[1].buckets[1], Bucket { le: 2.0, count: 4 });
    }
}
