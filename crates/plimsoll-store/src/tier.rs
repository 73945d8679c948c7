//! Rolling windows from slots that grow coarser with age.
//!
//! A window needs fine slots only where its edge passes. So the slots of age up to the shortest
//! window are 1/120 of that window long, those up to the next one 1/120 of the next, and so on:
//! tier `k` holds what is in window `k` but not in window `k - 1`. A window is then the sum of the
//! tiers up to its own, and a slot moves on to the next tier when it leaves its window.

use crate::column::Column;
use crate::tally::{FIELDS, Tally};
use crate::wire::{Reader, Writer};

/// The part of a window that its edge may be wrong by: one in this many.
const SLOTS_PER_WINDOW: i64 = 120;

/// The slots of one range of age.
#[derive(Clone, Debug)]
pub(crate) struct Tier {
    /// The window that ends with this tier, in slices.
    length: i64,
    /// The length of a slot, in slices.
    step: i64,
    /// The first slice of the oldest slot; without meaning while there is none.
    oldest: i64,
    len: usize,
    columns: [Column; FIELDS],
    sum: Tally,
    changed: bool,
}

impl Tier {
    fn new(length: i64, step: i64) -> Self {
        Self {
            length,
            step,
            oldest: 0,
            len: 0,
            columns: Default::default(),
            sum: Tally::default(),
            changed: false,
        }
    }

    fn slot_of(&self, slice: i64) -> i64 {
        slice.div_euclid(self.step) * self.step
    }

    fn get(&self, at: usize) -> Tally {
        Tally::from_fields(std::array::from_fn(|field| self.columns[field].get(at)))
    }

    fn add(&mut self, slice: i64, tally: Tally) {
        let start = self.slot_of(slice);
        if self.len == 0 {
            self.oldest = start;
        }
        while start < self.oldest {
            self.columns.iter_mut().for_each(Column::push_front);
            self.oldest -= self.step;
            self.len += 1;
        }
        let at = usize::try_from((start - self.oldest) / self.step).unwrap_or(0);
        while self.len <= at {
            self.columns.iter_mut().for_each(Column::push_back);
            self.len += 1;
        }
        for (column, field) in self.columns.iter_mut().zip(tally.to_fields()) {
            if field > 0 {
                column.set(at, column.get(at).saturating_add(field));
            }
        }
        self.sum = self.sum.plus(tally);
        self.changed = true;
    }

    /// Takes out the oldest slot if it ends at or before `edge`.
    fn pop(&mut self, edge: i64) -> Option<(i64, Tally)> {
        if self.len == 0 || self.oldest + self.step > edge {
            return None;
        }
        let (start, tally) = (self.oldest, self.get(0));
        self.columns.iter_mut().for_each(Column::pop_front);
        self.oldest += self.step;
        self.len -= 1;
        self.sum = self.sum.minus(tally);
        self.changed = true;
        Some((start, tally))
    }

    fn write(&self) -> Vec<u8> {
        let mut writer = Writer::default();
        [self.length, self.step, self.oldest].into_iter().for_each(|part| writer.signed(part));
        writer.count(self.len as u64);
        self.columns.iter().for_each(|column| column.write(&mut writer));
        writer.into_bytes()
    }

    fn slots_after(&self, slice: i64) -> impl Iterator<Item = (i64, Tally)> {
        self.slots().filter(move |(start, _)| start + self.step > slice)
    }

    /// Iterates over the slots that hold something, oldest first, by first slice.
    fn slots(&self) -> impl Iterator<Item = (i64, Tally)> {
        (0..self.len)
            .zip((0_i64..).map(|at| self.oldest + at * self.step))
            .map(|(at, start)| (start, self.get(at)))
            .filter(|(_, tally)| !tally.is_empty())
    }
}

/// A tier as it lay in memory.
#[derive(Debug)]
pub(crate) struct WrittenTier(Tier);

