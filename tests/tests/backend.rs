//! A real Prometheus counts an SLO for the daemon.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "tests")]

use plimsoll_tests::load::Load;
use plimsoll_tests::plimsoll::Daemon;
use plimsoll_tests::prometheus::{Make, Prometheus};
use plimsoll_tests::{peers, scratch, wait, write};
use std::path::Path;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(60);

const SLOS: &str = "apiVersion: plimsoll/v1\nservice: shop\nslos:\n  - {name: checkout, objective: 99%, \
    window: 10m, backend: prometheus, sli: {events: {total: 'requests_total{job=\"checkout\"}', \
    bad: 'failures_total{job=\"checkout\"}'}}}\n";

async fn counted_by(program: &Path) {
    let load = Load::start().await;
    let make = Make { program, ..Make::default() };
    let prometheus = Prometheus::start_as(make, &[("checkout", &load.address)], &[]).await;
    let folder = scratch();
    write(folder.path(), "slo.yml", SLOS);
    let config = format!(
        "slo_files: [slo.yml]\nbackends: {{prometheus: {{url: '{}', interval: 500ms}}}}\n",
        prometheus.url
    );
    write(folder.path(), "plimsoll.yml", &config);
    let daemon = Daemon::serve(folder).await;
    load.run(Duration::from_secs(10), 0).await;
    let slo = wait::until("a ratio", PATIENCE, || async {
        let slo = daemon.slo("checkout").await?;
        (slo["counts"]["bad"].as_u64()? > 50).then_some(slo)
    })
    .await;
    // Prometheus extrapolates over its scrapes; the ratio of the two counters stays.
    let ratio = slo["ratio"]["low"].as_f64().expect("a ratio");
    assert!((ratio - 0.03).abs() < 0.003, "{slo:#}");
    drop(prometheus);
    wait::until("the SLO to be unknown", PATIENCE, || async {
        let slo = daemon.slo("checkout").await?;
        (slo["state"] == "unknown" && slo["blind"].to_string().contains("no connection"))
            .then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn debian_s_prometheus_counts() {
    counted_by(Path::new("prometheus")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn prometheus_3_counts() {
    let Some(program) = peers::prometheus() else { return };
    counted_by(&program).await;
}
