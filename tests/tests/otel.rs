//! The real Collector with the shipped configuration: what a service records arrives in a real
//! Prometheus by both ways there, and its spans at an OTLP server.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "tests")]

use opentelemetry::metrics::MeterProvider;
use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::{MetricExporter, Protocol, SpanExporter, WithExportConfig};
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::metrics::SdkMeterProvider;
use opentelemetry_sdk::trace::SdkTracerProvider;
use plimsoll::{Operation, Outcome, Registry};
use plimsoll_otel::{Contents, Exporter, ExporterConfig, Traced, exemplars, observe};
use plimsoll_runtime::{admin, ready};
use plimsoll_tests::collector::{Collector, Onward};
use plimsoll_tests::otlp_sink::OtlpSink;
use plimsoll_tests::prometheus::{Make, Prometheus};
use plimsoll_tests::{peers, wait};
use std::time::Duration;
use tracing::Instrument;
use tracing_subscriber::layer::SubscriberExt;

const PATIENCE: Duration = Duration::from_secs(60);

/// How many calls end well, how many fail, and how many are still in flight.
const OK: usize = 17;
const FAILED: usize = 5;
const HELD: usize = 3;

#[test]
fn the_shipped_configuration_is_valid() {
    let Some(binary) = peers::collector() else { return };
    let (valid, said) = Collector::validate(&binary);
    assert!(valid, "{said}");
}

/// A service that records, and says so by OTLP: sums and levels through a meter provider, histograms
/// through the exporter, spans through a tracer provider, all with one resource.
struct Service {
    registry: Registry,
    meters: SdkMeterProvider,
    tracers: SdkTracerProvider,
    exporter: Exporter,
}

impl Service {
    fn start(otlp: &str) -> Self {
        let registry = Registry::new();
        let resource = Resource::builder().with_service_name("checkout").build();
        let metrics = MetricExporter::builder()
            .with_http()
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(format!("{otlp}/v1/metrics"))
            .build()
            .expect("an exporter");
        let meters = SdkMeterProvider::builder()
            .with_periodic_exporter(metrics)
            .with_resource(resource.clone())
            .build();
        observe(&registry, &meters.meter("plimsoll"));
        let spans = SpanExporter::builder()
            .with_http()
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(format!("{otlp}/v1/traces"))
            .build()
            .expect("an exporter");
        let tracers = SdkTracerProvider::builder()
            .with_batch_exporter(spans)
            .with_resource(resource.clone())
            .build();
        let config = ExporterConfig {
            endpoint: format!("{otlp}/v1/metrics"),
            every: Duration::from_secs(1),
            contents: Contents::Histograms,
            ..ExporterConfig::default()
        };
        exemplars();
        let exporter = Exporter::start(&registry, &resource, config).expect("started");
        Self { registry, meters, tracers, exporter }
    }

    /// Makes the calls, those that end within spans, and returns those that don't end.
    fn work(&self) -> Vec<plimsoll::OperationGuard> {
        let operation = Operation::limited_in(&self.registry, "pay", 64);
        let held = (0..HELD).map(|_| operation.enter()).collect();
        let traced = Traced::new(operation);
        let layer = tracing_opentelemetry::layer().with_tracer(self.tracers.tracer("test"));
        let subscriber = tracing_subscriber::registry().with(layer);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        tracing::subscriber::with_default(subscriber, || {
            runtime.expect("a runtime").block_on(async {
                for call in 0..OK + FAILED {
                    let result = if call < OK { Ok(()) } else { Err(()) };
                    let pay =
                        traced.run_result(async { result }).queued_for(Duration::from_millis(250));
                    let _ = pay.instrument(tracing::info_span!("pay")).await;
                }
            });
        });
        held
    }

    /// Sends all that there is; the exporter goes on each second.
    fn flush(&self) {
        self.meters.force_flush().expect("metrics are taken");
        self.tracers.force_flush().expect("spans are taken");
    }
}

async fn one(prometheus: &Prometheus, expression: &str, expected: f64) {
    let number = |series: &serde_json::Value| series["value"][1].as_str()?.parse::<f64>().ok();
    wait::until(&format!("{expression} to be {expected}"), PATIENCE, || async {
        let found = prometheus.query(expression).await;
        found.first().and_then(number).filter(|found| *found == expected)
    })
    .await;
}

/// Returns how wide the widest bucket of a native histogram is, as a factor, and its count.
async fn native(prometheus: &Prometheus, selector: &str) -> (f64, usize) {
    let found = wait::until(selector, PATIENCE, || async {
        let found = prometheus.query(selector).await;
        found.into_iter().find(|series| series["histogram"].is_array())
    })
    .await;
    let histogram = &found["histogram"][1];
    let buckets = histogram["buckets"].as_array().expect("buckets").iter();
    let widest = buckets.map(|bucket| {
        let bound =
            |at: usize| bucket[at].as_str().expect("text").parse::<f64>().expect("a number");
        if bound(1) > 0.0 { bound(2) / bound(1) } else { 1.0 }
    });
    let count = histogram["count"].as_str().expect("text").parse().expect("a number");
    (widest.fold(1.0, f64::max), count)
}

