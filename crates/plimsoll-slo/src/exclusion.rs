use crate::Zone;
use chrono::{NaiveDateTime, TimeZone};
use rrule::{Frequency, RRule, RRuleSet, Unvalidated};
use std::time::Duration;

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
