//! Integers at the least width that holds them all.

use crate::wire::{Reader, Writer};
use std::collections::VecDeque;

/// A queue of integers, each in as many bytes as the widest needed so far: none while all are
/// zero. What an SLO counts differs by six orders of magnitude between its shortest and its
/// longest slots, so a fixed width would double the memory of a window.
#[derive(Clone, Debug, Default)]
pub(crate) struct Column {
    width: usize,
    len: usize,
    bytes: VecDeque<u8>,
}

impl Column {
    pub(crate) fn get(&self, at: usize) -> u64 {
        if self.width == 0 {
            return 0;
        }
        let start = at * self.width;
        let mut value = 0;
        for (position, byte) in self.bytes.range(start..start + self.width).enumerate() {
            value |= u64::from(*byte) << (8 * position);
        }
        value
    }

    pub(crate) fn set(&mut self, at: usize, value: u64) {
        let needed = width_of(value);
        if needed > self.width {
            self.widen(needed);
        }
        let start = at * self.width;
        for (byte, new) in self.bytes.range_mut(start..start + self.width).zip(value.to_le_bytes())
        {
            *byte = new;
        }
    }

    pub(crate) fn push_back(&mut self) {
        self.len += 1;
        self.reserve();
        self.bytes.extend(std::iter::repeat_n(0, self.width));
    }

    pub(crate) fn push_front(&mut self) {
        self.len += 1;
        self.reserve();
        for _ in 0..self.width {
            self.bytes.push_front(0);
        }
    }

    pub(crate) fn pop_front(&mut self) {
        self.len -= 1;
        self.bytes.drain(..self.width);
    }

    /// Writes it as it lies in memory.
    pub(crate) fn write(&self, writer: &mut Writer) {
        writer.count(self.width as u64);
        let (front, back) = self.bytes.as_slices();
        writer.bytes(front);
        writer.bytes(back);
    }

    /// Reads `len` integers that [`Self::write`] wrote.
    pub(crate) fn read(reader: &mut Reader<'_>, len: usize) -> Option<Self> {
        let width = reader.length().filter(|width| *width <= size_of::<u64>())?;
        let bytes = reader.bytes(len.checked_mul(width)?)?;
        Some(Self { width, len, bytes: bytes.to_vec().into() })
    }

    /// Returns how many bytes of memory the queue holds.
    pub(crate) fn memory(&self) -> usize {
        self.bytes.capacity()
    }

    /// Grows by a few slots at a time: doubling would waste what the widths save.
    fn reserve(&mut self) {
        let needed = self.len * self.width;
        if needed > self.bytes.capacity() {
            self.bytes.reserve_exact(needed + 4 * self.width - self.bytes.len());
        }
    }

    fn widen(&mut self, width: usize) {
        let mut bytes = VecDeque::new();
        bytes.reserve_exact(self.len * width);
        for at in 0..self.len {
            bytes.extend(&self.get(at).to_le_bytes()[..width]);
        }
        self.bytes = bytes;
        self.width = width;
    }
}

fn width_of(value: u64) -> usize {
    (u64::BITS - value.leading_zeros()).div_ceil(8) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_holds_what_a_queue_of_integers_holds() {
        let mut column = Column::default();
        let mut truth: VecDeque<u64> = VecDeque::new();
        let mut state = 7_u64;
        for _ in 0..20_000 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let value = (state >> 8) >> (state % 57);
            match (state >> 59) % 8 {
                0 if !truth.is_empty() => {
                    column.pop_front();
                    truth.pop_front();
                }
                1 => {
                    column.push_front();
                    truth.push_front(0);
                }
                2 | 3 => {
                    column.push_back();
                    truth.push_back(0);
                }
                _ if !truth.is_empty() => {
                    let at = (state >> 20) as usize % truth.len();
                    column.set(at, value);
                    truth[at] = value;
                }
                _ => {}
            }
        }
        let held: VecDeque<u64> = (0..truth.len()).map(|at| column.get(at)).collect();
        assert_eq!(held, truth);
        assert!(truth.len() > 100, "the walk must not stay empty");
    }

    #[test]
    fn zeros_cost_nothing_and_small_ones_a_byte() {
        let mut column = Column::default();
        for _ in 0..100 {
            column.push_back();
        }
        assert_eq!(column.memory(), 0);
        column.set(3, 255);
        assert!(column.memory() <= 104, "{}", column.memory());
    }
}
