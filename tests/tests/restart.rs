//! `kill -9` and a restart: budgets go on, an alert that fires keeps its start, and nothing before
//! the last second is lost.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "tests")]

use plimsoll_tests::counters::Counters;
use plimsoll_tests::plimsoll::Daemon;
use plimsoll_tests::{scratch, wait, write};
use serde_json::Value;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(60);

async fn await_counts(daemon: &Daemon, good: u64, bad: u64) {
    let what = format!("good {good} and bad {bad}");
    wait::until(&what, PATIENCE, || async {
        let slo = daemon.slo("calls").await?;
        let counts = &slo["counts"];
        (counts["good"] == good && counts["bad"] == bad).then_some(())
    })
    .await;
}

/// Starts a daemon on a service whose counters the test moves, and waits for its first scrape.
async fn watched() -> (Arc<Counters>, Daemon) {
    let (counters, address) = Counters::serve().await;
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
    (counters, daemon)
}

#[tokio::test]
async fn a_killed_daemon_goes_on_where_it_was() {
    let (counters, daemon) = watched().await;
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
    // Without the letter at its end, text sorts as time does, whatever its fraction.
    let time = |value: &Value| value.as_str().map(|text| text.trim_end_matches('Z').to_owned());
    let now = time(&daemon.get("/api/v1/status").await["now"]).expect("a time");
    wait::until("a flush", PATIENCE, || async {
        let status = daemon.get("/api/v1/status").await;
        (time(&status["flushed_at"])? > now).then_some(())
    })
    .await;
}

/// Kills at instants that nothing in the daemon knows of, in traffic that goes on: the counts come
/// to the truth each time, and the page that fires is the same one from the first to the last.
#[tokio::test]
async fn kills_lose_no_count_and_start_no_alert_anew() {
    // `cargo xtask soak kills` asks for hundreds.
    let kills =
        std::env::var("PLIMSOLL_KILLS").map_or(12, |kills| kills.parse().expect("a number"));
    let (counters, mut daemon) = watched().await;
    let traffic = counters.fail();
    let page = daemon.await_alert("calls", "page", "firing", PATIENCE).await;
    await_flush(&daemon).await;
    let mut random = 7_u64;
    for kill in 0..kills {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        // A crash in its first moments is one, too.
        tokio::time::sleep(Duration::from_millis((random >> 33) % 1_500)).await;
        daemon = daemon.kill_and_restart().await;
        let after = daemon.await_alert("calls", "page", "firing", PATIENCE).await;
        assert_eq!(after["since"], page["since"], "kill {kill}: the page began anew");
    }
    traffic.abort();
    // Whoever aborts a task waits for it, or it may count once more.
    let _ = traffic.await;
    let truth = (counters.good.load(Ordering::SeqCst), counters.bad.load(Ordering::SeqCst));
    await_counts(&daemon, truth.0, truth.1).await;
}
