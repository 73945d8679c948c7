//! Reads single series out of a registry, as a scraper would find them.
#![allow(dead_code)] // Each test binary uses its own part.

use plimsoll::{Labels, Registry, Snapshot};
use plimsoll_model::{HistogramValue, Value};
use plimsoll_record::clock::now_ns;

/// The value of a series that isn't a histogram; `None` if it is absent.
pub(crate) fn value<const N: usize>(
    registry: &Registry,
    family: &str,
    labels: [(&str, &str); N],
) -> Option<f64> {
    match series(registry, family, labels)? {
        Value::Count(count) => Some(count as f64),
        Value::SecondsNs(ns) => Some(ns as f64 * 1e-9),
        Value::Gauge(value) => Some(value),
        Value::Histogram(_) => panic!("{family} is a histogram"),
    }
}

/// A histogram; empty if it is absent.
pub(crate) fn histogram<const N: usize>(
    registry: &Registry,
    family: &str,
    labels: [(&str, &str); N],
) -> HistogramValue {
    match series(registry, family, labels) {
        Some(Value::Histogram(histogram)) => histogram,
        None => HistogramValue::default(),
        Some(other) => panic!("{family} is no histogram: {other:?}"),
    }
}

fn series<const N: usize>(
    registry: &Registry,
    family: &str,
    labels: [(&str, &str); N],
) -> Option<Value> {
    let labels = Labels::new(labels).expect("valid labels");
    let family =
        settled(registry).families.into_iter().find(|candidate| candidate.name == family)?;
    family.series.into_iter().find(|series| series.labels == labels).map(|series| series.value)
}

/// A snapshot of all that happened before the call. A single one may stand a little earlier, as long
/// as any thread of the process is interrupted in the middle of an edge.
fn settled(registry: &Registry) -> Snapshot {
    let asked_ns = now_ns() as f64;
    loop {
        let snapshot = registry.snapshot();
        let age = snapshot
            .families
            .iter()
            .find(|family| family.name == "concurrency_watermark_age_seconds")
            .and_then(|family| family.series.first());
        match age.map(|series| &series.value) {
            Some(Value::Gauge(age)) if now_ns() as f64 - age * 1e9 >= asked_ns => return snapshot,
            Some(Value::Gauge(_)) => std::thread::yield_now(),
            other => panic!("the recorder doesn't say where its snapshot stands: {other:?}"),
        }
    }
}
