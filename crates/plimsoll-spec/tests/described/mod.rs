//! An SLO in words that a person can check against its file.

use plimsoll_slo::{
    Alerting, Backend, Carried, Composite, EventsPart, Exclusion, LevelBound, Sli, Slo, length_name,
};
use std::fmt::Display;

/// Writes everything that is said of an SLO, one thing a line.
pub(crate) fn slo(slo: &Slo) -> String {
    let percent = f64::from(slo.objective.ppm()) / 10_000.0;
    let mut lines = vec![format!("{}/{}: {percent} % over {}", slo.service, slo.name, slo.period)];
    let mut add = |what: &str, said: String| {
        if !said.is_empty() {
            lines.push(format!("  {what}: {said}"));
        }
    };
    add("description", slo.description.clone());
    add("labels", if slo.labels.is_empty() { String::new() } else { slo.labels.to_string() });
    sli(&slo.sli).into_iter().for_each(|(what, said)| add(what, said));
    let by = if slo.by.is_empty() { String::new() } else { slo.by.join(", ") };
    add("by", by);
    if let Backend::Prometheus(name) = &slo.backend {
        add("backend", name.clone());
    }
    slo.exclusions.iter().for_each(|each| add("excluded", exclusion(each)));
    alerting(&slo.alerting).into_iter().for_each(|(what, said)| add(what, said));
    lines.into_iter().map(|line| format!("{line}\n")).collect()
}

fn sli(sli: &Sli) -> Vec<(&'static str, String)> {
    match sli {
        Sli::Events { total, part, unknown } => {
            let unknown = unknown.iter().map(|unknown| ("unknown", unknown.to_string()));
            [("total", total.to_string()), part_of(part)].into_iter().chain(unknown).collect()
        }
        Sli::Query { total, part, unit } => {
            let part = part.clone().map(|query| query.0);
            vec![("total", total.0.clone()), part_of(&part), ("counts", format!("{unit:?}"))]
        }
        Sli::Within { of, histogram, within, when } => {
            let when =
                when.as_ref().map(|when| format!(" at {} of {}", when.at_least, when.operation));
            let when = when.unwrap_or_default();
            vec![("within", format!("{of:?} {histogram} {}{when}", length_name(*within)))]
        }
        Sli::Level { signal, bound: LevelBound::BelowLimit } => {
            vec![("level", format!("{signal} below its limit"))]
        }
        Sli::Level { signal, bound: LevelBound::AtMost(most) } => {
            vec![("level", format!("{signal} at most {most}"))]
        }
        Sli::Lag { signal, at_most } => {
            vec![("lag", format!("{signal} at most {}", length_name(*at_most)))]
        }
        Sli::Up { signal } => vec![("up", signal.to_string())],
        Sli::Composite(Composite::AllOf(names)) => vec![("all of", names.join(", "))],
        Sli::Composite(Composite::Weighted(parts)) => {
            let part = |(name, ppm): &(String, u32)| format!("{ppm} {name}");
            vec![("weighted", parts.iter().map(part).collect::<Vec<_>>().join(", "))]
        }
    }
}

fn part_of<T: Display>(part: &EventsPart<T>) -> (&'static str, String) {
    match part {
        EventsPart::Good(good) => ("good", good.to_string()),
        EventsPart::Bad(bad) => ("bad", bad.to_string()),
    }
}

fn exclusion(exclusion: &Exclusion) -> String {
    let Exclusion { reason, start, recurrence, duration, zone } = exclusion;
    let again = recurrence.as_ref().map_or("once".into(), |recurrence| {
        let set = recurrence.starts().clone();
        let second = set.all(2).dates.get(1).map(ToString::to_string).unwrap_or_default();
        format!("{} (next {second})", recurrence.text())
    });
    format!("{reason}: {} from {start} {}, {again}", length_name(*duration), zone.name())
}

fn alerting(alerting: &Alerting) -> Vec<(&'static str, String)> {
    let mut said = Vec::new();
    for row in &alerting.policy.rows {
        let (long, short) = (length_name(row.long), length_name(row.short));
        let severity = row.severity.as_str();
        let pending_for = match row.pending_for.is_zero() {
            true => String::new(),
            false => format!(" for {}", length_name(row.pending_for)),
        };
        said.push((severity, format!("{} over {long} and {short}{pending_for}", row.burn)));
    }
    let carried = |carried: &Carried| {
        let annotations: String =
            carried.annotations.iter().map(|(name, text)| format!(" {name}={text}")).collect();
        format!("{}{annotations}", carried.labels).replacen("{}", "", 1).trim().to_owned()
    };
    said.push(("page carries", carried(&alerting.page)));
    said.push(("ticket carries", carried(&alerting.ticket)));
    said.push(("alert", alerting.name.clone().unwrap_or_default()));
    said.push(("runbook", alerting.runbook.clone().unwrap_or_default()));
    let off: Vec<_> = alerting.off.iter().map(|alert| alert.as_str()).collect();
    said.push(("off", off.join(", ")));
    said
}
