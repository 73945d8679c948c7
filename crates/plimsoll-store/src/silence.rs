use crate::tally::Tally;
use plimsoll_model::{Counts, TimeMs};

/// A feed that is silent: what it would have said is unknown until it speaks again.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Silence {
    /// When it last said something.
    pub(crate) since: TimeMs,
    /// What it used to say, per millisecond.
    pub(crate) rate: Option<f64>,
}

impl Silence {
    /// Returns what is unknown when it lasts for `ms`.
    pub(crate) fn tally(self, ms: u64) -> Tally {
        let unknown = self.rate.map_or(0, |rate| (rate * ms as f64).round() as u64);
        Tally {
            counts: Counts { unknown, ..Counts::default() },
            expected_ms: ms,
            missing_ms: ms,
            unrated_ms: if self.rate.is_some() { 0 } else { ms },
        }
    }
}
