use crate::length_name;
use chrono_tz::Tz;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(86_400);

/// The stretch of time that a budget is for. The windows of a policy are something else: those are
/// plain lengths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Period {
    /// The last so much time, always.
    Rolling(Duration),
    /// A unit of the calendar, at whose end the budget begins anew.
    Calendar {
        /// The unit.
        unit: CalendarUnit,
        /// Where its days begin and end.
        zone: Zone,
    },
}

impl Period {
    /// Returns the length that a policy and a budget are scaled by: a month is 30 days.
    pub fn nominal(self) -> Duration {
        match self {
            Self::Rolling(length) => length,
            Self::Calendar { unit, .. } => match unit {
                CalendarUnit::Day => DAY,
                CalendarUnit::Week => 7 * DAY,
                CalendarUnit::Month => 30 * DAY,
                CalendarUnit::Quarter => 90 * DAY,
                CalendarUnit::Year => 365 * DAY,
            },
        }
    }

    /// Returns the longest that one can last, which is what has to be kept of the past. A unit of
    /// the calendar may have the hour twice that daylight saving gives back.
    pub fn longest(self) -> Duration {
        match self {
            Self::Rolling(length) => length,
            Self::Calendar { unit, .. } => match unit {
                CalendarUnit::Day => DAY + HOUR,
                CalendarUnit::Week => 7 * DAY + HOUR,
                CalendarUnit::Month => 31 * DAY + HOUR,
                CalendarUnit::Quarter => 92 * DAY + HOUR,
                CalendarUnit::Year => 366 * DAY + HOUR,
            },
        }
    }
}

/// Writes `30d`, or `month in Europe/Paris`.
impl fmt::Display for Period {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rolling(length) => out.write_str(&length_name(*length)),
            Self::Calendar { unit, zone } => write!(out, "{} in {}", unit.as_str(), zone.name()),
        }
    }
}

/// A unit of the calendar. A week begins on Monday, a quarter in January, April, July and October.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CalendarUnit {
    /// From midnight to midnight.
    Day,
    /// From Monday to Sunday.
    Week,
    /// From its first day to its last.
    Month,
    /// Three months.
    Quarter,
    /// From January to December.
    Year,
}

impl CalendarUnit {
    /// Every unit, shortest first.
    pub const ALL: [Self; 5] = [Self::Day, Self::Week, Self::Month, Self::Quarter, Self::Year];

    /// Returns its name, as `month`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
            Self::Quarter => "quarter",
            Self::Year => "year",
        }
    }
}

/// A time zone of the database that is built in, so that every machine agrees on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Zone(Tz);

impl Zone {
    /// Coordinated universal time.
    pub const UTC: Self = Self(Tz::UTC);

    /// Returns its name, as `Europe/Paris`.
    pub fn name(self) -> &'static str {
        self.0.name()
    }

    /// Returns the rules by which its clocks go.
    pub fn rules(self) -> Tz {
        self.0
    }
}

/// Why a text names no time zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("isn't a time zone: write one of the tz database, as Europe/Paris or UTC")]
pub struct ZoneError;

impl FromStr for Zone {
    type Err = ZoneError;

    fn from_str(text: &str) -> Result<Self, ZoneError> {
        text.parse().map(Self).map_err(|_| ZoneError)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_period_is_named_and_a_zone_is_known() {
        let zone: Zone = "Europe/Paris".parse().expect("a zone");
        let month = Period::Calendar { unit: CalendarUnit::Month, zone };
        assert_eq!(month.to_string(), "month in Europe/Paris");
        assert_eq!(Period::Rolling(30 * DAY).to_string(), "30d");
        assert_eq!("Europe/Atlantis".parse::<Zone>(), Err(ZoneError));
        assert_eq!((month.nominal(), month.longest()), (30 * DAY, 31 * DAY + HOUR));
    }
}