impl WrittenTier {
    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(bytes);
        let (length, step) = (reader.signed()?, reader.signed().filter(|step| *step > 0)?);
        let mut tier = Tier::new(length, step);
        (tier.oldest, tier.len) = (reader.signed()?, reader.length()?);
        for column in &mut tier.columns {
            *column = Column::read(&mut reader, tier.len)?;
        }
        tier.sum = tier.slots().fold(Tally::default(), |sum, (_, tally)| sum.plus(tally));
        reader.is_at_end().then_some(Self(tier))
    }

    /// Iterates over the slots that hold something, oldest first, by first slice.
    pub(crate) fn slots(&self) -> impl Iterator<Item = (i64, Tally)> {
        self.0.slots()
    }
}

/// Every window of one SLO.
#[derive(Clone, Debug)]
pub(crate) struct Tiers {
    tiers: Vec<Tier>,
    /// The slice that is being filled.
    now: i64,
}

impl Tiers {
    /// Makes the tiers for windows of these lengths, in slices.
    pub(crate) fn new(mut lengths: Vec<i64>) -> Self {
        lengths.retain(|length| *length > 0);
        lengths.sort_unstable();
        lengths.dedup();
        let mut step = 1;
        let tiers = lengths
            .into_iter()
            .map(|length| {
                // The largest multiple of the step before that is still fine enough, so that
                // whole slots move on.
                step *= (length / SLOTS_PER_WINDOW / step).max(1);
                Tier::new(length, step)
            })
            .collect();
        Self { tiers, now: i64::MIN }
    }

    /// Moves on to `slice`: what leaves a window moves to the next tier.
    pub(crate) fn advance(&mut self, slice: i64) {
        if slice <= self.now {
            return;
        }
        self.now = slice;
        for at in 0..self.tiers.len() {
            while let Some((start, tally)) = self.pop(at) {
                if !tally.is_empty() {
                    self.add(start, tally);
                }
            }
        }
    }

    fn pop(&mut self, at: usize) -> Option<(i64, Tally)> {
        let tier = self.tiers.get_mut(at)?;
        tier.pop(edge(self.now, tier.length))
    }

    /// Adds to the slot that holds `slice`; what is older than every window is let go.
    pub(crate) fn add(&mut self, slice: i64, tally: Tally) {
        self.advance(slice);
        // Nearly everything is news, which needs no search.
        let holder = if slice == self.now { 0 } else { self.holder(slice) };
        if let Some(tier) = self.tiers.get_mut(holder) {
            tier.add(slice, tally);
        }
    }

    /// Returns what the last `length` slices held, and the first slice that this reaches back to.
    pub(crate) fn window(&self, length: i64) -> (Tally, i64) {
        let from = edge(self.now, length);
        let (mut sum, mut first) = (Tally::default(), self.now.saturating_add(1));
        let whole = self.tiers.partition_point(|tier| tier.length <= length);
        for tier in self.tiers.iter().take(whole).filter(|tier| tier.len > 0) {
            sum = sum.plus(tier.sum);
            first = first.min(tier.oldest);
        }
        // A length that is no window of its own ends within the next tier.
        let within = whole.checked_sub(1).and_then(|last| self.tiers.get(last));
        let rest = self.tiers.get(whole).filter(|_| within.is_none_or(|tier| tier.length < length));
        for (start, tally) in rest.into_iter().flat_map(|tier| tier.slots_after(from)) {
            sum = sum.plus(tally);
            first = first.min(start);
        }
        (sum, first.min(from))
    }

    /// Returns the length of the slot that holds `slice`, or `None` when it is older than all.
    pub(crate) fn step_at(&self, slice: i64) -> Option<i64> {
        self.tiers.get(self.holder(slice)).map(|tier| tier.step)
    }

