//! Alert rules: symptoms page, causes are tickets.
//!
//! Only an SLO that burns, one that nothing is known of, and a daemon that is gone wake a person.
//! Everything else names a cause and waits for the morning: it is there to be read beside the page.

mod context;
mod own;
mod sidecar;
mod signals;
mod slo;

use crate::rule::{Alert, Group, Rule, RuleFile};
use crate::runbook;
use std::collections::BTreeMap;

/// The values of the label `severity`, most urgent first; each has a route in Alertmanager.
pub const SEVERITIES: [&str; 4] = ["page", "ticket", "notice", "none"];

/// The words that stand above the file.
pub(crate) const PREAMBLE: &str = "\
# Alerts over Plimsoll's signals. Load recording.yaml beside this file: some conditions read it.
# Severities: page wakes a person, ticket and notice wait for working hours, none is the watchdog.
# Each alert has a runbook of its name in runbooks/.
";

/// Gives an alert the service it is grouped by. A target without that label is known by its job.
const SERVICE: &str = "{{ with $labels.service }}{{ . }}{{ else }}{{ $labels.job }}{{ end }}";

/// Returns `alerts/rules.yaml`.
pub fn file() -> RuleFile {
    RuleFile {
        groups: vec![
            group("plimsoll-slo", slo::alerts()),
            group("plimsoll-signals", signals::alerts()),
            group("plimsoll-context", context::alerts()),
            group("plimsoll-sidecar", sidecar::alerts()),
            group("plimsoll-own", own::alerts()),
        ],
    }
}

fn group(name: &str, alerts: Vec<Alert>) -> Group {
    Group {
        name: name.into(),
        interval: None,
        rules: alerts.into_iter().map(Rule::Alert).collect(),
    }
}

/// Starts an alert; it has no words yet.
fn alert(name: &str, severity: &str, expr: String) -> Alert {
    Alert {
        alert: name.into(),
        expr,
        pending_for: "0s".into(),
        hold_off: None,
        labels: BTreeMap::from([
            ("severity".into(), severity.into()),
            ("service".into(), SERVICE.into()),
        ]),
        annotations: BTreeMap::from([("runbook_url".into(), runbook::url(name))]),
    }
}

impl Alert {
    /// Sets how long the condition has to hold.
    fn pending_for(mut self, duration: &str) -> Self {
        self.pending_for = duration.into();
        self
    }

    /// Says in one constant sentence what is wrong, and in another with which numbers.
    fn says(mut self, summary: &str, description: &str) -> Self {
        self.annotations.insert("summary".into(), summary.into());
        self.annotations.insert("description".into(), description.into());
        self
    }

    /// Sets a label.
    fn label(mut self, name: &str, value: &str) -> Self {
        self.labels.insert(name.into(), value.into());
        self
    }
}
