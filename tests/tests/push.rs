//! What real senders push counts as much as what the load generator did: Prometheus by remote
//! write, an OpenTelemetry SDK through the Collector.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "tests")]

use opentelemetry::metrics::MeterProvider;
use opentelemetry_otlp::{MetricExporter, Protocol, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::metrics::{SdkMeterProvider, Temporality};
use plimsoll_tests::collector::Collector;
use plimsoll_tests::load::Load;
use plimsoll_tests::plimsoll::Daemon;
use plimsoll_tests::prometheus::{Make, Prometheus};
use plimsoll_tests::{peers, scratch, wait, write};
use std::path::Path;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(60);

const SLOS: &str = "apiVersion: plimsoll/v1\nservice: shop\nslos:\n  - {name: checkout, objective: 90%, \
    window: 1h, sli: {events: {total: 'requests_total{job=\"checkout\"}', bad: 'failures_total{job=\"checkout\"}'}}}\n";

async fn daemon() -> Daemon {
    let folder = scratch();
    write(folder.path(), "slo.yml", SLOS);
    let config = "slo_files: [slo.yml]\npush_configs: [{job_name: checkout, expect_every: 1s}]\n";
    write(folder.path(), "plimsoll.yml", config);
    Daemon::serve(folder).await
}

async fn counts(daemon: &Daemon) -> (u64, u64) {
    let slo = daemon.slo("checkout").await.expect("the SLO");
    let count = |key: &str| slo["counts"][key].as_u64().expect("a count");
    (count("good"), count("bad"))
}

async fn await_truth(daemon: &Daemon, truth: (u64, u64)) {
    wait::until(&format!("the daemon to count {truth:?}"), PATIENCE, || async {
        let counts = counts(daemon).await;
        assert!(counts.0 <= truth.0 && counts.1 <= truth.1, "{counts:?} is more than {truth:?}");
        (counts == truth).then_some(())
    })
    .await;
}

/// Counts what `program` scrapes and writes on, in the message that `more` names.
async fn written_by(program: &Path, more: &str) {
    let (daemon, load) = (daemon().await, Load::start().await);
    let url = format!("{}/api/v1/write", daemon.url);
    let config = format!(
        "remote_write: [{{url: '{url}'{more}, queue_config: {{batch_send_deadline: 500ms}}}}]\n"
    );
    let make = Make { program, config: &config, ..Make::default() };
    let _prometheus = Prometheus::start_as(make, &[("checkout", &load.address)], &[]).await;
    load.run(Duration::from_secs(8), 0).await;
    await_truth(&daemon, load.truth()).await;
    load.run(Duration::from_secs(2), 20).await;
    await_truth(&daemon, load.truth()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn debian_s_prometheus_writes_in_1_0() {
    written_by(Path::new("prometheus"), "").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn prometheus_3_writes_in_1_0_and_in_2_0() {
    let Some(program) = peers::prometheus() else { return };
    written_by(&program, ", protobuf_message: prometheus.WriteRequest").await;
    written_by(&program, ", protobuf_message: io.prometheus.write.v2.Request").await;
}

/// Does what an instrumented service does, on a thread of its own because its exporter blocks.
fn serve(otlp: String, temporality: Temporality) -> (u64, u64) {
    let exporter = MetricExporter::builder()
        .with_http()
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint(format!("{otlp}/v1/metrics"))
        .with_temporality(temporality)
        .build()
        .expect("an exporter");
    let resource = Resource::builder().with_service_name("checkout").build();
    let meters = SdkMeterProvider::builder()
        .with_periodic_exporter(exporter)
        .with_resource(resource)
        .build();
    let meter = meters.meter("test");
    let (requests, failures) =
        (meter.u64_counter("requests").build(), meter.u64_counter("failures").build());
    let mut truth = (0, 0);
    for step in 1..=20_u64 {
        requests.add(100, &[]);
        failures.add(step, &[]);
        truth = (truth.0 + 100 - step, truth.1 + step);
        meters.force_flush().expect("metrics are taken");
        std::thread::sleep(Duration::from_millis(300));
    }
    meters.shutdown().expect("the last are taken");
    truth
}

#[tokio::test(flavor = "multi_thread")]
async fn the_collector_sends_totals_and_differences() {
    let Some(binary) = peers::collector() else { return };
    for temporality in [Temporality::Cumulative, Temporality::Delta] {
        let daemon = daemon().await;
        let collector = Collector::relay(&binary, &daemon.url).await;
        let otlp = collector.otlp.clone();
        let served = tokio::task::spawn_blocking(move || serve(otlp, temporality));
        let truth = served.await.expect("it serves");
        await_truth(&daemon, truth).await;
    }
}
