use super::Layout;
use plimsoll_model::{Exponential, HistogramValue};
use std::ops::Range;
use std::sync::Arc;

/// Cells that are allocated together, once one of them is needed.
pub(crate) const ROW: usize = 16;

/// A histogram of ready values that is split by the band of a level.
#[derive(Debug)]
pub(crate) struct HistogramAccount {
    pub(crate) distribution: Distribution,
    /// The activity whose level names the series.
    banded: u32,
}

impl HistogramAccount {
    pub(crate) fn new(distribution: Distribution, banded: u32) -> Self {
        Self { distribution, banded }
    }

    pub(crate) fn banded(&self) -> u32 {
        self.banded
    }
}

/// Log-linear histograms of one layout, side by side.
#[derive(Debug)]
pub(crate) struct Distribution {
    layout: Arc<Layout>,
    series: Vec<Cells>,
}

#[derive(Clone, Debug, Default)]
struct Cells {
    rows: Vec<Option<Box<[u64; ROW]>>>,
    sum: u128,
}

impl Distribution {
    /// Makes `series` empty histograms that are exact at the default edges and at `edges`.
    #[cfg(test)]
    pub(crate) fn new(edges: &[u64], seconds: bool, series: usize) -> Self {
        Self::of(Layout::new(edges, seconds), series)
    }

    /// Makes `series` empty histograms of one layout.
    pub(crate) fn of(layout: Arc<Layout>, series: usize) -> Self {
        Self { layout, series: vec![Cells::default(); series] }
    }

    /// Adds cells that were counted elsewhere: how many values each of a row holds.
    pub(crate) fn add_row(&mut self, series: usize, row: usize, counts: [u64; ROW]) {
        if let Some(cells) = self.cells_mut(series) {
            for (column, count) in counts.into_iter().enumerate().filter(|(_, count)| *count > 0) {
                cells.add(row * ROW + column, count);
            }
        }
    }

    /// Adds to the sum of what was counted elsewhere.
    pub(crate) fn add_sum(&mut self, series: usize, sum: u128) {
        if let Some(cells) = self.cells_mut(series) {
            cells.sum += sum;
        }
    }

    /// Counts a value; an unknown series is the last one.
    #[inline(always)]
    pub(crate) fn observe(&mut self, series: usize, value: u64) {
        let cell = self.layout.cell(value);
        if let Some(cells) = self.cells_mut(series) {
            cells.add(cell, 1);
            cells.sum += u128::from(value);
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
        self.series.iter().map(|cells| {
            let count = |from, to| cells.count(from, to);
            self.layout.export(count, cells.sum)
        })
    }

    /// Returns the same histograms in exponential buckets.
    pub(crate) fn exponentials(&self) -> impl Iterator<Item = Exponential> {
        self.series.iter().map(|cells| {
            let count = |from, to| cells.count(from, to);
            self.layout.export_exponential(count, cells.used())
        })
    }

    #[inline(always)]
    fn cells_mut(&mut self, series: usize) -> Option<&mut Cells> {
        let last = self.series.len().checked_sub(1)?;
        self.series.get_mut(series.min(last))
    }
}

impl Cells {
    #[inline(always)]
    fn add(&mut self, cell: usize, times: u64) {
        let (row, column) = (cell / ROW, cell % ROW);
        if row >= self.rows.len() {
            self.rows.resize_with(row + 1, || None);
        }
        if let Some(row) = self.rows.get_mut(row) {
            row.get_or_insert_default()[column] += times;
        }
    }

    /// Returns the cells of the rows that are used.
    fn used(&self) -> Range<usize> {
        let first = self.rows.iter().position(Option::is_some).unwrap_or(self.rows.len());
        first * ROW..self.rows.len() * ROW
    }

    /// Counts the cells `from..to`.
    fn count(&self, from: usize, to: usize) -> u64 {
        (from..to).filter_map(|cell| self.rows.get(cell / ROW)?.as_ref()?.get(cell % ROW)).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use plimsoll_model::{Bucket, bucket};
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
            distribution.observe(0, *value);
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
        assert_eq!(distribution.exponentials().next(), Some(by_definition(&values)));
    }

    /// Exponential buckets as their definition says them: the least i with value ≤ 2^(i/8) s.
    fn by_definition(values: &[u64]) -> Exponential {
        let mut counts = std::collections::BTreeMap::new();
        for ns in values.iter().filter(|ns| **ns > 0) {
            let index = ((*ns as f64 / 1e9).log2() * 8.0).ceil() as i32;
            *counts.entry(index).or_insert(0) += 1;
        }
        let zero = values.iter().filter(|ns| **ns == 0).count() as u64;
        Exponential { zero, buckets: counts.into_iter().collect() }
    }

    #[test]
    fn nothing_observed_is_no_bucket() {
        let empty = Distribution::new(&[], true, 1);
        assert_eq!(empty.exponentials().next(), Some(Exponential::default()));
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
