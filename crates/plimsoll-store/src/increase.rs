//! Counters into increases: resets, births, and samples that can't be.

use crate::wire::{Reader, Writer};
use plimsoll_model::{RefusalReason, TimeMs};

/// A sample's own time may be this far ahead of its scrape: clocks of two hosts differ.
const AHEAD_MS_MAX: i64 = 60_000;

/// What is known about the process behind a scrape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Life {
    /// It says when it started, and it is the one of the last successful scrape.
    Same,
    /// It started since the last successful scrape, or since its target was added.
    Started(TimeMs),
    /// Nothing: no start time, or no scrape before.
    Untold,
}

/// What a meter made of a sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reading {
    /// The first value of a counter whose past isn't known.
    Baseline,
    /// So much more than at the last good sample.
    Increase(u64),
    /// The counter began anew unseen; so much since then.
    Reset(u64),
}

/// One counter, or one bucket of a histogram.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Meter {
    /// Units per one of its values: 1000 for seconds that are counted as milliseconds.
    pub(crate) scale: f64,
    /// The last good value.
    pub(crate) last: Option<f64>,
    /// The last good sample's own time.
    pub(crate) stamp_ms: Option<i64>,
    /// It was there before, but never with a good value.
    pub(crate) refused: bool,
}

impl Meter {
    pub(crate) fn new(scale: f64) -> Self {
        Self { scale, ..Self::default() }
    }

    /// Reads a good sample. `born` says that the series began within the interval, by its own
    /// created time.
    ///
    /// # Errors
    /// Why the sample is refused; the next good one is then read against the last good one.
    pub(crate) fn read(
        &mut self,
        value: f64,
        stamp_ms: Option<i64>,
        life: Life,
        born: bool,
    ) -> Result<Reading, RefusalReason> {
        let not_a_number = !value.is_finite() || value < 0.0;
        if not_a_number || self.stamp_ms.zip(stamp_ms).is_some_and(|(last, now)| now < last) {
            self.refuse();
            let out_of_order = RefusalReason::OutOfOrder;
            return Err(if not_a_number { RefusalReason::NotANumber } else { out_of_order });
        }
        let refused = std::mem::take(&mut self.refused);
        let before = self.last.replace(value);
        self.stamp_ms = stamp_ms;
        let all = units(value, self.scale);
        Ok(match (before, life) {
            (_, Life::Started(_)) => Reading::Increase(all),
            (_, _) if born => Reading::Increase(all),
            (None, Life::Same) if !refused => Reading::Increase(all),
            (None, _) => Reading::Baseline,
            (Some(before), _) if value < before => Reading::Reset(all),
            (Some(before), _) => Reading::Increase(all - units(before, self.scale)),
        })
    }

    /// Writes everything but the scale, which the SLO gives.
    pub(crate) fn write(&self, writer: &mut Writer) {
        writer.option(self.last, Writer::float);
        writer.option(self.stamp_ms, Writer::signed);
        writer.flag(self.refused);
    }

    /// Reads what [`Self::write`] wrote.
    pub(crate) fn read_state(&mut self, reader: &mut Reader<'_>) -> Option<()> {
        self.last = reader.option(Reader::float)?;
        self.stamp_ms = reader.option(Reader::signed)?;
        self.refused = reader.flag()?;
        Some(())
    }

    /// Reads a sample that says what was counted since the one before.
    ///
    /// # Errors
    /// Why the sample is refused.
    pub(crate) fn add(
        &mut self,
        value: f64,
        stamp_ms: Option<i64>,
    ) -> Result<Reading, RefusalReason> {
        let total = self.last.unwrap_or_default() + value.max(0.0);
        let before = units(self.last.unwrap_or_default(), self.scale);
        if !value.is_finite() || value < 0.0 {
            self.refuse();
            return Err(RefusalReason::NotANumber);
        }
        (self.last, self.stamp_ms, self.refused) = (Some(total), stamp_ms, false);
        Ok(Reading::Increase(units(total, self.scale) - before))
    }

    /// Notes that a sample was there, but was refused.
    pub(crate) fn refuse(&mut self) {
        self.refused = true;
    }
}

/// Says whether a sample's own time lies further ahead than clocks may differ.
pub(crate) fn is_ahead(stamp_ms: Option<i64>, at: TimeMs) -> bool {
    stamp_ms.is_some_and(|stamp| stamp > at.0.saturating_add(AHEAD_MS_MAX))
}

