//! The alerts of an SLO, or of every SLO of a policy: the daemon's own decision as far as PromQL
//! can say it.

use super::recording::RuleLabels;
use super::scope::{Allowed, Scope, decimal, ms, seconds};
use super::windows::Plan;
use crate::rule::{Alert, Rule};
use crate::runbook;
use plimsoll_slo::{AlertName, Alerting, Carried, Milli, PolicyRow, Severity, length_name};
use std::time::Duration;

/// The one-sided 95 % quantile of the normal distribution.
const Z: f64 = 1.645;

/// Bad events that an outage has at least.
const OUTAGE_BAD_MIN: u32 = 20;

/// Writes alerts over what was recorded.
pub(crate) struct Alarm<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) scope: &'a Scope,
    pub(crate) alerting: &'a Alerting,
    /// The policy's rows, in whole scrapes.
    pub(crate) rows: &'a [PolicyRow],
    pub(crate) counts_time: bool,
    /// Labels that tell these rules from those of the same name.
    pub(crate) labels: RuleLabels,
}

impl Alarm<'_> {
    /// Writes the alerts that aren't turned off. `absent` finds SLOs that never had any data.
    pub(crate) fn rules(&self, absent: &str) -> Vec<Rule> {
        let alerts = AlertName::ALL.into_iter().filter(|name| !self.alerting.off.contains(name));
        let mut rules: Vec<Rule> = alerts.filter_map(|name| self.alert(name)).collect();
        if !self.alerting.off.contains(&AlertName::Ticket) {
            rules.push(self.never_seen(absent));
        }
        rules
    }

    fn alert(&self, name: AlertName) -> Option<Rule> {
        if name == AlertName::NoData {
            return Some(self.no_data());
        }
        let rows = self.rows.iter().filter(|row| row.severity == name.severity());
        let waits = rows.clone().map(|row| row.pending_for).min().unwrap_or_default();
        let mut causes: Vec<String> = rows.clone().map(|row| self.burns(row)).collect();
        if name == AlertName::Page {
            causes.extend(rows.map(|row| self.outage(row.short)));
        }
        if name == AlertName::Ticket {
            causes.push(self.exhausted());
        }
        if causes.is_empty() {
            return None;
        }
        causes.push(self.blind(name));
        let expr = format!("max without (window) (\n  {}\n)", causes.join("\n  or\n  "));
        Some(Rule::Alert(Alert {
            pending_for: length_name(waits),
            hold_off: Some(length_name(self.hold_off(name))),
            ..self.worded(name, expr)
        }))
    }

    /// The row's two windows, the share of the budget, and the evidence. The period's total is
    /// recorded more seldom: before it holds anything, no share is known.
    fn burns(&self, row: &PolicyRow) -> String {
        let PolicyRow { burn, long, short, .. } = *row;
        let (scope, period) = (self.scope, self.plan.period);
        let share = burn.0 as f64 / 1e3 * seconds(long);
        let mut conditions = vec![
            scope.burn(long),
            scope.over(long, burn),
            format!("ignoring (window) {}", scope.over(short, burn)),
            format!(
                "ignoring (window) {} * ignoring (window) {} >= ignoring (window) {}",
                scope.bad(long),
                scope.known(period),
                scope.allowed_of(&format!("({} > 0)", scope.total(period)), share)
            ),
        ];
        if !self.counts_time {
            conditions.extend(self.evidence(long, burn));
        }
        conditions.join("\n    and ")
    }

    /// Wilson's lower bound of b ÷ n is over t just when b − t·n > z·√(t·(1 − t)·n).
    fn evidence(&self, long: Duration, burn: Milli) -> [String; 2] {
        let (bad, total) = (self.scope.bad(long), self.scope.total(long));
        let times = burn.0 as f64 / 1e3;
        let threshold = self.scope.allowed_of(&total, times);
        let variance = match self.scope.allowed {
            Allowed::Written(objective) => {
                let ratio = f64::from(objective.allowed_ppm()) * times / 1e6;
                format!("{total} * {}", decimal(ratio * (1.0 - ratio)))
            }
            Allowed::Recorded => format!("{threshold} * (1 - ({threshold}) / {total})"),
        };
        [
            format!("round({bad}) >= {}", self.alerting.min_bad),
            format!("{bad} - {threshold} > {Z} * sqrt({variance})"),
        ]
    }

    fn outage(&self, short: Duration) -> String {
        let (bad, total) = (self.scope.bad(short), self.scope.total(short));
        let mut conditions = vec![
            self.scope.burn(short),
            format!("round({bad}) >= {OUTAGE_BAD_MIN}"),
            format!("{bad} * 10 >= {total} * 9"),
        ];
        if self.counts_time {
            // The first bad second of a new service is no outage of five minutes.
            conditions.push(format!("{bad} * 10 >= {}", ms(short) * 9));
        }
        conditions.join("\n    and ")
    }

    fn exhausted(&self) -> String {
        let (scope, period) = (self.scope, self.plan.period);
        format!(
            "{}\n    and {} * {} >= {}",
            scope.burn(period),
            scope.bad(period),
            scope.known(period),
            scope.allowed_of(&scope.total(period), seconds(period))
        )
    }

    /// Going blind resolves nothing: what fires goes on while nothing is known.
    fn blind(&self, name: AlertName) -> String {
        let (scope, identity) = (self.scope, self.scope.identity());
        format!(
            "0 * {}\n    and on ({identity}) {}\n    unless on ({identity}) {}",
            scope.total(self.plan.period),
            self.firing(name),
            scope.total(self.plan.base)
        )
    }

    fn firing(&self, name: AlertName) -> String {
        let (alertname, matchers) = (self.alertname(name), &self.scope.matchers);
        format!("ALERTS{{alertname=\"{alertname}\",alertstate=\"firing\",{matchers}}}")
    }

    /// Whoever was paged for a burn sees that the service has gone dark, so that no second page
    /// comes.
    fn no_data(&self) -> Rule {
        let (scope, identity) = (self.scope, self.scope.identity());
        let expr = format!(
            "max without (window) (\n  0 * {}\n    unless on ({identity}) {}\n    \
             unless on ({identity}) {}\n)",
            scope.total(self.plan.period),
            scope.total(self.plan.base),
            self.firing(AlertName::Page)
        );
        let waits = self.alerting.no_data_after.saturating_sub(self.plan.base);
        let name = AlertName::NoData;
        Rule::Alert(Alert {
            pending_for: length_name(waits),
            hold_off: Some(length_name(self.hold_off(name))),
            ..self.worded(name, expr)
        })
    }

    fn never_seen(&self, absent: &str) -> Rule {
        let expr = format!("max without (window) ({absent})");
        let mut alert = self.worded(AlertName::Ticket, expr);
        alert.labels.insert("reason".into(), "never_seen".into());
        alert.annotations.insert("summary".into(), "Nothing was ever seen of an SLO.".into());
        let words = "No measurement of SLO {{ $labels.slo }} of {{ $labels.service }} has ever \
                     arrived: are its metrics named right, and are its targets scraped?";
        alert.annotations.insert("description".into(), words.into());
        Rule::Alert(Alert { pending_for: length_name(self.alerting.no_data_after), ..alert })
    }

    fn hold_off(&self, name: AlertName) -> Duration {
        let rows = self.rows.iter().filter(|row| row.severity == name.severity());
        rows.map(|row| row.short).min().unwrap_or(self.alerting.no_data_after)
    }

    fn alertname(&self, name: AlertName) -> &str {
        let own = self.alerting.name.as_deref().filter(|_| name != AlertName::NoData);
        own.unwrap_or(name.as_str())
    }

    fn worded(&self, name: AlertName, expr: String) -> Alert {
        let Carried { labels: carried, annotations: theirs } = match name.severity() {
            Severity::Page => &self.alerting.page,
            Severity::Ticket | Severity::Notice => &self.alerting.ticket,
        };
        let mut labels = self.labels.clone();
        labels.insert("severity".into(), name.severity().as_str().into());
        labels.extend(carried.iter().map(|(label, value)| (label.into(), plain(value))));
        let (summary, description) = words(name);
        let own = self.alerting.runbook.as_deref().map(plain);
        let mut annotations = RuleLabels::from([
            ("summary".into(), summary.into()),
            ("description".into(), description.into()),
            ("runbook_url".into(), own.unwrap_or_else(|| runbook::url(name.as_str()))),
        ]);
        annotations.extend(theirs.iter().map(|(label, text)| (label.clone(), plain(text))));
        Alert {
            alert: self.alertname(name).into(),
            expr,
            pending_for: "0s".into(),
            hold_off: None,
            labels,
            annotations,
        }
    }
}

