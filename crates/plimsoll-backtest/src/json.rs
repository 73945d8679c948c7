//! The outcome for programs.

use crate::when::rfc3339;
use crate::{Fired, Outcome, Point, SloOutcome};
use serde_json::{Value, json as value};

/// Writes replays as JSON: times are RFC 3339, ratios are fractions, what isn't known is `null`.
pub fn json(outcomes: &[Outcome]) -> Value {
    value!({"replays": outcomes.iter().map(outcome).collect::<Vec<_>>()})
}

fn outcome(outcome: &Outcome) -> Value {
    value!({
        "name": outcome.name,
        "from": rfc3339(outcome.from),
        "to": rfc3339(outcome.to),
        "step_seconds": outcome.step.as_secs_f64(),
        "slos": outcome.slos.iter().map(|slo| self::slo(outcome, slo)).collect::<Vec<_>>(),
    })
}

fn slo(outcome: &Outcome, slo: &SloOutcome) -> Value {
    let (counts, spent) = (slo.counts, slo.spent);
    value!({
        "id": slo.id,
        "service": slo.slo.service,
        "slo": slo.slo.name,
        "objective_ppm": slo.slo.objective.ppm(),
        "window": slo.slo.period.to_string(),
        "policy": slo.slo.alerting.policy.name,
        "counts": {"good": counts.good, "bad": counts.bad, "unknown": counts.unknown},
        "coverage": slo.coverage,
        "budget": {"spent": {"low": spent.low, "high": spent.high}},
        "alerts": slo.fired.iter().map(|fired| self::fired(outcome, fired)).collect::<Vec<_>>(),
        "points": slo.points.iter().map(point).collect::<Vec<_>>(),
    })
}

fn fired(outcome: &Outcome, fired: &Fired) -> Value {
    value!({
        "alertname": fired.name.as_str(),
        "severity": fired.name.severity().as_str(),
        "from": rfc3339(fired.from),
        "to": fired.to.map(rfc3339),
        "seconds": fired.lasted(outcome.to).as_secs_f64(),
        "share": fired.share,
    })
}

fn point(point: &Point) -> Value {
    value!({"at": rfc3339(point.at), "burn": point.burn, "remaining": point.remaining})
}
