use super::scalar::{Address, Burn, Limit, Name, ObjectiveText, Period, SeverityText, SomeLength};
use crate::{Length, Parsed, SelectorText};
use serde::Deserialize;
use std::collections::BTreeMap;

/// A file as it was written: every scalar valid, nothing yet put together.
#[derive(Debug, Deserialize)]
pub(crate) struct RawFile {
    pub(super) service: Parsed<Name>,
    #[serde(default)]
    pub(super) labels: BTreeMap<String, String>,
    pub(super) slos: Vec<RawSlo>,
    #[serde(default)]
    pub(super) policies: BTreeMap<String, Vec<RawRow>>,
}

#[derive(Debug, Deserialize)]
pub(super) struct RawSlo {
    pub(super) name: Parsed<Name>,
    pub(super) objective: Parsed<ObjectiveText>,
    pub(super) window: Parsed<Period>,
    pub(super) sli: RawSli,
    #[serde(default)]
    pub(super) labels: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) by: Vec<String>,
    pub(super) max_groups: Option<u64>,
    #[serde(default)]
    pub(super) alerting: RawAlerting,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum RawSli {
    Events {
        total: Parsed<SelectorText>,
        good: Option<Parsed<SelectorText>>,
        bad: Option<Parsed<SelectorText>>,
    },
    Latency {
        histogram: Parsed<SelectorText>,
        within: Parsed<SomeLength>,
    },
    Wait {
        signal: Parsed<SelectorText>,
        within: Parsed<SomeLength>,
    },
    Staleness {
        signal: Parsed<SelectorText>,
        within: Parsed<SomeLength>,
        when: Option<RawWhen>,
    },
    Level {
        signal: Parsed<SelectorText>,
        below: Option<Parsed<Limit>>,
        at_most: Option<u64>,
    },
    Lag {
        signal: Parsed<SelectorText>,
        at_most: Parsed<SomeLength>,
    },
}

#[derive(Debug, Deserialize)]
pub(super) struct RawWhen {
    pub(super) in_flight: RawInFlight,
}

#[derive(Debug, Deserialize)]
pub(super) struct RawInFlight {
    pub(super) of: String,
    pub(super) at_least: u64,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct RawAlerting {
    pub(super) policy: Option<String>,
    pub(super) runbook: Option<Parsed<Address>>,
    #[serde(default)]
    pub(super) page: RawCarried,
    #[serde(default)]
    pub(super) ticket: RawCarried,
    #[serde(rename = "for")]
    pub(super) pending_for: Option<Parsed<Length>>,
    pub(super) min_bad: Option<u64>,
    pub(super) no_data_after: Option<Parsed<SomeLength>>,
}

/// What an alert carries.
#[derive(Debug, Default, Deserialize)]
pub(super) struct RawCarried {
    #[serde(default)]
    pub(super) labels: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct RawRow {
    pub(super) severity: Parsed<SeverityText>,
    pub(super) burn: Parsed<Burn>,
    pub(super) long: Parsed<SomeLength>,
    pub(super) short: Parsed<SomeLength>,
}
