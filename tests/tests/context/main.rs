//! Decisions and probers against a real PostgreSQL and a real Redis: what is exported, against what the
//! stores know.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "tests")]

mod burst;
mod cards;
mod probing;
mod races;
mod served;
mod tls;

use plimsoll_model::{HistogramValue, Labels, Value};
use plimsoll_record::Registry;

/// The value of a series; none if it is absent.
fn series(registry: &Registry, family: &str, labels: &[(&str, &str)]) -> Option<Value> {
    let labels = Labels::new(labels.iter().copied()).expect("valid labels");
    let family = registry.snapshot().families.into_iter().find(|of| of.name == family)?;
    family.series.into_iter().find(|series| series.labels == labels).map(|series| series.value)
}

/// A counter.
fn count(registry: &Registry, family: &str, labels: &[(&str, &str)]) -> u64 {
    match series(registry, family, labels) {
        Some(Value::Count(count)) => count,
        other => panic!("{family} {labels:?} is no counter: {other:?}"),
    }
}

/// A histogram.
fn histogram(registry: &Registry, family: &str, labels: &[(&str, &str)]) -> HistogramValue {
    match series(registry, family, labels) {
        Some(Value::Histogram(histogram)) => histogram,
        other => panic!("{family} {labels:?} is no histogram: {other:?}"),
    }
}
