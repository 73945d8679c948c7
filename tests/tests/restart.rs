//! `kill -9` and a restart: budgets go on, an alert that fires keeps its start, and nothing before
//! the last second is lost.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "tests")]

use axum::{Router, extract::State, routing::get};
use plimsoll_tests::plimsoll::Daemon;
use plimsoll_tests::{scratch, wait, write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(60);

/// A service whose counters the test moves.
#[derive(Default)]
struct Counters {
    good: AtomicU64,
    bad: AtomicU64,
}

async fn expose(State(counters): State<Arc<Counters>>) -> String {
    format!(
        "# TYPE process_start_time_seconds gauge\nprocess_start_time_seconds 1700000000\n\
         # TYPE calls_total counter\ncalls_total{{code=\"200\"}} {}\ncalls_total{{code=\"500\"}} {}\n",
        counters.good.load(Ordering::SeqCst),
        counters.bad.load(Ordering::SeqCst)
    )
}

async fn serve(counters: Arc<Counters>) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("its address");
    let router = Router::new().route("/metrics", get(expose)).with_state(counters);
    tokio::spawn(async move { axum::serve(listener, router).await.expect("it serves") });
    address
}

async fn await_counts(daemon: &Daemon, good: u64, bad: u64) {
    let what = format!("good {good} and bad {bad}");
    wait::until(&what, PATIENCE, || async {
        let slo = daemon.slo("calls").await?;
        let counts = &slo["counts"];
        (counts["good"] == good && counts["bad"] == bad).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_killed_daemon_goes_on_where_it_was() {
    let counters = Arc::new(Counters::default());
    let address = serve(counters.clone()).await;
    let folder = scratch();
    write(
        folder.path(),
        "plimsoll.yml",
        &format!(
            "global: {{scrape_interval: 200ms, scrape_timeout: 200ms}}\n\
             scrape_configs: [{{job_name: t, static_configs: [{{targets: ['{address}']}}]}}]\n\
             slo_files: [slos.yaml]\n"
        ),
    );
    write(
        folder.path(),
        "slos.yaml",
        "apiVersion: plimsoll/v1\nservice: shop\nslos:\n- name: calls\n  objective: 99%\n  window: 1d\n  \
         sli: {events: {total: calls_total, bad: 'calls_total{code=\"500\"}'}}\n",
    );
    let daemon = Daemon::serve(folder).await;
    wait::until("the first scrape", PATIENCE, || async {
        let targets = daemon.get("/api/v1/targets").await;
        (targets["targets"][0]["state"] == "up").then_some(())
    })
    .await;
    counters.good.fetch_add(50, Ordering::SeqCst);
    counters.bad.fetch_add(2_000, Ordering::SeqCst);
    await_counts(&daemon, 50, 2_000).await;
    let before = daemon.await_alert("calls", "page", "firing", PATIENCE).await;
    await_flush(&daemon).await;

    let daemon = daemon.kill_and_restart().await;
    await_counts(&daemon, 50, 2_000).await;
    let after = daemon.alert("calls", "page").await.expect("the page is remembered");
    assert_eq!(after["since"], before["since"], "an alert doesn't start anew");

    counters.good.fetch_add(10, Ordering::SeqCst);
    await_counts(&daemon, 60, 2_000).await;
}

/// Waits until the state on disk is younger than what the test asserts.
async fn await_flush(daemon: &Daemon) {
    let now = daemon.get("/api/v1/status").await["now"].as_str().expect("a time").to_owned();
    wait::until("a flush", PATIENCE, || async {
        let status = daemon.get("/api/v1/status").await;
        (status["flushed_at"].as_str()? > now.as_str()).then_some(())
    })
    .await;
}
