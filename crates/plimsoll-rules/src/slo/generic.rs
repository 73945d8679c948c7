//! The style in which SLOs of one policy share their rules.

use super::alerts::Alarm;
use super::per_slo::labels;
use super::recording::{RuleLabels, Writer};
use super::scope::{Allowed, Scope};
use super::windows::{Measure, Plan};
use super::{SloRules, counts_band, group, grouped, rows, source};
use crate::rule::{Group, Recording, Rule, RuleFile};
use plimsoll_model::catalog::RECORDED_ALLOWED;
use plimsoll_slo::{Alerting, PolicyRow, Slo};
use std::time::Duration;

/// What the file of the shared rules is called.
const SHARED: &str = "policies";

/// The label that says whose rules an SLO shares.
const POLICY: &str = "policy";

/// What SLOs must have in common to share rules.
#[derive(PartialEq)]
struct Kind {
    rows: Vec<PolicyRow>,
    period: Duration,
    by: Vec<String>,
    counts_time: bool,
    alerting: Alerting,
}

/// Writes a file for each service with what its SLOs count, and one with what they share.
pub(super) fn files(slos: &[&Slo], scrape: Duration) -> Vec<SloRules> {
    let kinds = grouped(slos.iter().copied(), |slo| Kind {
        rows: rows(slo, scrape),
        period: slo.period.nominal(),
        by: slo.by.clone(),
        counts_time: slo.sli.counts_time(),
        alerting: slo.alerting.clone(),
    });
    let (mut inputs, mut shared, mut names) = (Vec::new(), Vec::new(), Vec::new());
    for (kind, slos) in &kinds {
        let Some(first) = slos.first() else { continue };
        let plan = Plan::new(first, &kind.rows, scrape, false);
        let name = unused_name(kind, &mut names);
        let scope = Scope {
            matchers: format!("{POLICY}=\"{name}\""),
            by: kind.by.clone(),
            allowed: Allowed::Recorded,
        };
        let counts = Counts { plan: &plan, by: &kind.by, policy: &name, scrape };
        inputs.extend(slos.iter().map(|slo| (slo.service.clone(), counts.group(slo))));
        let writer = Writer {
            plan: &plan,
            scope: &scope,
            labels: RuleLabels::from([(POLICY.into(), name.clone())]),
            counts_band: slos.iter().any(|slo| counts_band(slo)),
        };
        shared.extend(shared_groups(kind, &writer, &name));
    }
    let services = grouped(inputs.into_iter(), |(service, _)| service.clone());
    let files = services.into_iter().map(|(name, groups)| {
        let groups = groups.into_iter().map(|(_, group)| group).collect();
        SloRules { name, file: RuleFile { groups } }
    });
    let shared = SloRules { name: SHARED.into(), file: RuleFile { groups: shared } };
    files.chain([shared].into_iter().filter(|shared| !shared.file.groups.is_empty())).collect()
}

/// Names a kind by its policy and period, which tell most kinds apart.
fn unused_name(kind: &Kind, names: &mut Vec<String>) -> String {
    let policy = &kind.alerting.policy.name;
    let name = format!("{policy}-{}", plimsoll_slo::length_name(kind.period));
    let numbered = |number: usize| match number {
        1 => name.clone(),
        _ => format!("{name}-{number}"),
    };
    // One more number than names: one of them is free.
    let free = (1..=names.len() + 1).map(numbered).find(|name| !names.contains(name));
    let free = free.unwrap_or(name);
    names.push(free.clone());
    free
}

/// Writes what one SLO counts over the shortest window.
struct Counts<'a> {
    plan: &'a Plan,
    by: &'a [String],
    policy: &'a str,
    scrape: Duration,
}

impl Counts<'_> {
    fn group(&self, slo: &Slo) -> Group {
        let (service, name) = (&slo.service, &slo.name);
        let scope = Scope {
            matchers: format!("service=\"{service}\",slo=\"{name}\""),
            by: self.by.to_vec(),
            allowed: Allowed::Written(slo.objective),
        };
        let mut labels = labels(slo);
        labels.insert(POLICY.into(), self.policy.into());
        let constant = Rule::Recording(Recording {
            record: RECORDED_ALLOWED.name.into(),
            expr: format!("vector({})", slo.objective.allowed_ppm()),
            labels: labels.clone(),
        });
        let base = self.plan.base;
        let counts_band = counts_band(slo);
        let writer = Writer { plan: self.plan, scope: &scope, labels, counts_band };
        let counted = source::counted(slo, base, self.scrape);
        let every_band = source::every_band(slo, base);
        let counted = counted.map(|counted| writer.counted(base, counted, every_band));
        let rules = [constant].into_iter().chain(counted.into_iter().flatten()).collect();
        group(format!("slo-{service}-{name}"), self.plan.interval, rules)
    }
}

fn shared_groups(kind: &Kind, writer: &Writer<'_>, name: &str) -> [Group; 2] {
    let (plan, scope) = (writer.plan, writer.scope);
    let (mut short, mut long) = (Vec::new(), Vec::new());
    for (window, measure) in &plan.windows {
        let list = if plan.is_long(*window) { &mut long } else { &mut short };
        if *measure != Measure::Counters {
            list.extend(writer.summed(*window, *measure));
        }
        list.extend(writer.ratios(*window));
    }
    long.extend(writer.budget());
    let alarm = Alarm {
        plan,
        scope,
        alerting: &kind.alerting,
        rows: &kind.rows,
        counts_time: kind.counts_time,
        labels: writer.labels.clone(),
    };
    let absent =
        format!("{} unless on (service, slo) {}", scope.constants(), scope.total(plan.period));
    short.extend(alarm.rules(&absent));
    let name = format!("slo-policy-{name}");
    let long = group(format!("{name}-long"), plan.long_interval(), long);
    [group(name, plan.interval, short), long]
}
