//! Ready values, counted on lines that no two threads write.

use crate::account::{Distribution, Layout, ROW};
use crate::exemplar::Of;
use crate::stripe::{OWN_LINES, own_line};
use crate::sync::{AtomicU64, OnceLock, Ordering, Padded, fence, lock, pause, yield_now};
use std::sync::{Arc, Mutex};

/// Log-linear histograms of one layout, side by side, each in a part for every thread.
///
/// A part has one writer, which therefore needs no atomic addition; threads beyond the number of lines
/// share one part, and add.
#[derive(Debug)]
pub(crate) struct Observed {
    layout: Arc<Layout>,
    series: Vec<Parts>,
    /// How often it was given back.
    returns: AtomicU64,
}

/// Observed values as long as one registry has them.
///
/// They are never freed, since handles are copied freely, but lent again: a handle of a registry that
/// was dropped is told from one of the next by how often they were given back.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lent {
    of: &'static Observed,
    returns: u64,
}

/// What was given back.
static RETURNED: Mutex<Vec<&'static Observed>> = Mutex::new(Vec::new());

impl Lent {
    /// Lends `series` empty histograms.
    pub(crate) fn new(layout: Arc<Layout>, series: usize) -> Self {
        let mut returned = lock(&RETURNED);
        let fits = |of: &&Observed| Arc::ptr_eq(&of.layout, &layout) && of.series.len() == series;
        let of = match returned.iter().position(fits) {
            Some(place) => returned.swap_remove(place),
            None => Box::leak(Box::new(Observed::new(layout, series))),
        };
        Self { of, returns: of.returns.load(Ordering::Relaxed) }
    }

    /// Counts a value; an unknown series is the last one.
    #[inline]
    pub(crate) fn observe(self, series: usize, value: u64) {
        if self.of.returns.load(Ordering::Relaxed) == self.returns {
            self.of.observe(series, value);
        }
    }

    /// Returns what its exemplars are kept under.
    #[inline]
    pub(crate) fn exemplars(self) -> Of {
        Of::Values(std::ptr::from_ref(self.of).addr())
    }

    /// Adds everything up.
    pub(crate) fn gather(self) -> Distribution {
        self.of.gather()
    }

    /// Gives them back: what is observed from now on is dropped.
    pub(crate) fn give_back(self) {
        self.of.returns.fetch_add(1, Ordering::Relaxed);
        self.of.clear();
        lock(&RETURNED).push(self.of);
    }
}

/// The parts of one histogram; the first is the shared one.
type Parts = [OnceLock<Box<Part>>; OWN_LINES + 1];

#[derive(Debug)]
struct Part {
    /// Rows of cells, made when one of them is needed.
    rows: Box<[OnceLock<Box<Row>>]>,
    sum: Sum,
}

/// A sum that doesn't overflow: of the lower and of the upper halves of the values.
#[derive(Debug)]
struct Sum {
    low: AtomicU64,
    high: AtomicU64,
    /// How many values with an upper half were begun, and how many of them done: whoever reads takes
    /// none of which it would see one half. The others are one addition.
    begun: AtomicU64,
    done: AtomicU64,
}

/// How often a reader looks again at a sum that is being added to, the later half of the times after
/// other threads have been let run. After that it is one that a fork has stopped for good.
const LOOKS: u32 = if cfg!(loom) { 8 } else { 20_000 };

type Row = Padded<[AtomicU64; ROW]>;

impl Observed {
    pub(crate) fn new(layout: Arc<Layout>, series: usize) -> Self {
        let parts = || std::array::from_fn(|_| OnceLock::new());
        let series = (0..series).map(|_| parts()).collect();
        Self { layout, series, returns: AtomicU64::new(0) }
    }

    #[inline]
    fn observe(&self, series: usize, value: u64) {
        self.observe_at(own_line(), series, value);
    }

    /// Counts a value on a line that only the calling thread has, or else beside others.
    #[inline]
    pub(crate) fn observe_at(&self, own: Option<usize>, series: usize, value: u64) {
        let Some(parts) = self.series.get(series).or(self.series.last()) else { return };
        let Some(part) = parts.get(own.map_or(0, |line| line + 1)) else { return };
        let Some(part) = made(part, || Box::new(Part::new(self.layout.cells()))) else { return };
        let cell = self.layout.cell(value);
        let Some(row) = part.rows.get(cell / ROW) else { return };
        let Some(row) = made(row, || Box::new(Padded(std::array::from_fn(|_| AtomicU64::new(0)))))
        else {
            return;
        };
        let Some(count) = row.0.get(cell % ROW) else { return };
        let add = if own.is_some() { add_alone } else { add_shared };
        part.sum.add(value, add);
        // Last: what is counted is in the sum.
        add(count, 1);
    }

