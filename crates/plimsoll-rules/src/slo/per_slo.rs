//! The style in which each SLO has all of its rules.

use super::alerts::Alarm;
use super::recording::{RuleLabels, Writer};
use super::scope::{Allowed, Scope};
use super::windows::{Measure, Plan};
use super::{SloRules, counts_band, group, grouped, rows, source};
use crate::rule::{Group, RuleFile};
use plimsoll_slo::Slo;
use std::time::Duration;

/// Writes a file for each service.
pub(super) fn files(slos: &[&Slo], scrape: Duration) -> Vec<SloRules> {
    let services = grouped(slos.iter().copied(), |slo| slo.service.clone());
    services
        .into_iter()
        .map(|(name, slos)| {
            let groups = slos.into_iter().flat_map(|slo| groups(slo, scrape)).collect();
            SloRules { name, file: RuleFile { groups } }
        })
        .collect()
}

fn groups(slo: &Slo, scrape: Duration) -> [Group; 2] {
    let rows = rows(slo, scrape);
    // A window of time can only be read whole, which would leave it empty for as long as it is.
    let plan = Plan::new(slo, &rows, scrape, !slo.sli.counts_time());
    let scope = Scope {
        matchers: matchers(slo),
        by: slo.by.clone(),
        allowed: Allowed::Written(slo.objective),
    };
    let writer =
        Writer { plan: &plan, scope: &scope, labels: labels(slo), counts_band: counts_band(slo) };
    let (mut short, mut long) = (Vec::new(), Vec::new());
    for (window, measure) in &plan.windows {
        let counted = match measure {
            Measure::Counters => source::counted(slo, *window, scrape),
            Measure::Sum { .. } | Measure::Sampled => None,
        };
        let rules = match counted {
            Some(counted) => writer.counted(*window, counted, source::every_band(slo, *window)),
            None => writer.summed(*window, *measure),
        };
        let list = if plan.is_long(*window) { &mut long } else { &mut short };
        list.extend(rules);
        list.extend(writer.ratios(*window));
    }
    long.extend(writer.budget());
    let alarm = Alarm {
        plan: &plan,
        scope: &scope,
        alerting: &slo.alerting,
        rows: &rows,
        counts_time: slo.sli.counts_time(),
        labels: identity(slo),
    };
    let absent = format!("absent({})", scope.total(plan.period));
    short.extend(alarm.rules(&absent));
    let name = format!("slo-{}-{}", slo.service, slo.name);
    let long = group(format!("{name}-long"), plan.long_interval(), long);
    [group(name, plan.interval, short), long]
}

fn matchers(slo: &Slo) -> String {
    format!("service=\"{}\",slo=\"{}\"", slo.service, slo.name)
}

/// Returns the labels of what is recorded for an SLO.
pub(super) fn labels(slo: &Slo) -> RuleLabels {
    let mut labels: RuleLabels =
        slo.labels.iter().map(|(name, value)| (name.into(), value.into())).collect();
    labels.extend(identity(slo));
    labels
}

fn identity(slo: &Slo) -> RuleLabels {
    RuleLabels::from([("service".into(), slo.service.clone()), ("slo".into(), slo.name.clone())])
}
