//! Recording rules: what an alert needs once per evaluation, and what a view over weeks needs
//! without reading every raw sample.
//!
//! Names follow Prometheus's `level:metric:operation`; a counter loses its `_total` under a rate.

use crate::promql::{self, RULE};
use crate::rule::{Group, Recording, Rule, RuleFile};
use plimsoll_model::{LevelPart, Signal, catalog};
use std::collections::BTreeMap;

/// The words that stand above the file.
pub(crate) const PREAMBLE: &str = "\
# What the alerts in rules.yaml read, and exact mean levels for views over weeks.
";

/// The levels that are recorded, each with the label that tells its instances apart.
const LEVELS: [(&Signal, &str); 3] = [
    (&catalog::IN_FLIGHT, "operation"),
    (&catalog::QUEUE_DEPTH, "queue"),
    (&catalog::POOL_IN_USE, "pool"),
];

/// Returns `alerts/recording.yaml`.
pub fn file() -> RuleFile {
    RuleFile {
        groups: vec![
            Group {
                name: "plimsoll-levels".into(),
                interval: None,
                rules: LEVELS.iter().flat_map(|(signal, label)| level(signal, label)).collect(),
            },
            Group {
                name: "plimsoll-waits".into(),
                interval: None,
                rules: vec![lock_wait(), backpressure()],
            },
        ],
    }
}

/// Names the part of the time that each instance of `signal` spent at its limit.
pub(crate) fn saturated(signal: &Signal, label: &str) -> String {
    format!("instance_{label}:{}:rate5m", LevelPart::Saturated.family_name(signal))
}

/// Names the 99th percentile of the wait for a lock.
pub(crate) fn lock_wait_p99() -> String {
    format!("instance_lock:{}:p99_5m", catalog::LOCK_WAIT.name)
}

/// Names the pushes back per second.
pub(crate) fn backpressure_rate() -> String {
    format!("instance_source_reason:{}:rate5m", catalog::BACKPRESSURE.name)
}

/// The saturated part keeps every label, because each series has a limit of its own; the mean
/// adds the instances up, because that is what a view over weeks asks for.
fn level(signal: &Signal, label: &str) -> [Rule; 2] {
    let mean = format!("job_{label}:{}:rate5m", LevelPart::Time.family_name(signal));
    let time = promql::level(signal, LevelPart::Time);
    [
        record(
            saturated(signal, label),
            RULE.rate(&promql::level(signal, LevelPart::Saturated), ""),
        ),
        record(mean, RULE.sum_rate(label, &time, "")),
    ]
}

fn lock_wait() -> Rule {
    let buckets = RULE.rate(&promql::bucket(&catalog::LOCK_WAIT), "");
    let expr = format!("histogram_quantile(0.99, sum without (mode) ({buckets})) >= 0");
    record(lock_wait_p99(), expr)
}

fn backpressure() -> Rule {
    record(backpressure_rate(), RULE.rate(&promql::sample(&catalog::BACKPRESSURE), ""))
}

fn record(name: String, expr: String) -> Rule {
    Rule::Recording(Recording { record: name, expr, labels: BTreeMap::new() })
}
