//! What the panels of a dashboard ask, and whether a Prometheus has an answer.

use crate::prometheus::Prometheus;
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

/// Returns every expression of a dashboard: of panels, of variables and of annotations.
///
/// # Panics
/// The file is no dashboard, or makes a number of what isn't known.
pub fn expressions(dashboard: &Path) -> BTreeSet<String> {
    let text = std::fs::read_to_string(dashboard).expect("a dashboard");
    assert!(!text.contains("or vector("), "{}", dashboard.display());
    let mut found = BTreeSet::new();
    collect(&serde_json::from_str(&text).expect("JSON"), &mut found);
    found
}

/// Collects every expression below `value`: of panels, of variables and of annotations.
fn collect(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(map) => {
            if let Some(Value::String(expression)) = map.get("expr") {
                found.insert(expression.clone());
            }
            map.values().for_each(|child| collect(child, found));
        }
        Value::Array(list) => list.iter().for_each(|child| collect(child, found)),
        _ => {}
    }
}

/// Puts values in the place of Grafana's variables, as Grafana does for "all".
pub fn substituted(expression: &str) -> String {
    let mut text = expression.replace("$__rate_interval", "10s").replace("$__range", "1m");
    text = text.replace("$__interval", "1s");
    while let Some(start) = text.find('$') {
        let rest = &text[start + 1..];
        let name = rest.trim_start_matches('{');
        let length = name.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(name.len());
        let braces = if rest.starts_with('{') { 2 } else { 0 };
        text.replace_range(start..start + 1 + length + braces, ".*");
    }
    text
}

/// Returns what is wrong with an expression's answer, if anything is.
async fn complaint(prometheus: &Prometheus, expression: &str) -> Option<String> {
    let series = prometheus.query(expression).await;
    if series.is_empty() {
        return Some(format!("no series: {expression}"));
    }
    let unfinite = series.iter().find(|one| {
        let value: f64 =
            one["value"][1].as_str().and_then(|text| text.parse().ok()).unwrap_or(f64::NAN);
        !value.is_finite()
    });
    if let Some(one) = unfinite {
        return Some(format!("not finite: {expression}: {one}"));
    }
    let unlabelled =
        series.iter().any(|one| one["metric"].as_object().is_none_or(serde_json::Map::is_empty));
    unlabelled.then(|| format!("no labels: {expression}"))
}

/// Waits until every expression has finite, labelled series.
///
/// # Panics
/// Some haven't after `patience`; it says which.
pub async fn await_no_complaints(
    prometheus: &Prometheus,
    expressions: &[String],
    patience: Duration,
) {
    let end = tokio::time::Instant::now() + patience;
    let mut tick = tokio::time::interval(Duration::from_millis(100));
    for (position, expression) in expressions.iter().enumerate() {
        loop {
            tick.tick().await;
            let Some(_) = complaint(prometheus, expression).await else { break };
            if tokio::time::Instant::now() >= end {
                let mut complaints = Vec::new();
                for expression in &expressions[position..] {
                    complaints.extend(complaint(prometheus, expression).await);
                }
                panic!("{}", complaints.join("\n"));
            }
        }
    }
}
