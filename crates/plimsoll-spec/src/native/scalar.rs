use crate::{Length, LengthError, Percentage, PercentageError};
use chrono::{Datelike, NaiveDateTime};
use plimsoll_slo::{CalendarUnit, Milli, Objective, Severity};
use std::str::FromStr;
use std::time::Duration;

/// Characters that the name of a service or an SLO may have.
const NAME_CHARS_MAX: usize = 100;

/// The shortest period that still holds two short windows of whole slices.
const PERIOD_MIN: Duration = Duration::from_secs(60);

/// The longest period that is kept.
const PERIOD_MAX: Duration = Duration::from_secs(366 * 86_400);

/// The name of a service or an SLO: a part of its identity, of its address and of file names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Name(pub(crate) String);

impl FromStr for Name {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_plain =
            |character: char| character.is_ascii_alphanumeric() || "._-".contains(character);
        if text.is_empty() || text.len() > NAME_CHARS_MAX || !text.chars().all(is_plain) {
            return Err("must be 1 to 100 letters, digits, `.`, `_` or `-`");
        }
        Ok(Self(text.to_owned()))
    }
}

/// An objective, as `99.9%`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ObjectiveText(pub(crate) Objective);

/// Why a text isn't an objective.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ObjectiveError {
    #[error(transparent)]
    Percentage(#[from] PercentageError),
    #[error("leaves no error budget, so that every error would page: an objective lies below 100%")]
    All,
    #[error("asks for nothing: an objective lies above 0%")]
    Nothing,
}

impl FromStr for ObjectiveText {
    type Err = ObjectiveError;

    fn from_str(text: &str) -> Result<Self, ObjectiveError> {
        let Percentage(ppm) = text.parse()?;
        let outside = if ppm == 0 { ObjectiveError::Nothing } else { ObjectiveError::All };
        Objective::from_ppm(ppm).map(Self).ok_or(outside)
    }
}

/// A length of time that isn't zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SomeLength(pub(crate) Duration);

/// Why a text isn't such a length.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SomeLengthError {
    #[error(transparent)]
    Length(#[from] LengthError),
    #[error("must be longer than 0")]
    Zero,
    #[error("must be from 1m (one minute) to 366d; a calendar month is {{calendar: month}}")]
    Period,
}

impl FromStr for SomeLength {
    type Err = SomeLengthError;

    fn from_str(text: &str) -> Result<Self, SomeLengthError> {
        let Length(length) = text.parse()?;
        if length.is_zero() { Err(SomeLengthError::Zero) } else { Ok(Self(length)) }
    }
}

/// The length of a rolling period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rolling(pub(crate) Duration);

impl FromStr for Rolling {
    type Err = SomeLengthError;

    fn from_str(text: &str) -> Result<Self, SomeLengthError> {
        let Length(length) = text.parse()?;
        if (PERIOD_MIN..=PERIOD_MAX).contains(&length) {
            Ok(Self(length))
        } else {
            Err(SomeLengthError::Period)
        }
    }
}

/// A unit of the calendar, as `month`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct UnitText(pub(crate) CalendarUnit);

impl FromStr for UnitText {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = CalendarUnit::ALL.into_iter().find(|unit| unit.as_str() == text);
        found.map(Self).ok_or("must be day, week, month, quarter or year")
    }
}

/// A time by the clocks of a zone that stands beside it, as `2026-01-04T03:00`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LocalTime(pub(crate) NaiveDateTime);

impl FromStr for LocalTime {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const WANTED: &str = "must be a local time, as 2026-01-04T03:00; `timezone` says where";
        let formats = ["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"];
        let read = |format: &&str| NaiveDateTime::parse_from_str(text, format).ok();
        let time = formats.iter().find_map(read).ok_or(WANTED)?;
        if (1970..=9999).contains(&time.year()) { Ok(Self(time)) } else { Err(WANTED) }
    }
}

/// A burn threshold, as `14.4`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Burn(pub(crate) Milli);

impl FromStr for Burn {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const WANTED: &str =
            "must be a factor from 0.001 to 1000000 with at most three digits after the point";
        let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
        let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        if !is_digits(whole) || !is_digits(fraction) || fraction.len() > 3 || whole.len() > 7 {
            return Err(WANTED);
        }
        let milli = format!("{whole}{fraction:0<3}").parse().map_err(|_| WANTED)?;
        if (1..=1_000_000_000).contains(&milli) { Ok(Self(Milli(milli))) } else { Err(WANTED) }
    }
}

/// How bad a policy's row is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SeverityText(pub(crate) Severity);

impl FromStr for SeverityText {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let all = [Severity::Page, Severity::Ticket, Severity::Notice];
        let found = all.into_iter().find(|severity| severity.as_str() == text);
        found.map(Self).ok_or("must be page, ticket or notice")
    }
}

/// The address of a page that a person reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Address(pub(crate) String);

impl FromStr for Address {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_web = ["https://", "http://"].iter().any(|scheme| {
            text.strip_prefix(scheme).is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/'))
        });
        if is_web && !text.contains(char::is_whitespace) {
            Ok(Self(text.to_owned()))
        } else {
            Err("must be an address that begins with https:// or http://")
        }
    }
}

/// The one thing that a level can be below.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limit;

impl FromStr for Limit {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "limit" {
            Ok(Self)
        } else {
            Err("must be `limit`, the level's own; for a number write `at_most`")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burn_is_exact_to_the_thousandth() {
        for (text, milli) in [("14.4", 14_400), ("6", 6_000), ("0.933", 933), ("1.50", 1_500)] {
            assert_eq!(text.parse(), Ok(Burn(Milli(milli))), "{text}");
        }
        for text in ["", "0", "-1", "1e3", "1.2345", ".5", "5.", "99999999"] {
            assert!(text.parse::<Burn>().is_err(), "{text}");
        }
    }

    #[test]
    fn an_objective_has_a_budget() {
        let objective = "99.95%".parse::<ObjectiveText>().expect("valid");
        assert_eq!(objective.0.ppm(), 999_500);
        assert_eq!("100%".parse::<ObjectiveText>(), Err(ObjectiveError::All));
        assert_eq!("0%".parse::<ObjectiveText>(), Err(ObjectiveError::Nothing));
    }
}
