use crate::edge::Draft;
use crate::process;

/// A log-linear histogram. A handle is a number: copy it freely, keep it where it is used.
///
/// An observation is an edge like any other, so that a snapshot shows it at the same instant as the
/// levels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Histogram {
    number: u32,
}

impl Histogram {
    pub(crate) fn numbered(number: u32) -> Self {
        Self { number }
    }

    pub(crate) fn number(self) -> u32 {
        self.number
    }

    /// Records a value: nanoseconds for a signal in seconds, else the signal's unit.
    #[inline]
    pub fn observe(self, value: u64) {
        self.observe_as(value, 0);
    }

    /// Records a value under the label value at `index` of the histogram's
    /// [`Split::Label`](crate::Split::Label); beyond the last it is the last.
    #[inline]
    pub fn observe_as(self, value: u64, index: u8) {
        process::record(&Draft::observe(self.number, value, index));
    }
}
