use super::objects::Objects;
use super::raw::{RawCondition, RawPolicy, RawSlo};
use crate::Document;
use crate::import::{Import, alerting as plain};
use plimsoll_model::Labels;
use plimsoll_slo::{
    AlertName, Alerting, Carried, Objective, Period, Policy, PolicyRow, Severity, length_name,
};
use std::collections::BTreeSet;

/// The severities that are used in the field, by what they mean here.
const SEVERITIES: [(&str, Severity); 12] = [
    ("page", Severity::Page),
    ("critical", Severity::Page),
    ("sev1", Severity::Page),
    ("p1", Severity::Page),
    ("high", Severity::Page),
    ("ticket", Severity::Ticket),
    ("warning", Severity::Ticket),
    ("sev2", Severity::Ticket),
    ("p2", Severity::Ticket),
    ("medium", Severity::Ticket),
    ("notice", Severity::Notice),
    ("info", Severity::Notice),
];

/// A policy, where it stands and in which document.
struct At<'r, T> {
    raw: &'r T,
    path: String,
    document: usize,
}

/// Reads the policies of an SLO; one without any has our default.
pub(super) fn alerting(
    documents: &[Document],
    objects: &Objects,
    (import, raw): (&mut Import<'_>, &RawSlo),
    aim: Option<(Objective, Period)>,
) -> Option<Alerting> {
    let mut read = Read::default();
    for (at, given) in raw.alert_policies.iter().enumerate() {
        let path = format!("spec.alertPolicies[{at}]");
        let policy = match (&given.spec, &given.alert_policy_ref) {
            (Some(spec), None) => {
                At { raw: spec, path: format!("{path}.spec"), document: import.number }
            }
            (None, Some(name)) => match objects.policies.get(name) {
                Some(placed) => {
                    At { raw: &placed.object.spec, path: "spec".into(), document: placed.document }
                }
                None => {
                    let at = format!("{path}.alertPolicyRef");
                    return import.fault(&at, "names no AlertPolicy of this file");
                }
            },
            _ => return import.fault(&path, "must be a policy, or the name of one"),
        };
        read.policy(documents, objects, import, &policy)?;
    }
    let (objective, period) = aim?;
    let policy = match raw.alert_policies.is_empty() {
        true => Policy::workbook().for_period(period.nominal()),
        false => Policy { name: "openslo".into(), rows: std::mem::take(&mut read.rows) },
    };
    if let Some(row) = policy.rows.iter().find(|row| row.long > period.nominal()) {
        let long = length_name(row.long);
        let reason = format!("look back over {long}, longer than the window of {period}");
        return import.fault("spec.alertPolicies", reason);
    }
    let policy = import.reachable("spec.objectives", policy, objective);
    Some(Alerting {
        page: read.carried(import, Severity::Page)?,
        ticket: read.carried(import, Severity::Ticket)?,
        off: read.off,
        ..plain(policy)
    })
}

/// What the policies of an SLO say together.
#[derive(Default)]
struct Read {
    rows: Vec<PolicyRow>,
    off: Vec<AlertName>,
    /// The severities as the file calls them, by what they mean.
    severities: BTreeSet<(Severity, String)>,
    targets: BTreeSet<String>,
    keeps_resolved: bool,
}

impl Read {
    fn policy(
        &mut self,
        documents: &[Document],
        objects: &Objects,
        import: &mut Import<'_>,
        policy: &At<'_, RawPolicy>,
    ) -> Option<()> {
        let document = documents.get(policy.document)?;
        let mut import = Import { document, number: policy.document, found: import.found };
        let At { raw, path, .. } = policy;
        if raw.alert_when_no_data == Some(false) && !self.off.contains(&AlertName::NoData) {
            self.off.push(AlertName::NoData);
        }
        self.keeps_resolved |= raw.alert_when_resolved == Some(false);
        for (at, given) in raw.notification_targets.iter().enumerate() {
            let inline = given.metadata.as_ref().map(|metadata| metadata.name.clone());
            match (&given.target_ref, inline) {
                (Some(name), None) if objects.targets.contains(name) => {
                    self.targets.insert(name.clone());
                }
                (None, Some(name)) if !name.is_empty() => drop(self.targets.insert(name)),
                _ => {
                    let at = format!("{path}.notificationTargets[{at}]");
                    return import.fault(&at, "names no AlertNotificationTarget of this file");
                }
            }
        }
        let [given] = raw.conditions.as_slice() else {
            let at = format!("{path}.conditions");
            return import.fault(&at, "must be a list of exactly one condition");
        };
        let at = format!("{path}.conditions[0]");
        let condition = match (&given.spec, &given.condition_ref) {
            (Some(spec), None) => {
                At { raw: spec, path: format!("{at}.spec"), document: policy.document }
            }
            (None, Some(name)) => match objects.conditions.get(name) {
                Some(placed) => {
                    At { raw: &placed.object.spec, path: "spec".into(), document: placed.document }
                }
                None => {
                    let at = format!("{at}.conditionRef");
                    return import.fault(&at, "names no AlertCondition of this file");
                }
            },
            _ => return import.fault(&at, "must be a condition, or the name of one"),
        };
        let document = documents.get(condition.document)?;
        let mut import = Import { document, number: condition.document, found: import.found };
        let row = self.row(&mut import, &condition)?;
        self.rows.extend((raw.alert_when_breaching != Some(false)).then_some(row));
        Some(())
    }

    /// A condition looks over one window, which is then the long and the short one.
    fn row(
        &mut self,
        import: &mut Import<'_>,
        condition: &At<'_, RawCondition>,
    ) -> Option<PolicyRow> {
        let At { raw, path, .. } = condition;
        let lower = raw.severity.to_ascii_lowercase();
        let known = SEVERITIES.iter().find(|(name, _)| *name == lower);
        let Some((_, severity)) = known else {
            let names: Vec<_> = SEVERITIES.iter().map(|(name, _)| *name).collect();
            let reason = format!("must be one of {}", names.join(", "));
            return import.fault(&format!("{path}.severity"), reason);
        };
        self.severities.insert((*severity, raw.severity.clone()));
        let burn = &raw.condition;
        let over = burn.lookback_window.0.0;
        Some(PolicyRow {
            severity: *severity,
            burn: burn.threshold.0.0,
            long: over,
            short: over,
            pending_for: burn.alert_after.as_ref().map(|after| after.0.0).unwrap_or_default(),
        })
    }

    /// Returns what alerts carry: the file's own severity, and where they should go.
    fn carried(&self, import: &mut Import<'_>, of: Severity) -> Option<Carried> {
        let is_of = |severity: Severity| (severity == Severity::Page) == (of == Severity::Page);
        let mut named = self.severities.iter().filter(|(severity, _)| is_of(*severity));
        let severity = named.next().map(|(_, name)| name.clone());
        if let (Some(one), Some((_, other))) = (&severity, named.next()) {
            let reason = format!("calls severities {one} and {other}, which are one alert here");
            return import.fault("spec.alertPolicies", reason);
        }
        let targets: Vec<_> = self.targets.iter().map(String::as_str).collect();
        let targets = (!targets.is_empty()).then(|| targets.join(","));
        let resolved = self.keeps_resolved.then(|| "false".to_owned());
        let labels = [
            ("severity", severity),
            ("notification_targets", targets),
            ("alert_when_resolved", resolved),
        ];
        let given = labels.into_iter().filter_map(|(name, value)| Some((name, value?)));
        let labels = Labels::new(given);
        Some(Carried { labels: import.take("spec.alertPolicies", labels)?, ..Carried::default() })
    }
}