    /// Adds everything up. Values that are being observed meanwhile are in it or not, and may be in
    /// the sum without being counted yet.
    pub(crate) fn gather(&self) -> Distribution {
        let mut whole = Distribution::of(Arc::clone(&self.layout), self.series.len());
        for (series, parts) in self.series.iter().enumerate() {
            for part in parts.iter().filter_map(OnceLock::get) {
                for (row, counts) in part.rows.iter().enumerate() {
                    let Some(counts) = counts.get() else { continue };
                    let counts = counts.0.each_ref().map(|count| count.load(Ordering::Acquire));
                    whole.add_row(series, row, counts);
                }
                whole.add_sum(series, part.sum.read());
            }
        }
        whole
    }

    fn clear(&self) {
        for part in self.series.iter().flatten().filter_map(OnceLock::get) {
            let rows = part.rows.iter().filter_map(OnceLock::get).flat_map(|row| &row.0);
            let halves = [&part.sum.low, &part.sum.high];
            rows.chain(halves).for_each(|word| word.store(0, Ordering::Relaxed));
        }
    }
}

impl Part {
    fn new(cells: usize) -> Self {
        let rows = (0..cells.div_ceil(ROW)).map(|_| OnceLock::new()).collect();
        Self { rows, sum: Sum::new() }
    }
}

impl Sum {
    fn new() -> Self {
        let zero = || AtomicU64::new(0);
        Self { low: zero(), high: zero(), begun: zero(), done: zero() }
    }

    #[inline]
    fn add(&self, value: u64, add: impl Fn(&AtomicU64, u64)) {
        let (low, high) = (value & u64::from(u32::MAX), value >> 32);
        if high == 0 {
            return add(&self.low, low);
        }
        add(&self.begun, 1);
        add(&self.low, low);
        add(&self.high, high);
        add(&self.done, 1);
    }

    fn read(&self) -> u128 {
        for look in 0..LOOKS {
            let done = self.done.load(Ordering::Acquire);
            let (whole, begun) = (self.halves(), self.begun.load(Ordering::Relaxed));
            if begun == done {
                return whole;
            }
            if look < LOOKS / 2 { pause() } else { yield_now() }
        }
        self.halves()
    }

    fn halves(&self) -> u128 {
        let [low, high] = [&self.low, &self.high].map(|half| half.load(Ordering::Relaxed));
        fence(Ordering::Acquire);
        (u128::from(high) << 32) + u128::from(low)
    }
}

/// Returns what is in the cell, made first if need be: before the cell is entered, since an allocator
/// may observe values itself.
#[inline]
fn made<T>(cell: &OnceLock<T>, make: impl FnOnce() -> T) -> Option<&T> {
    if cell.get().is_none() {
        // Another thread may have been quicker.
        let _ = cell.set(make());
    }
    cell.get()
}

/// Adds where nobody else writes. Release, as whatever is added here: who sees it sees what was added
/// before it.
#[inline]
fn add_alone(to: &AtomicU64, amount: u64) {
    to.store(to.load(Ordering::Relaxed).wrapping_add(amount), Ordering::Release);
}

#[inline]
fn add_shared(to: &AtomicU64, amount: u64) {
    to.fetch_add(amount, Ordering::Release);
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{Rng, SeedableRng, rngs::SmallRng};

    #[test]
    fn a_handle_of_the_last_registry_adds_nothing_to_the_next() {
        let layout = Layout::new(&[7_777], false);
        let last = Lent::new(Arc::clone(&layout), 1);
        last.observe(0, 5);
        last.give_back();
        let next = Lent::new(layout, 1);
        assert!(std::ptr::eq(last.of, next.of), "it is lent again");
        last.observe(0, 5);
        next.observe(0, 9);
        let shown = next.gather().values().next().expect("one series");
        assert_eq!((shown.count(), shown.sum), (1, 9.0));
    }

    #[test]
    fn threads_that_come_and_go_and_those_beyond_the_lines_lose_nothing() {
        const THREADS: u64 = 3 * OWN_LINES as u64;
        const VALUES: usize = 3_000;
        let observed = Observed::new(Layout::new(&[5_000_000], true), 2);
        let value = |random: &mut SmallRng| random.random::<u64>() >> random.random_range(0..64);
        for generation in 0..3 {
            let start = std::sync::Barrier::new(THREADS as usize);
            std::thread::scope(|scope| {
                for thread in 0..THREADS {
                    let (observed, start) = (&observed, &start);
                    scope.spawn(move || {
                        let mut random = SmallRng::seed_from_u64(generation * THREADS + thread);
                        start.wait();
                        (0..VALUES).for_each(|_| observed.observe(1, value(&mut random)));
                    });
                }
            });
        }
        let all = (0..3 * THREADS).flat_map(|seed| {
            let mut random = SmallRng::seed_from_u64(seed);
            std::iter::repeat_with(move || value(&mut random)).take(VALUES)
        });
        let all: Vec<u64> = all.collect();
        let shown: Vec<_> = observed.gather().values().collect();
        let sum: u128 = all.iter().map(|value| u128::from(*value)).sum();
        assert_eq!((shown[0].count(), shown[1].count()), (0, all.len() as u64));
        assert_eq!(shown[1].sum, sum as f64 / 1e9);
        let low = all.iter().filter(|value| **value <= 100_000).count() as u64;
        assert_eq!(shown[1].buckets[0].count, low);
    }
}
