use std::ops::AddAssign;
use std::time::Duration;

/// What a stretch of time held for one SLO: events, or integer milliseconds for time SLIs.
///
/// Unknown is a value of its own: it is never good, never bad, and never zero by default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Events or milliseconds that met the SLI.
    pub good: u64,
    /// Events or milliseconds that broke it.
    pub bad: u64,
    /// The estimate of what happened while nobody looked.
    pub unknown: u64,
}

impl Counts {
    /// Returns good and bad together, which is what was seen.
    pub fn known(self) -> u64 {
        self.good.saturating_add(self.bad)
    }
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.good = self.good.saturating_add(other.good);
        self.bad = self.bad.saturating_add(other.bad);
        self.unknown = self.unknown.saturating_add(other.unknown);
    }
}

/// A value that is known to lie between two bounds.
///
/// `None` is a bound that isn't known; both equal is a value that is known exactly.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Interval {
    /// The least that it can be.
    pub low: Option<f64>,
    /// The most that it can be.
    pub high: Option<f64>,
}

impl Interval {
    /// Makes the interval of a value that is known exactly.
    pub fn exactly(value: f64) -> Self {
        Self { low: Some(value), high: Some(value) }
    }
}

/// What one window of one SLO held.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WindowCounts {
    /// What surely lies inside the window, and the estimate of what nobody saw.
    pub counts: Counts,
    /// What belongs to a gap that the window's edge cuts: between none and all of it is inside.
    pub cut: Counts,
    /// Some unknown time has no known rate, so that no upper bound can be given.
    pub rate_unknown: bool,
    /// Target-time that was seen.
    pub known: Duration,
    /// Target-time that should have been seen.
    pub expected: Duration,
}
