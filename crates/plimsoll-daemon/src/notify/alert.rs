use plimsoll_model::{Labels, TimeMs};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// An alert as sinks, the API and the archive carry it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Alert {
    /// The same for every life of the alert: SLO, severity and name.
    pub(crate) id: String,
    pub(crate) slo_id: String,
    pub(crate) alertname: &'static str,
    pub(crate) severity: &'static str,
    /// When its condition began to hold: `startsAt`, which no restart changes.
    pub(crate) since: TimeMs,
    pub(crate) fired: bool,
    pub(crate) resolved_at: Option<TimeMs>,
    pub(crate) labels: Labels,
    pub(crate) annotations: BTreeMap<Cow<'static, str>, String>,
    pub(crate) facts: Facts,
}

/// The numbers that an alert stands on.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Facts {
    pub(crate) share: Option<f64>,
    pub(crate) burn: Option<f64>,
    pub(crate) signature: String,
}

/// Where in its life an alert is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Phase {
    Pending,
    Firing,
    Resolved,
}

impl Alert {
    pub(crate) fn phase(&self) -> Phase {
        match (self.resolved_at, self.fired) {
            (Some(_), _) => Phase::Resolved,
            (None, true) => Phase::Firing,
            (None, false) => Phase::Pending,
        }
    }
}
