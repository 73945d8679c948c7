use super::label_map;
use crate::instant::rfc3339;
use crate::links::Links;
use crate::notify::Alert;
use crate::view::View;
use serde_json::{Value, json};

/// Every alert that pends, fires, or was resolved of late; the watchdog is none.
pub(crate) fn alerts(view: &View) -> Vec<Value> {
    let of_slos = view.alerts.iter().filter(|alert| !alert.slo_id.is_empty());
    of_slos.map(|each| alert(each, &view.links)).collect()
}

fn alert(alert: &Alert, links: &Links) -> Value {
    json!({
        "id": alert.id,
        "slo_id": alert.slo_id,
        "alertname": alert.alertname,
        "severity": alert.severity,
        "state": alert.phase(),
        "since": rfc3339(alert.since),
        "resolved_at": alert.resolved_at.map(rfc3339),
        "share": alert.facts.share,
        "burn": alert.facts.burn,
        "signature": alert.facts.signature,
        "labels": label_map(&alert.labels),
        "annotations": alert.annotations,
        "runbook": alert.annotations.get("runbook_url"),
        "silence_url": links.silence(&alert.labels),
    })
}
