use super::raw::{RawCalendar, RawWindow};
use crate::import::Import;
use crate::native::Rolling;
use chrono::{Datelike, NaiveDateTime, NaiveTime, Weekday};
use plimsoll_slo::{CalendarUnit, Period};

/// A length in the short hand of OpenSLO: a number and one letter.
pub(super) struct Shorthand {
    count: u64,
    unit: char,
}

/// Reads the one window of an SLO.
pub(super) fn period(import: &mut Import<'_>, windows: &[RawWindow]) -> Option<Period> {
    let [window] = windows else {
        return import.fault("spec.timeWindow", "must be a list of exactly one window");
    };
    let path = "spec.timeWindow[0]";
    let at = format!("{path}.duration");
    let Some(length) = shorthand(&window.duration) else {
        let reason = "must be a number and one of m (minutes), h, d, w, M (months), Q and Y";
        return import.fault(&at, reason);
    };
    of(import, path, &at, (&length, window.is_rolling, window.calendar.as_ref()))
}

/// Makes a period of a length that is rolling, or stands in the calendar.
pub(super) fn of(
    import: &mut Import<'_>,
    path: &str,
    at: &str,
    (length, is_rolling, calendar): (&Shorthand, Option<bool>, Option<&RawCalendar>),
) -> Option<Period> {
    match (is_rolling, calendar) {
        (Some(true), Some(_)) => {
            import.fault(&format!("{path}.calendar"), "means nothing for a rolling window")
        }
        (Some(false), None) => {
            import.fault(&format!("{path}.isRolling"), "needs `calendar` beside it to say where")
        }
        (_, Some(calendar)) => in_calendar(import, path, at, (length, calendar)),
        (_, None) => rolling(import, at, length),
    }
}

fn rolling(import: &mut Import<'_>, at: &str, length: &Shorthand) -> Option<Period> {
    if matches!(length.unit, 'M' | 'Q' | 'Y') {
        let reason =
            "is of no fixed length: write days for a rolling window, as 30d, or `calendar`";
        return import.fault(at, reason);
    }
    let read = format!("{}{}", length.count, length.unit).parse();
    import.take(at, read).map(|Rolling(length)| Period::Rolling(length))
}

fn in_calendar(
    import: &mut Import<'_>,
    path: &str,
    at: &str,
    (length, calendar): (&Shorthand, &RawCalendar),
) -> Option<Period> {
    use CalendarUnit::{Day, Month, Quarter, Week, Year};
    let unit = match (length.count, length.unit) {
        (1, 'd') => Day,
        (7, 'd') | (1, 'w') => Week,
        (1, 'M') => Month,
        (3, 'M') | (1, 'Q') => Quarter,
        (12, 'M') | (4, 'Q') | (1, 'Y') => Year,
        (_, 'm') => {
            return import.fault(at, "is minutes: a month of the calendar is 1M, with a capital M");
        }
        _ => {
            return import.fault(at, "is no unit of the calendar: write 1d, 1w, 1M, 1Q or 1Y");
        }
    };
    let start_at = format!("{path}.calendar.startTime");
    let formats = ["%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S"];
    let read = |format: &&str| NaiveDateTime::parse_from_str(&calendar.start_time, format).ok();
    let Some(start) = formats.iter().find_map(read) else {
        return import.fault(&start_at, "must be a local time, as 2020-01-21 12:30:00");
    };
    let is_first_month = |months: u32| (start.month0() % months) == 0 && start.day() == 1;
    let is_aligned = start.time() == NaiveTime::MIN
        && match unit {
            Day => true,
            Week => start.weekday() == Weekday::Mon,
            Month => start.day() == 1,
            Quarter => is_first_month(3),
            Year => is_first_month(12),
        };
    if !is_aligned {
        let unit = unit.as_str();
        let reason = format!("is no midnight at which a {unit} begins, and periods begin there");
        return import.fault(&start_at, reason);
    }
    Some(Period::Calendar { unit, zone: calendar.time_zone.0 })
}

/// Reads a number and a letter.
pub(super) fn shorthand(text: &str) -> Option<Shorthand> {
    let unit = text.chars().last().filter(|unit| "mhdwMQY".contains(*unit))?;
    let count = text.strip_suffix(unit)?.parse().ok().filter(|count| *count > 0)?;
    Some(Shorthand { count, unit })
}

/// Reads a number and a word, as v1alpha writes them.
pub(super) fn worded(count: u64, unit: &str) -> Option<Shorthand> {
    let unit = match unit {
        "Minute" => 'm',
        "Hour" => 'h',
        "Day" => 'd',
        "Week" => 'w',
        "Month" => 'M',
        "Quarter" => 'Q',
        "Year" => 'Y',
        _ => return None,
    };
    (count > 0).then_some(Shorthand { count, unit })
}
