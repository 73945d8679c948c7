use super::raw::{RawAlert, RawAlerting, RawSli, RawSlo, RawSpec};
use crate::import::{Import, Keys, Wanted, alerting, plain, with_labels};
use plimsoll_model::Labels;
use plimsoll_slo::{AlertName, Alerting, Carried, EventsPart, Objective, Policy, Severity};
use std::collections::BTreeMap;

/// Reads the SLOs of a file or resource, whose paths begin with `root`.
pub(super) fn slos(import: &mut Import<'_>, root: &str, spec: RawSpec) {
    let service = spec.service.0.0;
    let Some(labels) = import.labels(&format!("{root}labels"), spec.labels) else { return };
    for (at, raw) in spec.slos.into_iter().enumerate() {
        let path = format!("{root}slos[{at}]");
        let one = One { service: &service, labels: &labels, path, camel: !root.is_empty() };
        // What is wrong with one doesn't hide what is wrong with the next.
        let _: Option<()> = one.read(import, raw);
    }
}

/// One SLO of a file.
struct One<'f> {
    service: &'f str,
    labels: &'f Labels,
    path: String,
    /// Whether keys are in camel case.
    camel: bool,
}

impl One<'_> {
    fn read(&self, import: &mut Import<'_>, raw: RawSlo) -> Option<()> {
        let (name, objective) = (raw.name.0.0, raw.objective.0.0);
        let RawSli::Events(events) = &raw.sli;
        let total = self.at(&format!("sli.events.{}", self.key("total_query", "totalQuery")));
        let error = self.at(&format!("sli.events.{}", self.key("error_query", "errorQuery")));
        let bad = EventsPart::Bad((error.as_str(), events.error_query.as_str()));
        let read = import.events((&total, &events.total_query), bad, Wanted::Window);
        let own = import.labels(&self.at("labels"), raw.labels);
        let alerting = self.alerting(import, raw.alerting, &name, objective);
        let ((sli, by), own, alerting) = (read?, own?, alerting?);
        let mut slo = plain(self.service.to_owned(), name, objective, sli);
        slo.description = raw.description;
        slo.labels = with_labels(self.labels, &own);
        (slo.by, slo.alerting) = (by, alerting);
        let keys = Keys {
            name: self.at("name"),
            period: self.at("name"),
            sli: self.at("sli"),
            exclusions: self.path.clone(),
        };
        import.add(slo, keys);
        Some(())
    }

    fn alerting(
        &self,
        import: &mut Import<'_>,
        raw: RawAlerting,
        slo: &str,
        objective: Objective,
    ) -> Option<Alerting> {
        let mut policy = Policy { name: "sloth".to_owned(), ..Policy::workbook() };
        let mut off = Vec::new();
        if raw.page_alert.disable {
            policy.rows.retain(|row| row.severity != Severity::Page);
            off.extend([AlertName::Page, AlertName::NoData]);
        }
        if raw.ticket_alert.disable {
            policy.rows.retain(|row| row.severity != Severity::Ticket);
            off.push(AlertName::Ticket);
        }
        if raw.name.is_none() && !(raw.page_alert.disable && raw.ticket_alert.disable) {
            return import.fault(&self.at("alerting"), "needs the `name` of its alerts");
        }
        let policy = import.reachable(&self.at("objective"), policy, objective);
        let (page, ticket) =
            (self.key("page_alert", "pageAlert"), self.key("ticket_alert", "ticketAlert"));
        let every = (&raw.labels, &raw.annotations);
        let page = self.carried(import, page, every, &raw.page_alert);
        let ticket = self.carried(import, ticket, every, &raw.ticket_alert);
        let (mut page, mut ticket) = (page?, ticket?);
        for (carried, severity) in [(&mut page, "page"), (&mut ticket, "ticket")] {
            carried.labels = with_labels(&self.as_sloth_does(slo, severity)?, &carried.labels);
        }
        Some(Alerting { name: raw.name, page, ticket, off, ..alerting(policy) })
    }

    fn carried(
        &self,
        import: &mut Import<'_>,
        key: &str,
        (labels, annotations): (&BTreeMap<String, String>, &BTreeMap<String, String>),
        own: &RawAlert,
    ) -> Option<Carried> {
        let every = import.labels(&self.at("alerting.labels"), labels.clone());
        let labels = import.labels(&self.at(&format!("alerting.{key}.labels")), own.labels.clone());
        let mut said = import.annotations(&self.at("alerting.annotations"), annotations);
        let path = self.at(&format!("alerting.{key}.annotations"));
        said.extend(import.annotations(&path, &own.annotations));
        Some(Carried { labels: with_labels(&every?, &labels?), annotations: said })
    }

    /// Returns the labels that Sloth gives its alerts, so that routes by them go on working.
    fn as_sloth_does(&self, slo: &str, severity: &str) -> Option<Labels> {
        let id = format!("{}-{slo}", self.service);
        let labels = [
            ("sloth_id", id.as_str()),
            ("sloth_service", self.service),
            ("sloth_slo", slo),
            ("sloth_severity", severity),
        ];
        Labels::new(labels).ok()
    }

    fn at(&self, key: &str) -> String {
        format!("{}.{key}", self.path)
    }

    fn key<'k>(&self, snake: &'k str, camel: &'k str) -> &'k str {
        if self.camel { camel } else { snake }
    }
}