/// Checks that a server has what the service has recorded, under the job that stands for it.
async fn agrees(prometheus: &Prometheus, job: &str) {
    let of = |name: &str, more: &str| format!(r#"{name}{{operation="pay",job="{job}"{more}}}"#);
    one(prometheus, &of("concurrency_in_flight", ""), HELD as f64).await;
    one(prometheus, &of("concurrency_in_flight_limit", ""), 64.0).await;
    one(prometheus, &of("concurrency_in_flight_peak", ""), HELD as f64 + 1.0).await;
    for (outcome, expected) in [("ok", OK), ("error", FAILED)] {
        let ended = of("concurrency_operations_total", &format!(r#",outcome="{outcome}""#));
        one(prometheus, &format!("sum({ended})"), expected as f64).await;
        let of_outcome = format!(r#",outcome="{outcome}""#);
        let native = of("concurrency_operation_duration_seconds", &of_outcome);
        let classic = of("concurrency_operation_duration_seconds_count", &of_outcome);
        // Native where it was sent so, classic where text was scraped.
        let count = format!("histogram_count({native}) or {classic}");
        one(prometheus, &count, expected as f64).await;
    }
    let time = of("concurrency_in_flight_time_seconds_total", "");
    wait::until("the integral", PATIENCE, || async {
        prometheus.query(&format!("{time} > 0")).await.first().cloned()
    })
    .await;
}

fn attribute<'a>(span: &'a Span, key: &str) -> Option<&'a Any> {
    span.attributes.iter().find(|pair| pair.key == key)?.value.as_ref()?.value.as_ref()
}

/// The durations that were sent are exponential there, of schema 3: each bucket 9 % wide.
async fn agrees_on_native(prometheus: &Prometheus) {
    let selector = r#"concurrency_operation_duration_seconds{job="checkout",outcome="ok"}"#;
    let (widest, count) = native(prometheus, selector).await;
    assert_eq!(count, OK);
    assert!((1.09..1.091).contains(&widest), "a bucket spans a factor of {widest}");
}

fn say_what_they_met(spans: &[Span]) {
    for span in spans {
        assert_eq!(span.name, "pay");
        assert_eq!(attribute(span, "concurrency.in_flight"), Some(&Any::IntValue(1)));
        assert_eq!(attribute(span, "concurrency.queue.time"), Some(&Any::DoubleValue(0.25)));
        assert_eq!(attribute(span, "concurrency.lock.wait"), Some(&Any::DoubleValue(0.0)));
    }
}

/// Every exemplar names a trace that was sent.
async fn agrees_on_exemplars(prometheus: &Prometheus, spans: &[Span]) {
    let sent: Vec<String> = spans.iter().map(|span| hex(&span.trace_id)).collect();
    let selector = r#"concurrency_operation_duration_seconds{job="checkout"}"#;
    let found = wait::until("exemplars", PATIENCE, || async {
        let found = prometheus.exemplars(selector).await;
        (!found.is_empty()).then_some(found)
    })
    .await;
    for (labels, _) in found {
        let trace_id = labels["trace_id"].as_str().expect("a trace");
        assert!(sent.iter().any(|sent| sent == trace_id), "{trace_id} of {sent:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_service_sends_arrives_by_remote_write_by_scrape_and_as_spans() {
    let (Some(collector), Some(prometheus)) = (peers::collector(), peers::prometheus()) else {
        return;
    };
    let written = ["--web.enable-remote-write-receiver", "--enable-feature=exemplar-storage"];
    let make = Make { program: &prometheus, arguments: &written, ..Make::default() };
    let written = Prometheus::start_as(make, &[], &[]).await;
    let sink = OtlpSink::start().await;

    let scraped = Registry::new();
    let address = "127.0.0.1:0".parse().expect("an address");
    let admin =
        admin::spawn(address, scraped.clone(), ready::Readiness::default()).expect("spawned");
    let operation = Operation::limited_in(&scraped, "pay", 64);
    let _held: Vec<_> = (0..HELD).map(|_| operation.enter()).collect();
    (0..OK).for_each(|_| operation.enter().finish(Outcome::Ok));
    (0..FAILED).for_each(|_| operation.enter().finish(Outcome::Error));

    let onward = Onward {
        remote_write: &format!("{}/api/v1/write", written.url),
        otlp: &sink.url,
        scrape: &admin.address().to_string(),
    };
    let collector = Collector::start(&collector, &onward).await;
    let make = Make {
        program: &prometheus,
        arguments: &["--enable-feature=exemplar-storage"],
        scrape: ", honor_labels: true, scrape_native_histograms: true",
        ..Make::default()
    };
    let targets = [("collector", collector.exposition.as_str())];
    let scraping = Prometheus::start_as(make, &targets, &[]).await;

    let otlp = collector.otlp.clone();
    let sent = tokio::task::spawn_blocking(move || {
        let service = Service::start(&otlp);
        let held = service.work();
        service.flush();
        (service, held)
    });
    let (service, _in_flight) = sent.await.expect("sent");

    for server in [&written, &scraping] {
        agrees(server, "checkout").await;
        agrees(server, "scraped").await;
        agrees_on_native(server).await;
    }
    let spans = wait::until("every span", PATIENCE, || async {
        let spans = sink.spans();
        (spans.len() >= OK + FAILED).then_some(spans)
    })
    .await;
    assert_eq!(spans.len(), OK + FAILED);
    say_what_they_met(&spans);
    for server in [&written, &scraping] {
        agrees_on_exemplars(server, &spans).await;
    }
    // It sends once more, and that takes the Collector.
    tokio::task::spawn_blocking(|| service.exporter.stop()).await.expect("stopped");
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
