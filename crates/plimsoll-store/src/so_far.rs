//! What the present period of a calendar has held so far.

use crate::tally::{Pieces, Tally};
use plimsoll_model::TimeMs;
use plimsoll_slo::Period;

/// A running sum that begins anew with each period of the calendar: exact, because the start of such
/// a period stands still while a rolling window's edge passes through its slots.
#[derive(Clone, Debug)]
pub(crate) struct SoFar {
    pub(crate) period: Period,
    slice_ms: i64,
    /// The first slice of the period, and the first after it.
    first: i64,
    end: i64,
    pub(crate) tally: Tally,
}

impl SoFar {
    pub(crate) fn new(period: Period, slice_ms: i64) -> Self {
        Self { period, slice_ms, first: i64::MIN, end: i64::MIN, tally: Tally::default() }
    }

    /// Moves on to the period that `slice` ends in.
    pub(crate) fn advance(&mut self, slice: i64) {
        if slice < self.end {
            return;
        }
        let span = self.period.span(TimeMs((slice + 1).saturating_mul(self.slice_ms)));
        self.first = span.start.0.div_euclid(self.slice_ms);
        self.end = span.end.0.div_euclid(self.slice_ms).max(slice + 1);
        self.tally = Tally::default();
    }

    /// Adds to a slice; what is older than the period is let go.
    pub(crate) fn add(&mut self, slice: i64, tally: Tally) {
        self.advance(slice);
        if slice >= self.first {
            self.tally = self.tally.plus(tally);
        }
    }

    pub(crate) fn spread(&mut self, from: TimeMs, to: TimeMs, tally: Tally) {
        let mut pieces = Pieces::new(from, to, tally);
        while let Some(at) = pieces.at() {
            let slice = at.div_euclid(self.slice_ms);
            self.advance(slice);
            let edge = if slice < self.first { self.first } else { self.end };
            self.add(slice, pieces.until(edge.saturating_mul(self.slice_ms)));
        }
    }

    /// Returns the period's first slice.
    pub(crate) fn first(&self) -> i64 {
        self.first
    }

    /// Returns when the period began.
    pub(crate) fn start(&self) -> TimeMs {
        TimeMs(self.first.saturating_mul(self.slice_ms))
    }

    /// Returns what a restart mustn't forget: when the period began, and what it held.
    pub(crate) fn kept(&self) -> (TimeMs, Tally) {
        (self.start(), self.tally)
    }

    /// Takes up what was kept of the period that began at `start`, if that is still the present one.
    pub(crate) fn restore(&mut self, start: TimeMs, tally: Tally) -> bool {
        let is_same = self.start() == start;
        if is_same {
            self.tally = tally;
        }
        is_same
    }
}