    /// Returns the first slice after `slice` that another slot holds.
    pub(crate) fn slot_end(&self, slice: i64) -> i64 {
        let holder = self.holder(slice);
        let end = self.tiers.get(holder).map(|tier| tier.slot_of(slice) + tier.step);
        // The slot's younger part may still lie in the tier before.
        let before = holder.checked_sub(1).and_then(|before| self.tiers.get(before));
        let younger =
            before.map(|tier| tier.slot_of(edge(self.now, tier.length) - tier.step) + tier.step);
        end.into_iter().chain(younger).min().unwrap_or(slice).max(slice.saturating_add(1))
    }

    /// Returns the number of the tier that holds `slice`.
    fn holder(&self, slice: i64) -> usize {
        self.tiers
            .partition_point(|tier| tier.slot_of(slice) + tier.step <= edge(self.now, tier.length))
    }

    /// Returns how many tiers there are.
    pub(crate) fn len(&self) -> usize {
        self.tiers.len()
    }

    /// Iterates over the slots that hold something, by first slice.
    pub(crate) fn slots(&self) -> impl Iterator<Item = (i64, Tally)> {
        self.tiers.iter().flat_map(Tier::slots)
    }

    /// Writes tier `at` if it changed since it was last written.
    pub(crate) fn write_changed(&mut self, at: usize) -> Option<Vec<u8>> {
        let tier = self.tiers.get_mut(at)?;
        std::mem::take(&mut tier.changed).then(|| tier.write())
    }

    /// Takes over a tier that was written as tier `at`, when it fits: `false` when windows or
    /// slices have changed, and its slots have to be added one by one.
    pub(crate) fn take_over(&mut self, at: usize, written: &WrittenTier) -> bool {
        let Some(tier) = self.tiers.get_mut(at) else { return false };
        let fits = tier.len == 0 && (tier.length, tier.step) == (written.0.length, written.0.step);
        if fits {
            *tier = Tier { changed: false, ..written.0.clone() };
        }
        fits
    }

    /// Returns how many bytes of memory the slots hold.
    pub(crate) fn memory(&self) -> usize {
        self.tiers
            .iter()
            .map(|tier| size_of::<Tier>() + tier.columns.iter().map(Column::memory).sum::<usize>())
            .sum()
    }
}

/// Returns the first slice within the window of `length` slices that ends with `now`.
fn edge(now: i64, length: i64) -> i64 {
    now.saturating_sub(length).saturating_add(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use plimsoll_model::Counts;
    use rand::rngs::SmallRng;
    use rand::{Rng, SeedableRng};

    fn good(count: u64) -> Tally {
        let counts = Counts { good: count, ..Counts::default() };
        Tally { counts, expected_ms: 1000, ..Tally::default() }
    }

    #[test]
    fn a_window_is_the_sum_of_its_slices_but_for_1_120_at_its_edge() {
        let lengths = [2, 5, 60, 240, 300, 720, 7200];
        let mut tiers = Tiers::new(lengths.to_vec());
        let mut random = SmallRng::seed_from_u64(3);
        let mut truth = vec![0_u64; 20_000];
        let mut now = 0_usize;
        while now < 19_000 {
            now += if random.random_range(0..500) == 0 { random.random_range(1..2000) } else { 1 };
            let slice = |at: usize| i64::try_from(at).expect("small");
            tiers.advance(slice(now));
            // Most goes into the newest slice, some into any older one.
            let late = random.random_range(0..9) == 0;
            let at = if late { random.random_range(0..=now) } else { now };
            let count = random.random_range(0..1000);
            tiers.add(slice(at), good(count));
            truth[at] += count;
            for length in lengths {
                let (sum, first) = tiers.window(length);
                let edge = slice(now) - length + 1;
                assert!(first <= edge && edge - first < (length / 120).max(1), "{length} at {now}");
                let first = usize::try_from(first).unwrap_or(0);
                let expected: u64 = truth[first..=now].iter().sum();
                assert_eq!(sum.counts.good, expected, "{length} at {now}");
            }
        }
    }
}
