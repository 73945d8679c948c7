//! Reads single series out of a registry, as a scraper would find them.
#![allow(dead_code)] // Each test binary uses its own part.

use plimsoll_model::{HistogramValue, Labels, Value};
use plimsoll_record::Registry;

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
    let family = registry.snapshot().families.into_iter().find(|of| of.name == family)?;
    family.series.into_iter().find(|series| series.labels == labels).map(|series| series.value)
}
