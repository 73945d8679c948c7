use crate::policy::in_slices;
use plimsoll_model::{Labels, Selector};
use std::fmt;
use std::time::Duration;

/// The part of all events that has to be good, in parts per million: 99.9 % is 999,000.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Objective(u32);

impl Objective {
    /// Makes an objective; `None` unless it lies strictly between 0 and 1,000,000, because an
    /// objective of 100 % has no budget and one of 0 % no meaning.
    pub fn from_ppm(ppm: u32) -> Option<Self> {
        (0 < ppm && ppm < 1_000_000).then_some(Self(ppm))
    }

    /// Returns the parts per million that have to be good.
    pub fn ppm(self) -> u32 {
        self.0
    }

    /// Returns the parts per million that may be bad.
    pub fn allowed_ppm(self) -> u32 {
        1_000_000 - self.0
    }
}

/// A factor in thousandths, so that 14.4 is exact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Milli(pub u64);

impl fmt::Display for Milli {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}", self.0 as f64 / 1000.0)
    }
}

/// One valid SLO, before it is split by label set.
#[derive(Clone, Debug, PartialEq)]
pub struct Slo {
    /// The service that owes it.
    pub service: String,
    /// Its name, unique within the service.
    pub name: String,
    /// Labels that its alerts carry.
    pub labels: Labels,
    /// The objective.
    pub objective: Objective,
    /// The length of the rolling period over which the budget is kept.
    pub period: Duration,
    /// What is good and what is bad.
    pub sli: Sli,
    /// The labels whose values each make an SLO of their own; empty for one in all.
    pub by: Vec<String>,
    /// The most label sets that `by` may make.
    pub max_groups: usize,
    /// When it pages, and what the alert carries.
    pub alerting: Alerting,
}

impl Slo {
    /// Returns every window that an assessment asks for at that slice length, shortest first, each
    /// once: those of the policy, the one that `no_data_after` looks at, and the whole period.
    pub fn windows(&self, slice: Duration) -> Vec<Duration> {
        let policy = self.alerting.policy.rows.iter().map(|row| row.in_slices(slice));
        let mut windows: Vec<Duration> = policy
            .flat_map(|row| [row.long, row.short])
            .chain([in_slices(self.alerting.no_data_after, slice), self.period])
            .collect();
        windows.sort_unstable();
        windows.dedup();
        windows
    }
}

/// What is good and what is bad.
#[derive(Clone, Debug, PartialEq)]
pub enum Sli {
    /// Counters of events.
    Events {
        /// All events.
        total: Selector,
        /// Those that the total is split by.
        part: EventsPart,
    },
    /// A histogram of seconds: an event is good when it took at most `within`.
    /// Latency, lock wait and staleness are of this kind.
    Within {
        /// Which of the three it is, for words and units.
        of: WithinKind,
        /// The histogram, without `_bucket`.
        histogram: Selector,
        /// The threshold.
        within: Duration,
        /// Only events that met at least so many in flight.
        when: Option<InFlightAtLeast>,
    },
    /// An exact level: time is good while the level keeps its bound. Counts milliseconds.
    Level {
        /// The level, without a suffix.
        signal: Selector,
        /// The bound.
        bound: LevelBound,
    },
    /// A gauge of seconds: a slice is good while every partition is at most `at_most` behind.
    /// Counts milliseconds.
    Lag {
        /// The gauge.
        signal: Selector,
        /// The threshold.
        at_most: Duration,
    },
}

impl Sli {
    /// Says whether it counts milliseconds rather than events.
    pub fn counts_time(&self) -> bool {
        matches!(self, Self::Level { .. } | Self::Lag { .. })
    }
}

/// Which part of the total is given.
#[derive(Clone, Debug, PartialEq)]
pub enum EventsPart {
    /// The good ones.
    Good(Selector),
    /// The bad ones.
    Bad(Selector),
}

/// What a histogram of seconds measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WithinKind {
    /// How long a request took.
    Latency,
    /// How long a lock or pool made it wait.
    Wait,
    /// How old what it read was.
    Staleness,
}

/// A condition on the in-flight band of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InFlightAtLeast {
    /// The operation whose level makes the band.
    pub operation: String,
    /// The lower edge of the least band that counts.
    pub at_least: u64,
}

/// The bound that a level has to keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LevelBound {
    /// Below its own configured limit: read from the saturated time.
    BelowLimit,
    /// At most so much: read from the time-weighted histogram.
    AtMost(u64),
}

/// When an SLO pages and what the alert carries.
#[derive(Clone, Debug, PartialEq)]
pub struct Alerting {
    /// The policy's rows; see [`Policy`].
    pub policy: Policy,
    /// Where a person reads what to do.
    pub runbook: Option<String>,
    /// Labels of the page, beside those of the SLO.
    pub page_labels: Labels,
    /// Labels of the ticket, beside those of the SLO.
    pub ticket_labels: Labels,
    /// How long a condition has to hold before the alert fires.
    pub pending_for: Duration,
    /// The least bad events in the long window that a page needs.
    pub min_bad: u64,
    /// How long nothing may be known before that pages.
    pub no_data_after: Duration,
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Good to know.
    Notice,
    /// Within days.
    Ticket,
    /// Now.
    Page,
}

impl Severity {
    /// Returns the value of the label `severity`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Notice => "notice",
            Self::Ticket => "ticket",
            Self::Page => "page",
        }
    }
}

/// A named table of burn thresholds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Its name.
    pub name: String,
    /// Its rows, as alternatives within a severity.
    pub rows: Vec<PolicyRow>,
}

/// One row: alert while both windows burn faster than `burn`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PolicyRow {
    /// How bad it is.
    pub severity: Severity,
    /// The threshold, in thousandths.
    pub burn: Milli,
    /// The long window: is it worth it?
    pub long: Duration,
    /// The short window: is it still going on?
    pub short: Duration,
}
