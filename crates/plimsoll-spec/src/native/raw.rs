use super::scalar::{
    Address, Burn, Limit, LocalTime, Name, ObjectiveText, Rolling, SeverityText, SomeLength,
    UnitText,
};
use super::sum::SumText;
use crate::promql::QueryText;
use crate::{Length, Parsed, SelectorText};
use plimsoll_slo::Zone;
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
    #[serde(default)]
    pub(super) exclusions: Vec<RawExclusion>,
}

#[derive(Debug, Deserialize)]
pub(super) struct RawSlo {
    pub(super) name: Parsed<Name>,
    pub(super) objective: Parsed<ObjectiveText>,
    pub(super) window: RawWindow,
    #[serde(default)]
    pub(super) description: String,
    pub(super) sli: RawSli,
    #[serde(default)]
    pub(super) labels: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) by: Vec<String>,
    pub(super) max_groups: Option<u64>,
    #[serde(default)]
    pub(super) alerting: RawAlerting,
    #[serde(default)]
    pub(super) exclusions: Vec<RawExclusion>,
    pub(super) backend: Option<Parsed<Name>>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum RawWindow {
    Rolling(Parsed<Rolling>),
    Calendar { calendar: Parsed<UnitText>, timezone: Option<Parsed<Zone>> },
}

#[derive(Debug, Deserialize)]
pub(super) struct RawExclusion {
    pub(super) reason: String,
    pub(super) start: Parsed<LocalTime>,
    pub(super) rrule: Option<String>,
    pub(super) duration: Parsed<SomeLength>,
    pub(super) timezone: Option<Parsed<Zone>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum RawSli {
    Events {
        total: Parsed<SumText>,
        good: Option<Parsed<SumText>>,
        bad: Option<Parsed<SumText>>,
        unknown: Option<Parsed<SumText>>,
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
    AllOf(Vec<Parsed<Name>>),
    Weighted(BTreeMap<String, u32>),
    Query {
        total: Parsed<QueryText>,
        good: Option<Parsed<QueryText>>,
        bad: Option<Parsed<QueryText>>,
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
    #[serde(default)]
    pub(super) annotations: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct RawRow {
    pub(super) severity: Parsed<SeverityText>,
    pub(super) burn: Parsed<Burn>,
    pub(super) long: Parsed<SomeLength>,
    pub(super) short: Parsed<SomeLength>,
}
