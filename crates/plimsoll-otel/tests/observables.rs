//! What a meter provider collects, against what was recorded.

#![allow(clippy::expect_used)] // a test stops at the first thing that is not as it must be

use opentelemetry::metrics::MeterProvider;
use opentelemetry_sdk::metrics::data::{AggregatedMetrics, MetricData, ResourceMetrics};
use opentelemetry_sdk::metrics::{InMemoryMetricExporter, PeriodicReader, SdkMeterProvider};
use plimsoll::{Operation, Outcome, Registry};
use plimsoll_model::{Labels, catalog};
use plimsoll_otel::observe;
use std::collections::BTreeMap;

struct Collected {
    exporter: InMemoryMetricExporter,
    provider: SdkMeterProvider,
}

impl Collected {
    fn of(registry: &Registry) -> Self {
        let exporter = InMemoryMetricExporter::default();
        let provider = SdkMeterProvider::builder()
            .with_reader(PeriodicReader::builder(exporter.clone()).build())
            .build();
        observe(registry, &provider.meter("test"));
        Self { exporter, provider }
    }

    /// Collects now, and returns every number by name, unit, kind and attributes.
    fn numbers(&self) -> BTreeMap<String, f64> {
        self.exporter.reset();
        self.provider.force_flush().expect("collected");
        let all = self.exporter.get_finished_metrics().expect("metrics");
        all.iter().flat_map(numbers_of).collect()
    }
}

fn numbers_of(metrics: &ResourceMetrics) -> Vec<(String, f64)> {
    let mut found = Vec::new();
    for metric in metrics.scope_metrics().flat_map(|scope| scope.metrics()) {
        let head = format!("{} [{}]", metric.name(), metric.unit());
        match metric.data() {
            AggregatedMetrics::F64(MetricData::Sum(sum)) => {
                let kind = if sum.is_monotonic() { "sum" } else { "level" };
                for point in sum.data_points() {
                    found.push((key(&head, kind, point.attributes()), point.value()));
                }
            }
            AggregatedMetrics::U64(MetricData::Sum(sum)) => {
                for point in sum.data_points() {
                    found.push((key(&head, "sum", point.attributes()), point.value() as f64));
                }
            }
            AggregatedMetrics::F64(MetricData::Gauge(gauge)) => {
                for point in gauge.data_points() {
                    found.push((key(&head, "gauge", point.attributes()), point.value()));
                }
            }
            other => panic!("{head} is {other:?}"),
        }
    }
    found
}

fn key<'a>(
    head: &str,
    kind: &str,
    attributes: impl Iterator<Item = &'a opentelemetry::KeyValue>,
) -> String {
    let mut pairs: Vec<String> =
        attributes.map(|pair| format!("{}={}", pair.key, pair.value.as_str())).collect();
    pairs.sort();
    format!("{head} {kind} {{{}}}", pairs.join(","))
}

#[test]
fn sums_and_levels_are_what_was_recorded() {
    let registry = Registry::new();
    let operation = Operation::limited_in(&registry, "pay", 8);
    let collected = Collected::of(&registry);
    let held: Vec<_> = (0..3).map(|_| operation.enter()).collect();
    operation.enter().finish(Outcome::Error);
    operation.enter().finish(Outcome::Ok);

    let found = collected.numbers();
    let number = |name: &str| found.get(name).copied();
    let pay = "{operation=pay}";
    assert_eq!(number(&format!("concurrency.in_flight [{{request}}] level {pay}")), Some(3.0));
    assert_eq!(
        number(&format!("concurrency.in_flight.limit [{{request}}] level {pay}")),
        Some(8.0)
    );
    assert_eq!(number(&format!("concurrency.in_flight.peak [{{request}}] gauge {pay}")), Some(4.0));
    let ended = |outcome: &str| {
        number(&format!(
            "concurrency.operations [{{operation}}] sum {{band=4,operation=pay,outcome={outcome}}}"
        ))
    };
    assert_eq!(
        (ended("ok"), ended("error"), ended("cancelled")),
        (Some(1.0), Some(1.0), Some(0.0))
    );
    let time = format!("concurrency.in_flight.time [s] sum {pay}");
    assert!(number(&time).is_some_and(|seconds| seconds > 0.0), "{found:#?}");

    drop(held);
    let found = collected.numbers();
    let level = format!("concurrency.in_flight [{{request}}] level {pay}");
    assert_eq!(found.get(&level), Some(&0.0), "a later collection takes a later snapshot");
}

#[test]
fn every_instrument_of_a_collection_stands_at_one_instant() {
    let registry = Registry::new();
    let one = Operation::named_in(&registry, "one");
    let other = Operation::named_in(&registry, "other");
    let collected = Collected::of(&registry);
    let stop = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                // `one` is never in flight without `other`.
                let outer = other.enter();
                one.enter().finish(Outcome::Ok);
                outer.finish(Outcome::Ok);
            }
        });
        for _ in 0..10 {
            let found = collected.numbers();
            let level = |name: &str| {
                found
                    .get(&format!("concurrency.in_flight [{{request}}] level {{operation={name}}}"))
            };
            assert!(level("one") <= level("other"), "{found:#?}");
        }
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
    });
}

#[test]
fn a_family_that_is_not_in_the_catalog_keeps_its_name() {
    static BASKETS: plimsoll_model::Signal = plimsoll_model::Signal {
        otel_name: "checkout.baskets",
        unit: "{basket}",
        name: "checkout_baskets",
        kind: plimsoll_model::Kind::Counter,
        labels: &["shop"],
        help: "Baskets.",
    };
    let registry = Registry::new();
    let labels = Labels::new([("shop", "x")]).expect("valid");
    registry.counter(&BASKETS, labels).expect("registered").add(7);
    let found = Collected::of(&registry).numbers();
    assert_eq!(found.get("checkout_baskets [] sum {shop=x}"), Some(&7.0), "{found:#?}");
    assert!(!found.keys().any(|name| name.contains(catalog::LOCK_WAITERS.otel_name)));
}
