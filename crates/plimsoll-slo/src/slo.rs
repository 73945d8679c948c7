use crate::policy::in_slices;
use crate::{AlertName, Exclusion, Period, Sli};
use plimsoll_model::Labels;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
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
    /// What it promises, in words; empty for none.
    pub description: String,
    /// Labels that its alerts carry.
    pub labels: Labels,
    /// The objective.
    pub objective: Objective,
    /// The period over which the budget is kept.
    pub period: Period,
    /// What is good and what is bad.
    pub sli: Sli,
    /// Who counts it.
    pub backend: Backend,
    /// What doesn't count; shared by the SLOs of a file.
    pub exclusions: Vec<Arc<Exclusion>>,
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
            .chain([in_slices(self.alerting.no_data_after, slice), self.period.longest()])
            .collect();
        windows.sort_unstable();
        windows.dedup();
        windows
    }
}

/// When an SLO pages and what the alert carries.
#[derive(Clone, Debug, PartialEq)]
pub struct Alerting {
    /// The policy's rows; see [`Policy`].
    pub policy: Policy,
    /// Where a person reads what to do.
    pub runbook: Option<String>,
    /// The label `alertname` of pages, tickets and notices, where it isn't the usual.
    pub name: Option<String>,
    /// What a page carries, beside the SLO's labels.
    pub page: Carried,
    /// What a ticket or notice carries, beside the SLO's labels.
    pub ticket: Carried,
    /// The alerts that are turned off.
    pub off: Vec<AlertName>,
    /// The least bad events in the long window that a page needs.
    pub min_bad: u64,
    /// How long nothing may be known before that pages.
    pub no_data_after: Duration,
}

/// What an alert carries.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Carried {
    /// Labels, which win over the SLO's and over `severity`.
    pub labels: Labels,
    /// Annotations, in plain text.
    pub annotations: BTreeMap<String, String>,
}

/// Who counts an SLO.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Backend {
    /// The daemon itself, from what it scrapes and is sent.
    #[default]
    Own,
    /// The server of that name in the daemon's configuration, which speaks the Prometheus API.
    Prometheus(String),
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
    /// How long both have to burn before the alert fires.
    pub pending_for: Duration,
}
