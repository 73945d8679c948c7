use super::alert::{Alert, Facts};
use crate::config::Config;
use crate::links::Links;
use crate::view::SloView;
use crate::words;
use plimsoll_model::{Interval, Labels, TimeMs};
use plimsoll_slo::{AlertName, AlertState, Assessment, Carried, Cause, Severity};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The alert that always fires.
pub(crate) const WATCHDOG: &str = "PlimsollWatchdog";

/// The runbooks that come with this program, for alerts whose SLO names none.
const RUNBOOKS: &str = concat!(env!("CARGO_PKG_REPOSITORY"), "/blob/main/alerts/runbooks");

/// Turns an SLO's alert into what sinks and the API carry.
#[derive(Clone, Debug)]
pub(crate) struct Composer {
    external: Labels,
    links: Arc<Links>,
}

impl Composer {
    pub(crate) fn new(config: &Config, links: Arc<Links>) -> Self {
        Self { external: config.external_labels.clone(), links }
    }

    /// Makes the alert whose silence says that this daemon is gone.
    pub(crate) fn watchdog(&self, since: TimeMs) -> Alert {
        let labels = [
            ("alertname", WATCHDOG),
            ("severity", "none"),
            ("service", "plimsoll"),
            ("source", "daemon"),
        ];
        let summary = "Plimsoll is alive: this alert always fires, and its silence is the alarm.";
        Alert {
            id: WATCHDOG.into(),
            slo_id: String::new(),
            alertname: WATCHDOG,
            severity: "none",
            since,
            fired: true,
            resolved_at: None,
            labels: merged(&[&self.external], &labels),
            annotations: BTreeMap::from([
                ("summary".into(), summary.to_owned()),
                ("runbook_url".into(), runbook(WATCHDOG)),
                ("page_url".into(), self.links.page("")),
            ]),
            facts: Facts::default(),
        }
    }

    /// Composes an alert with the numbers of now.
    pub(crate) fn compose(&self, slo: &SloView, alert: &plimsoll_slo::Alert) -> Alert {
        let severity = alert.name.severity().as_str();
        let facts = facts(&slo.assessment, alert);
        Alert {
            id: format!("{}/{}", slo.id, alert.name.as_str()),
            slo_id: slo.id.clone(),
            alertname: alert.name.as_str(),
            severity,
            since: alert.since,
            fired: alert.state != AlertState::Pending,
            resolved_at: alert.resolved_at,
            labels: self.labels(slo, alert.name),
            annotations: self.annotations(slo, alert, &facts),
            facts,
        }
    }

    /// What says which alert it is can't be replaced; after it the more particular wins.
    fn labels(&self, slo: &SloView, name: AlertName) -> Labels {
        let alerting = &slo.slo.alerting;
        let of_severity = &carried(slo, name).labels;
        let own = alerting.name.as_deref().filter(|_| name != AlertName::NoData);
        let severity = of_severity.get("severity").unwrap_or(name.severity().as_str());
        let fixed = [
            ("alertname", own.unwrap_or(name.as_str())),
            ("severity", severity),
            ("service", slo.slo.service.as_str()),
            ("slo", slo.slo.name.as_str()),
        ];
        let labels = merged(&[&self.external, &slo.slo.labels, of_severity], &fixed);
        slo.group_labels()
            .fold(labels, |labels, (name, value)| labels.with(&name, value).unwrap_or(labels))
    }

    fn annotations(
        &self,
        slo: &SloView,
        alert: &plimsoll_slo::Alert,
        facts: &Facts,
    ) -> BTreeMap<Cow<'static, str>, String> {
        let own = slo.slo.alerting.runbook.clone();
        let words = [
            ("summary", words::summary(slo, alert, facts)),
            ("description", words::description(slo, facts)),
            ("runbook_url", own.unwrap_or_else(|| runbook(alert.name.as_str()))),
            ("page_url", self.links.page(&slo.id)),
            ("signature", facts.signature.clone()),
        ];
        let mut annotations = BTreeMap::from(words.map(|(name, text)| (name.into(), text)));
        let numbers =
            [("burn", facts.burn), ("share", facts.share), ("coverage", slo.assessment.coverage)];
        for (name, number) in numbers {
            if let Some(number) = number {
                annotations.insert(name.into(), words::number(number));
            }
        }
        let theirs = carried(slo, alert.name).annotations.iter();
        annotations.extend(theirs.map(|(name, text)| (name.clone().into(), text.clone())));
        annotations
    }
}

/// Returns what the SLO's file gives that alert to carry.
fn carried(slo: &SloView, name: AlertName) -> &Carried {
    match name.severity() {
        Severity::Page => &slo.slo.alerting.page,
        Severity::Ticket | Severity::Notice => &slo.slo.alerting.ticket,
    }
}

/// Puts label sets together; a later one wins, and `fixed` over all.
fn merged(sets: &[&Labels], fixed: &[(&str, &str)]) -> Labels {
    let mut merged: BTreeMap<&str, &str> = BTreeMap::new();
    merged.extend(sets.iter().flat_map(|set| set.iter()));
    merged.extend(fixed.iter().copied());
    // Every name comes from a label set or a literal, and a map holds it once.
    Labels::new(merged).unwrap_or_default()
}

fn runbook(alertname: &str) -> String {
    format!("{RUNBOOKS}/{alertname}.md")
}

/// Returns the alert's numbers: what is surely so, as the decision itself was made on it.
fn facts(assessment: &Assessment, alert: &plimsoll_slo::Alert) -> Facts {
    let cause = alert.causes.first();
    let burn = |interval: Interval| interval.low;
    let of_row = |long| assessment.rows.iter().find(|verdict| verdict.row.long == long);
    let burn = match cause {
        Some(Cause::Burn { long, .. }) => of_row(*long).and_then(|verdict| burn(verdict.long.burn)),
        Some(Cause::Outage { short }) => {
            let window = assessment.windows.iter().find(|window| window.length == *short);
            window.and_then(|window| burn(window.burn))
        }
        _ => assessment.windows.last().and_then(|window| burn(window.burn)),
    };
    let signature = alert.causes.iter().map(words::signature).collect::<Vec<_>>().join(", ");
    Facts { share: alert.share.low, burn, signature }
}
