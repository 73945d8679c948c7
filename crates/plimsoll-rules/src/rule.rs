//! The shape of a Prometheus rule file.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One rule file.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct RuleFile {
    /// Its groups; the rules of one are evaluated in order, at one time.
    pub groups: Vec<Group>,
}

/// Rules that are evaluated together.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct Group {
    /// Its name, unique in the file.
    pub name: String,
    /// The time between two evaluations, in Prometheus's syntax; the server's own when there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<String>,
    /// Its rules.
    pub rules: Vec<Rule>,
}

/// One rule.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(untagged)]
pub enum Rule {
    /// Stores an expression's result under a name.
    Recording(Recording),
    /// Raises an alert for each series that an expression returns.
    Alert(Alert),
}

/// One recording rule.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct Recording {
    /// The name, `level:metric:operation`.
    pub record: String,
    /// The expression.
    pub expr: String,
    /// Labels that what is stored gets beside its own.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
}

/// One alert rule.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct Alert {
    /// The label `alertname`, which is also the name of its runbook.
    pub alert: String,
    /// The condition.
    pub expr: String,
    /// How long it has to hold, in Prometheus's syntax.
    #[serde(rename = "for")]
    pub pending_for: String,
    /// How long it fires on once the condition is over, in Prometheus's syntax.
    #[serde(rename = "keep_firing_for", default, skip_serializing_if = "Option::is_none")]
    pub hold_off: Option<String>,
    /// Labels, templates allowed.
    pub labels: BTreeMap<String, String>,
    /// Annotations, templates allowed.
    pub annotations: BTreeMap<String, String>,
}

impl RuleFile {
    /// Returns every rule with the name of its group.
    pub fn rules(&self) -> impl Iterator<Item = (&str, &Rule)> {
        self.groups
            .iter()
            .flat_map(|group| group.rules.iter().map(move |rule| (group.name.as_str(), rule)))
    }

    /// Returns every alert.
    pub fn alerts(&self) -> impl Iterator<Item = &Alert> {
        self.rules().filter_map(|(_, rule)| match rule {
            Rule::Alert(alert) => Some(alert),
            Rule::Recording(_) => None,
        })
    }
}
