use crate::{CalendarUnit, Period, Zone};
use chrono::{
    DateTime, Datelike, Days, Months, NaiveDate, NaiveDateTime, TimeDelta, TimeZone, Utc,
};
use plimsoll_model::TimeMs;
use std::time::Duration;

/// Quarters of an hour within which clocks that skip an instant show the next one: two days, because
/// a zone that crosses the date line skips a whole one.
const SKIPPED_MAX: i64 = 2 * 24 * 4;

/// A stretch of the timeline, open at its start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// What it comes after.
    pub start: TimeMs,
    /// Its last instant.
    pub end: TimeMs,
}

impl Span {
    /// Returns how long it is.
    pub fn length(self) -> Duration {
        self.end.since(self.start)
    }

    /// Says whether an instant lies in it.
    pub fn holds(self, at: TimeMs) -> bool {
        self.start < at && at <= self.end
    }

    /// Returns how much of it lies in `other`.
    pub fn overlap(self, other: Self) -> Duration {
        self.end.min(other.end).since(self.start.max(other.start))
    }
}

impl Period {
    /// Returns the period that `now` belongs to: the one that ends with it when it rolls, and the one
    /// of the calendar in its zone, whose days may have 23 or 25 hours.
    ///
    /// Midnight itself is the end of the day before, because slices are open at their start.
    pub fn span(self, now: TimeMs) -> Span {
        match self {
            Self::Rolling(length) => Span { start: now - length, end: now },
            Self::Calendar { unit, zone } => unit.span(zone, TimeMs(now.0.saturating_sub(1))),
        }
    }
}

impl CalendarUnit {
    fn span(self, zone: Zone, at: TimeMs) -> Span {
        let local = instant(at).with_timezone(&zone.rules()).date_naive();
        let first = self.first(local);
        let midnight = |date: NaiveDate| zone.at(date.and_hms_opt(0, 0, 0).unwrap_or_default());
        Span { start: midnight(first), end: midnight(self.next(first)) }
    }

    /// Returns the first day of the unit that holds a day.
    fn first(self, day: NaiveDate) -> NaiveDate {
        let month = |month: u32| NaiveDate::from_ymd_opt(day.year(), month, 1).unwrap_or(day);
        match self {
            Self::Day => day,
            Self::Week => day - Days::new(u64::from(day.weekday().num_days_from_monday())),
            Self::Month => month(day.month()),
            Self::Quarter => month(day.month0() / 3 * 3 + 1),
            Self::Year => month(1),
        }
    }

    fn next(self, first: NaiveDate) -> NaiveDate {
        let after = match self {
            Self::Day => first.checked_add_days(Days::new(1)),
            Self::Week => first.checked_add_days(Days::new(7)),
            Self::Month => first.checked_add_months(Months::new(1)),
            Self::Quarter => first.checked_add_months(Months::new(3)),
            Self::Year => first.checked_add_months(Months::new(12)),
        };
        after.unwrap_or(NaiveDate::MAX)
    }
}

impl Zone {
    /// Returns when the zone's clocks first show `local`, or what comes next when they skip it.
    pub(crate) fn at(self, local: NaiveDateTime) -> TimeMs {
        let shown = |quarters: i64| {
            let later = local.checked_add_signed(TimeDelta::minutes(15 * quarters))?;
            self.rules().from_local_datetime(&later).earliest()
        };
        let first = (0..SKIPPED_MAX).find_map(shown);
        TimeMs(first.map_or(i64::MAX, |first| first.timestamp_millis()))
    }
}

/// Returns the calendar's name of an instant; its first or last one for what lies beyond.
pub(crate) fn instant(at: TimeMs) -> DateTime<Utc> {
    let beyond = if at.0 < 0 { DateTime::<Utc>::MIN_UTC } else { DateTime::<Utc>::MAX_UTC };
    DateTime::from_timestamp_millis(at.0).unwrap_or(beyond)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3_600);

    fn span(unit: CalendarUnit, zone: &str, now: &str) -> (String, String, u64) {
        let zone: Zone = zone.parse().expect("a zone");
        let now: DateTime<Utc> = now.parse().expect("an instant");
        let span = Period::Calendar { unit, zone }.span(TimeMs(now.timestamp_millis()));
        let text = |at: TimeMs| instant(at).format("%FT%H:%MZ").to_string();
        (text(span.start), text(span.end), span.length().as_secs() / HOUR.as_secs())
    }

    #[test]
    fn days_have_the_hours_that_their_clocks_show() {
        use CalendarUnit::{Day, Month, Quarter, Week, Year};
        let (paris, apia, york) = ("Europe/Paris", "Pacific/Apia", "America/New_York");
        for (unit, zone, now, start, end, hours) in [
            (Day, paris, "2026-03-29T12:00Z", "2026-03-28T23:00Z", "2026-03-29T22:00Z", 23),
            (Day, paris, "2026-10-25T12:00Z", "2026-10-24T22:00Z", "2026-10-25T23:00Z", 25),
            // The last instant of a day is still its own.
            (Day, paris, "2026-03-28T23:00Z", "2026-03-27T23:00Z", "2026-03-28T23:00Z", 24),
            // In Beirut the clocks skip midnight itself.
            (Day, "Asia/Beirut", "2022-03-27T12:00Z", "2022-03-26T22:00Z", "2022-03-27T21:00Z", 23),
            // Samoa skipped the whole of 2011-12-30.
            (Day, apia, "2011-12-30T09:00Z", "2011-12-29T10:00Z", "2011-12-30T10:00Z", 24),
            (Week, "UTC", "2026-11-22T12:00Z", "2026-11-16T00:00Z", "2026-11-23T00:00Z", 168),
            (Month, "UTC", "2028-02-29T12:00Z", "2028-02-01T00:00Z", "2028-03-01T00:00Z", 696),
            (Month, paris, "2026-03-10T12:00Z", "2026-02-28T23:00Z", "2026-03-31T22:00Z", 743),
            (Quarter, "UTC", "2026-06-30T12:00Z", "2026-04-01T00:00Z", "2026-07-01T00:00Z", 2_184),
            (Year, york, "2026-07-01T00:00Z", "2026-01-01T05:00Z", "2027-01-01T05:00Z", 8_760),
        ] {
            let expected = (start.into(), end.into(), hours);
            assert_eq!(span(unit, zone, &now.replace('Z', ":00Z")), expected, "{unit:?} {now}");
        }
    }

    #[test]
    fn every_instant_lies_in_one_period_and_the_next_goes_on_where_it_ends() {
        for zone in ["Europe/Paris", "America/St_Johns", "Australia/Lord_Howe", "Asia/Beirut"] {
            let zone: Zone = zone.parse().expect("a zone");
            for unit in CalendarUnit::ALL {
                let period = Period::Calendar { unit, zone };
                let mut span = period.span(TimeMs(1_600_000_000_000));
                for _ in 0..800 {
                    assert!(span.length() <= period.longest(), "{span:?}");
                    assert_eq!(period.span(span.end), span);
                    let next = period.span(TimeMs(span.end.0 + 1));
                    assert_eq!(next.start, span.end);
                    span = next;
                }
            }
        }
    }
}
