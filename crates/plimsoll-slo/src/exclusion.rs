use crate::span::instant;
use crate::{Span, Zone};
use chrono::{NaiveDateTime, TimeDelta, TimeZone};
use plimsoll_model::TimeMs;
use rrule::{Frequency, RRule, RRuleSet, Unvalidated};
use std::time::Duration;

/// Times of one exclusion that are looked up at once.
const TIMES_MAX: u16 = 1_000;

/// A time that doesn't count: its events aren't held against the budget and nothing pages in it.
#[derive(Clone, Debug, PartialEq)]
pub struct Exclusion {
    /// Why, for whoever reads the budget later.
    pub reason: String,
    /// When it first begins, by the clocks of `zone`.
    pub start: NaiveDateTime,
    /// How it comes again; `None` for once.
    pub recurrence: Option<Recurrence>,
    /// How long it lasts each time, in elapsed time.
    pub duration: Duration,
    /// By whose clocks it begins.
    pub zone: Zone,
}

impl Exclusion {
    /// Returns the first time that it lasts beyond `at`, which may have begun already; `None` once it
    /// comes no more.
    pub fn next(&self, at: TimeMs) -> Option<Span> {
        self.times(at, None).first().copied()
    }

    /// Returns the times that it lasts beyond `from` and begins by `to`, oldest first; the first
    /// thousand of them.
    pub fn within(&self, from: TimeMs, to: TimeMs) -> Vec<Span> {
        self.times(from, Some(to))
    }

    fn times(&self, from: TimeMs, to: Option<TimeMs>) -> Vec<Span> {
        let span = |start: TimeMs| Span { start, end: start + self.duration };
        let Some(recurrence) = &self.recurrence else {
            let once = span(self.zone.at(self.start));
            let is_within = once.end > from && to.is_none_or(|to| once.start <= to);
            return if is_within { vec![once] } else { Vec::new() };
        };
        let local = |at| instant(at).with_timezone(&rrule::Tz::Tz(self.zone.rules()));
        // A rule's starts are whole seconds, so that this is the first whose end is later.
        let begun = local(from - self.duration);
        let begun = begun.checked_add_signed(TimeDelta::milliseconds(1)).unwrap_or(begun);
        let starts = recurrence.starts().clone().after(begun);
        let starts = match to {
            Some(to) => starts.before(local(to)).all(TIMES_MAX),
            None => starts.all(1),
        };
        starts.dates.iter().map(|start| span(TimeMs(start.timestamp_millis()))).collect()
    }
}

/// How an exclusion comes again: a rule of RFC 5545, section 3.3.10.
#[derive(Clone, Debug, PartialEq)]
pub struct Recurrence {
    text: String,
    set: RRuleSet,
}

/// Why a text is no rule of recurrence.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecurrenceError {
    /// The text isn't a rule, or its parts contradict each other.
    #[error("isn't a recurrence rule as FREQ=WEEKLY;BYDAY=SU: {0}")]
    Rule(String),
    /// More often than once an hour.
    #[error("comes again too often: FREQ is HOURLY at least")]
    TooOften,
    /// The clocks of the zone skip the start.
    #[error("never begins: at its start the clocks of {0} are set forward")]
    Start(&'static str),
}

impl Recurrence {
    /// Reads a rule, as `FREQ=WEEKLY;BYDAY=SU`.
    ///
    /// # Errors
    /// The text is no rule, contradicts itself or the start, or comes more often than hourly.
    pub fn new(text: &str, start: NaiveDateTime, zone: Zone) -> Result<Self, RecurrenceError> {
        let rules = rrule::Tz::Tz(zone.rules());
        let first = rules.from_local_datetime(&start).earliest();
        let first = first.ok_or(RecurrenceError::Start(zone.name()))?;
        let not_a_rule = |error: &dyn std::fmt::Display| RecurrenceError::Rule(error.to_string());
        let rule: RRule<Unvalidated> =
            text.parse().map_err(|error: rrule::RRuleError| not_a_rule(&error))?;
        if matches!(rule.get_freq(), Frequency::Minutely | Frequency::Secondly) {
            return Err(RecurrenceError::TooOften);
        }
        let rule = rule.validate(first).map_err(|error| not_a_rule(&error))?;
        Ok(Self { text: text.to_owned(), set: RRuleSet::new(first).rrule(rule) })
    }

    /// Returns the rule as it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns every start that follows from it, without end unless the rule has one: ask for a
    /// stretch with [`RRuleSet::after`] and [`RRuleSet::before`].
    pub fn starts(&self) -> &RRuleSet {
        &self.set
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sundays(zone: &str, rule: Option<&str>) -> Exclusion {
        let start = "2026-01-04T03:00:00".parse().expect("a time");
        let zone: Zone = zone.parse().expect("a zone");
        let recurrence = rule.map(|rule| Recurrence::new(rule, start, zone).expect("a rule"));
        let (reason, duration) = ("maintenance".to_owned(), Duration::from_secs(3_600));
        Exclusion { reason, start, recurrence, duration, zone }
    }

    fn next(exclusion: &Exclusion, at: &str) -> Option<(String, u64)> {
        let at: chrono::DateTime<chrono::Utc> = at.parse().expect("an instant");
        let span = exclusion.next(TimeMs(at.timestamp_millis()))?;
        Some((instant(span.start).format("%F %H:%M").to_string(), span.length().as_secs()))
    }

    #[test]
    fn an_exclusion_comes_by_its_own_clocks() {
        let weekly = sundays("Europe/Paris", Some("FREQ=WEEKLY;BYDAY=SU"));
        let hour = |start: &str| Some((start.to_owned(), 3_600));
        assert_eq!(next(&weekly, "2020-01-01T00:00:00Z"), hour("2026-01-04 02:00"));
        assert_eq!(next(&weekly, "2026-01-04T02:59:59Z"), hour("2026-01-04 02:00"));
        assert_eq!(next(&weekly, "2026-01-04T03:00:00Z"), hour("2026-01-11 02:00"));
        // In summer three o'clock is an hour earlier.
        assert_eq!(next(&weekly, "2026-06-08T00:00:00Z"), hour("2026-06-14 01:00"));
        let at = |text: &str| {
            let at: chrono::DateTime<chrono::Utc> = text.parse().expect("an instant");
            TimeMs(at.timestamp_millis())
        };
        let march = weekly.within(at("2026-03-01T03:00:00Z"), at("2026-04-05T01:00:00Z"));
        assert_eq!(march.len(), 5, "four Sundays and the first of April, which begins then");
    }

    #[test]
    fn an_exclusion_ends_with_its_rule() {
        let twice = sundays("UTC", Some("FREQ=WEEKLY;BYDAY=SU;COUNT=2"));
        assert!(next(&twice, "2026-01-11T03:30:00Z").is_some());
        assert_eq!(next(&twice, "2026-01-11T04:00:00Z"), None);
        let once = sundays("UTC", None);
        assert!(next(&once, "2026-01-04T03:30:00Z").is_some());
        assert_eq!(next(&once, "2026-01-04T04:00:00Z"), None);
    }
}
