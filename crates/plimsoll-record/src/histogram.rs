use crate::edge::Draft;
use crate::observed::Lent;
use crate::{exemplar, process};

/// A log-linear histogram of ready values. A handle is small: copy it freely, keep it where it is used.
///
/// An observation is added on a line of the thread's own, so that it costs no more than a counter; it
/// stands outside of the instant at which a snapshot shows the levels. One that is split by a band goes
/// through the log instead, since the band is that of the level at its very moment.
#[derive(Clone, Copy, Debug)]
pub struct Histogram(Recorded);

#[derive(Clone, Copy, Debug)]
enum Recorded {
    Observed(Lent),
    /// The number of an account.
    Banded(u32),
}

impl Histogram {
    pub(crate) fn observed(lent: Lent) -> Self {
        Self(Recorded::Observed(lent))
    }

    pub(crate) fn banded(number: u32) -> Self {
        Self(Recorded::Banded(number))
    }

    /// Returns the number of the account that its edges go to, if it makes any.
    pub(crate) fn number(self) -> Option<u32> {
        match self.0 {
            Recorded::Observed(_) => None,
            Recorded::Banded(number) => Some(number),
        }
    }

    /// Returns what was added up, unless that is in an account.
    pub(crate) fn added(self) -> Option<Lent> {
        match self.0 {
            Recorded::Observed(lent) => Some(lent),
            Recorded::Banded(_) => None,
        }
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
        match self.0 {
            Recorded::Observed(lent) => {
                let series = usize::from(index);
                lent.observe(series, value);
                exemplar::consider(lent.exemplars(), series, value, None);
            }
            Recorded::Banded(number) => {
                process::record(|| Draft::observe(number, value, index));
            }
        }
    }
}
