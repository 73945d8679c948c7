use crate::Parsed;
use crate::import::PerCent;
use crate::native::Name;
use serde::Deserialize;
use std::collections::BTreeMap;

#[derive(Debug, Deserialize)]
pub(super) struct RawResource {
    pub(super) spec: RawSpec,
}

#[derive(Debug, Deserialize)]
pub(super) struct RawSpec {
    pub(super) service: Parsed<Name>,
    #[serde(default)]
    pub(super) labels: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) slos: Vec<RawSlo>,
}

#[derive(Debug, Deserialize)]
pub(super) struct RawSlo {
    pub(super) name: Parsed<Name>,
    pub(super) objective: Parsed<PerCent>,
    #[serde(default)]
    pub(super) description: String,
    #[serde(default)]
    pub(super) labels: BTreeMap<String, String>,
    pub(super) sli: RawSli,
    pub(super) alerting: RawAlerting,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum RawSli {
    Events(RawEvents),
}

/// The keys of the file are in snake case, those of the resource in camel case.
#[derive(Debug, Deserialize)]
pub(super) struct RawEvents {
    #[serde(alias = "errorQuery")]
    pub(super) error_query: String,
    #[serde(alias = "totalQuery")]
    pub(super) total_query: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct RawAlerting {
    pub(super) name: Option<String>,
    #[serde(default)]
    pub(super) labels: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) annotations: BTreeMap<String, String>,
    #[serde(default, alias = "pageAlert")]
    pub(super) page_alert: RawAlert,
    #[serde(default, alias = "ticketAlert")]
    pub(super) ticket_alert: RawAlert,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct RawAlert {
    #[serde(default)]
    pub(super) disable: bool,
    #[serde(default)]
    pub(super) labels: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) annotations: BTreeMap<String, String>,
}
