//! Resolved alerts as the archive keeps them, so that a sink that was away hears of them after a
//! restart too.

use crate::notify::{Alert, Facts};
use plimsoll_model::{Labels, TimeMs};
use plimsoll_slo::{AlertName, Severity};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One resolved alert, in the words that it was resolved with.
#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    id: String,
    slo_id: String,
    alertname: String,
    severity: String,
    since_ms: i64,
    resolved_at_ms: i64,
    labels: BTreeMap<String, String>,
    annotations: BTreeMap<String, String>,
    facts: Facts,
}

/// Writes them.
pub(super) fn encode(resolved: &[Alert]) -> Vec<u8> {
    let kept: Vec<Kept> = resolved.iter().filter_map(keep).collect();
    // Numbers, strings and maps of strings: nothing here that JSON can't hold.
    serde_json::to_vec(&kept).unwrap_or_default()
}

/// Reads them; what this version doesn't know is left out.
pub(super) fn decode(bytes: &[u8]) -> Vec<Alert> {
    let kept: Vec<Kept> = serde_json::from_slice(bytes).unwrap_or_default();
    kept.into_iter().filter_map(restore).collect()
}

fn keep(alert: &Alert) -> Option<Kept> {
    let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
    Some(Kept {
        id: alert.id.clone(),
        slo_id: alert.slo_id.clone(),
        alertname: alert.alertname.to_owned(),
        severity: alert.severity.to_owned(),
        since_ms: alert.since.0,
        resolved_at_ms: alert.resolved_at?.0,
        labels: alert.labels.iter().map(owned).collect(),
        annotations: alert
            .annotations
            .iter()
            .map(|(name, text)| (name.clone().into_owned(), text.clone()))
            .collect(),
        facts: alert.facts.clone(),
    })
}

fn restore(kept: Kept) -> Option<Alert> {
    let severities = [Severity::Notice, Severity::Ticket, Severity::Page];
    let alertname = AlertName::ALL.into_iter().find(|name| name.as_str() == kept.alertname)?;
    let severity = severities.into_iter().find(|each| each.as_str() == kept.severity)?;
    Some(Alert {
        id: kept.id,
        slo_id: kept.slo_id,
        alertname: alertname.as_str(),
        severity: severity.as_str(),
        since: TimeMs(kept.since_ms),
        fired: true,
        resolved_at: Some(TimeMs(kept.resolved_at_ms)),
        labels: Labels::new(kept.labels).ok()?,
        annotations: kept.annotations.into_iter().map(|(name, text)| (name.into(), text)).collect(),
        facts: kept.facts,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resolved_alert_is_kept_whole() {
        let alert = Alert {
            id: "shop/checkout/SloPage".into(),
            slo_id: "shop/checkout".into(),
            alertname: AlertName::Page.as_str(),
            severity: Severity::Page.as_str(),
            since: TimeMs(1_000),
            fired: true,
            resolved_at: Some(TimeMs(2_000)),
            labels: Labels::new([("slo", "checkout")]).expect("valid"),
            annotations: BTreeMap::from([("summary".into(), "gone".to_owned())]),
            facts: Facts { share: Some(0.1), burn: None, signature: "burn 1h/5m".into() },
        };
        assert_eq!(decode(&encode(std::slice::from_ref(&alert))), [alert]);
        assert_eq!(decode(b"[{}]"), []);
    }
}
