use super::{interval, label_map};
use crate::instant::rfc3339;
use crate::view::{BandView, SloView, State, View};
use crate::words;
use plimsoll_slo::{Budget, Cause, Policy, RowVerdict, length_name};
use serde_json::{Map, Value, json};

/// Every SLO, in the order of the configuration.
pub(crate) fn slos(view: &View) -> Vec<Value> {
    view.slos.iter().map(|each| slo(view, each)).collect()
}

/// One SLO with every number of it.
pub(crate) fn slo(view: &View, slo: &SloView) -> Value {
    let (definition, assessment) = (&slo.slo, &slo.assessment);
    let blind = view.blind(slo);
    json!({
        "id": slo.id,
        "service": definition.service,
        "slo": definition.name,
        "labels": label_map(&merged(slo)),
        "group": label_map(&slo.group),
        "objective_ppm": definition.objective.ppm(),
        "window": definition.period.to_string(),
        "window_seconds": definition.period.longest().as_secs_f64(),
        "sli": { "kind": words::sli_kind(&definition.sli), "words": words::sli(&definition.sli) },
        "policy": policy(&definition.alerting.policy, &assessment.rows),
        "as_of": rfc3339(assessment.at),
        "watched_since": rfc3339(slo.watched_since),
        "counts": {
            "good": assessment.counts.good,
            "bad": assessment.counts.bad,
            "unknown": assessment.counts.unknown,
            "unit": assessment.unit.as_str(),
        },
        "coverage": assessment.coverage,
        "ratio": interval(assessment.ratio),
        "burn": burn(slo),
        "budget": {
            "with_exclusions": budget(&assessment.budget),
            "without_exclusions": budget(&assessment.budget_observed),
        },
        "exhaustion_seconds": interval(assessment.forecast.exhaustion_seconds),
        "state": view.state(slo).as_str(),
        "alerts": alerts(slo),
        "runbook": definition.alerting.runbook,
        "between_edges": slo.between_edges.map(|(low, high)| json!({ "low": low, "high": high })),
        "band": slo.band.as_ref().map(band),
        "groups_refused": slo.groups_refused,
        "blind": blind,
        "reasons": reasons(view, slo),
    })
}

/// Which part of all events it counts.
fn band(band: &BandView) -> Value {
    let shares = band.windows.iter().map(|(length, share)| (length_name(*length), (*share).into()));
    json!({
        "of": band.operation,
        "at_least": band.at_least,
        "coverage": band.period,
        "windows": Value::Object(shares.collect::<Map<_, _>>()),
    })
}

fn budget(budget: &Budget) -> Value {
    json!({ "remaining": interval(budget.remaining), "spent": interval(budget.spent) })
}

/// The labels that the SLO's alerts carry, those of its group included.
fn merged(slo: &SloView) -> plimsoll_model::Labels {
    let group = slo.group.iter();
    group.fold(slo.slo.labels.clone(), |labels, (name, value)| {
        labels.with(name, value).unwrap_or(labels)
    })
}

fn policy(policy: &Policy, rows: &[RowVerdict]) -> Vec<Value> {
    let row = |verdict: &RowVerdict| {
        let row = verdict.row;
        json!({
            "policy": policy.name,
            "severity": row.severity.as_str(),
            "burn": row.burn.0 as f64 / 1e3,
            "long": length_name(row.long),
            "short": length_name(row.short),
        })
    };
    rows.iter().map(row).collect()
}

fn burn(slo: &SloView) -> Value {
    let windows = slo.assessment.windows.iter();
    let pairs = windows.map(|window| (length_name(window.length), interval(window.burn)));
    Value::Object(pairs.collect::<Map<_, _>>())
}

fn alerts(slo: &SloView) -> Vec<Value> {
    let alert = |alert: &plimsoll_slo::Alert| {
        let causes: Vec<String> = alert.causes.iter().map(words::signature).collect();
        json!({
            "policy": slo.slo.alerting.policy.name,
            "alertname": alert.name.as_str(),
            "severity": alert.name.severity().as_str(),
            "state": alert.state.as_str(),
            "since": rfc3339(alert.since),
            "resolved_at": alert.resolved_at.map(rfc3339),
            "share": alert.share.low,
            "signature": causes.join(", "),
            "outage": alert.causes.iter().any(|cause| matches!(cause, Cause::Outage { .. })),
        })
    };
    slo.alerts.iter().map(alert).collect()
}

fn reasons(view: &View, slo: &SloView) -> Value {
    let numbers = slo.assessment.reasons.iter();
    let mut reasons: Map<String, Value> =
        numbers.map(|(field, reason)| (field.clone(), reason.as_str().into())).collect();
    if view.state(slo) == State::Unknown {
        let code = match (view.blind(slo).is_empty(), slo.feeds.is_empty()) {
            (false, _) => "target_down",
            (true, true) => "never_seen",
            (true, false) => "no_data",
        };
        reasons.insert("state".into(), code.into());
    }
    if slo.assessment.is_excluded {
        reasons.insert("alerts".into(), "excluded".into());
    }
    if slo.between_edges.is_some() {
        reasons.insert("threshold".into(), "between_edges".into());
    }
    Value::Object(reasons)
}