/// Returns whole units: the differences of rounded totals never drift from the total.
fn units(value: f64, scale: f64) -> u64 {
    // `as` saturates, which is what a counter beyond 2^64 deserves.
    (value * scale).round() as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use Reading::{Baseline, Increase, Reset};

    fn read(meter: &mut Meter, value: f64, life: Life) -> Result<Reading, RefusalReason> {
        meter.read(value, None, life, false)
    }

    #[test]
    fn a_new_series_counts_from_zero_only_when_its_past_is_known() {
        let born = TimeMs(5);
        assert_eq!(read(&mut Meter::new(1.0), 50.0, Life::Same), Ok(Increase(50)));
        assert_eq!(read(&mut Meter::new(1.0), 50.0, Life::Started(born)), Ok(Increase(50)));
        assert_eq!(read(&mut Meter::new(1.0), 50.0, Life::Untold), Ok(Baseline));
        assert_eq!(Meter::new(1.0).read(50.0, None, Life::Untold, true), Ok(Increase(50)));
    }

    #[test]
    fn a_reset_shows_by_a_drop_or_by_the_start_time_alone() {
        let mut meter = Meter { last: Some(1000.0), ..Meter::new(1.0) };
        assert_eq!(read(&mut meter, 1500.0, Life::Started(TimeMs(5))), Ok(Increase(1500)));
        assert_eq!(read(&mut meter, 1600.0, Life::Same), Ok(Increase(100)));
        assert_eq!(read(&mut meter, 30.0, Life::Untold), Ok(Reset(30)));
    }

    #[test]
    fn a_sample_that_cannot_be_is_refused_and_the_next_good_one_closes_the_interval() {
        for wrong in [f64::NAN, -5.0, f64::INFINITY] {
            let mut meter = Meter { last: Some(10.0), ..Meter::new(1.0) };
            assert_eq!(read(&mut meter, wrong, Life::Same), Err(RefusalReason::NotANumber));
            assert_eq!(read(&mut meter, 25.0, Life::Same), Ok(Increase(15)));
            // A counter that was there from the start with a wrong value isn't born later.
            let mut fresh = Meter::new(1.0);
            assert!(read(&mut fresh, wrong, Life::Same).is_err());
            assert_eq!(read(&mut fresh, 25.0, Life::Same), Ok(Baseline));
        }
        let mut meter = Meter { last: Some(10.0), stamp_ms: Some(900), ..Meter::new(1.0) };
        let late = meter.read(11.0, Some(899), Life::Same, false);
        assert_eq!(late, Err(RefusalReason::OutOfOrder));
        assert_eq!(meter.read(12.0, Some(901), Life::Same, false), Ok(Increase(2)));
        assert!(is_ahead(Some(61_000), TimeMs(999)) && !is_ahead(Some(60_999), TimeMs(999)));
    }

    #[test]
    fn what_was_counted_since_the_sample_before_is_added_as_it_is() {
        let mut meter = Meter::new(1.0);
        assert_eq!(meter.add(50.0, None), Ok(Increase(50)));
        assert_eq!(meter.add(7.0, None), Ok(Increase(7)));
        assert_eq!(meter.add(f64::NAN, None), Err(RefusalReason::NotANumber));
        assert_eq!(meter.add(-1.0, None), Err(RefusalReason::NotANumber));
        assert_eq!(meter.add(3.0, None), Ok(Increase(3)));
        let halves: Vec<_> = (0..4).map(|_| meter.add(0.5, None)).collect();
        let sum: u64 = halves
            .iter()
            .map(|half| match half {
                Ok(Increase(more)) => *more,
                other => panic!("{other:?}"),
            })
            .sum();
        assert_eq!(sum, 2, "nothing is lost to rounding: {halves:?}");
    }

    #[test]
    fn seconds_become_milliseconds_without_drift() {
        let mut meter = Meter::new(1000.0);
        let mut sum = 0;
        for step in 0..=10_000_u32 {
            let value = f64::from(step) * 0.000_7;
            if let Ok(Increase(more)) = read(&mut meter, value, Life::Untold) {
                sum += more;
            }
        }
        assert_eq!(sum, 7000);
    }
}