/// Keeps a text from being read as a template.
fn plain(text: &str) -> String {
    text.replace("{{", "{{ \"{{\" }}")
}

fn words(name: AlertName) -> (&'static str, &'static str) {
    match name {
        AlertName::Page => (
            "An SLO burns its error budget so fast that a person has to act now.",
            "SLO {{ $labels.slo }} of {{ $labels.service }} burns its budget \
             {{ $value | humanize }} times as fast as it lasts (0: nothing is known any more).",
        ),
        AlertName::Ticket => (
            "An SLO burns its error budget faster than it lasts.",
            "SLO {{ $labels.slo }} of {{ $labels.service }} burns its budget \
             {{ $value | humanize }} times as fast as it lasts, or has spent it (0: nothing is \
             known any more).",
        ),
        AlertName::Notice => (
            "An SLO burns its error budget a little faster than usual.",
            "SLO {{ $labels.slo }} of {{ $labels.service }} burns its budget \
             {{ $value | humanize }} times as fast as it lasts (0: nothing is known any more).",
        ),
        AlertName::NoData => (
            "Nothing is known about an SLO any more, so nobody can tell whether it is kept.",
            "No measurement of SLO {{ $labels.slo }} of {{ $labels.service }} arrives, though \
             there was data before.",
        ),
    }
}
