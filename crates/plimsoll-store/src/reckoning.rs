use crate::select::units;
use plimsoll_slo::{EventsPart, LevelBound, Sli};

/// How increases become counts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Reckoning {
    /// Total and good events, in so many units each.
    Good { units: u64 },
    /// Total and bad events, in so many units each.
    Bad { units: u64 },
    /// Histogram buckets around a threshold, in the histogram's unit.
    Buckets { threshold: f64, of_time: bool },
    /// Saturated milliseconds against the time that passed.
    Saturated,
    /// Seconds of lag, slice by slice.
    Lag { at_most: f64 },
    /// Ones and zeros, slice by slice.
    Up,
}

impl Reckoning {
    pub(crate) fn of(sli: &Sli) -> Self {
        match sli {
            Sli::Events { part: EventsPart::Good(_), .. } => Self::Good { units: units(sli) },
            // The last two read no series, so that nothing is ever reckoned for them.
            Sli::Events { .. } | Sli::Composite(_) | Sli::Query { .. } => {
                Self::Bad { units: units(sli) }
            }
            Sli::Within { within, .. } => {
                Self::Buckets { threshold: within.as_secs_f64(), of_time: false }
            }
            Sli::Level { bound: LevelBound::BelowLimit, .. } => Self::Saturated,
            Sli::Level { bound: LevelBound::AtMost(most), .. } => {
                Self::Buckets { threshold: *most as f64, of_time: true }
            }
            Sli::Lag { at_most, .. } => Self::Lag { at_most: at_most.as_secs_f64() },
            Sli::Up { .. } => Self::Up,
        }
    }

    /// Returns what one of a counter's values is worth in the ledger's units.
    pub(crate) fn scale(self) -> f64 {
        if self == Self::Saturated { 1000.0 } else { 1.0 }
    }

    /// Returns how many units make one event or millisecond.
    pub(crate) fn units(self) -> u64 {
        match self {
            Self::Good { units } | Self::Bad { units } => units,
            _ => 1,
        }
    }

    /// Says whether a gauge tells slice by slice what is good.
    pub(crate) fn is_gauge(self) -> bool {
        matches!(self, Self::Lag { .. } | Self::Up)
    }

    /// Says whether silence within a good scrape is unknown: a counter of events that isn't there
    /// counted nothing, but time passes whether a level is exposed or not.
    pub(crate) fn needs_samples(self) -> bool {
        self.is_gauge() || matches!(self, Self::Saturated | Self::Buckets { of_time: true, .. })
    }
}
