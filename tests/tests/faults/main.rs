//! Each fault of the demo pages the SLO that it breaks within 10 s of its start, in a real
//! Alertmanager too, and the page resolves after the fault. A calm run pages nothing.

#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, reason = "tests")]

mod outside;

use plimsoll_tests::alertmanager::Alertmanager;
use plimsoll_tests::plimsoll::Daemon;
use plimsoll_tests::{http, wait};
use serde_json::Value;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(60);

/// Runs the demo with `fault` from 4 s to 12 s and follows the page of `slo`.
async fn pages_and_resolves(fault: &str, slo: &str) {
    pages_and_resolves_with(&[], fault, slo).await;
}

/// Runs the demo with `more` arguments and `fault` from 4 s to 12 s, follows the page of `slo`, and returns
/// the demo, which still runs.
async fn pages_and_resolves_with(more: &[&str], fault: &str, slo: &str) -> Daemon {
    let alertmanager = Alertmanager::start().await;
    let schedule = format!("{fault}@4s+8s");
    let arguments = ["--fault", &schedule, "--alertmanager", &alertmanager.address];
    let demo = Daemon::demo(&[more, &arguments].concat()).await;

    let firing = demo.await_alert(slo, "page", "firing", PATIENCE).await;
    let started = fault_started_ms(&demo).await;
    let since = millis(&firing["since"]);
    assert!(
        (started..started + 10_000).contains(&since),
        "{slo} paged {} ms after the fault began",
        since - started
    );
    assert_eq!(paged(&demo).await, [slo], "the fault pages its own SLO alone");

    let delivered = notified(&alertmanager, slo, "firing").await;
    assert_eq!(delivered["labels"]["alertname"], "SloPage");
    assert_eq!(delivered["labels"]["service"], "checkout");
    assert_eq!(delivered["labels"]["team"], "payments");
    let runbook = delivered["annotations"]["runbook_url"].as_str().unwrap_or_default();
    assert!(runbook.ends_with("/alerts/runbooks/SloPage.md"), "runbook: {runbook:?}");

    demo.await_alert(slo, "page", "resolved", PATIENCE).await;
    notified(&alertmanager, slo, "resolved").await;
    demo
}

/// Waits for a notification of the page of `slo` in `status`.
async fn notified(alertmanager: &Alertmanager, slo: &str, status: &str) -> Value {
    let what = format!("Alertmanager to notify that {slo} is {status}");
    wait::until(&what, PATIENCE, || async {
        alertmanager.notified().into_iter().find(|alert| {
            alert["labels"]["slo"] == slo
                && alert["labels"]["severity"] == "page"
                && alert["status"] == status
        })
    })
    .await
}

/// Returns the SLOs that have a page, resolved or not.
async fn paged(demo: &Daemon) -> Vec<String> {
    let body = demo.get("/api/v1/alerts").await;
    let alerts = body["alerts"].as_array().cloned().unwrap_or_default();
    alerts
        .iter()
        .filter(|alert| alert["severity"] == "page" && alert["alertname"] == "SloPage")
        .filter_map(|alert| alert["labels"]["slo"].as_str().map(str::to_owned))
        .collect()
}

/// Returns when the demo says that its fault began.
async fn fault_started_ms(demo: &Daemon) -> i64 {
    let log = demo.log();
    let line = log.lines().find(|line| line.contains("fault begins")).expect("a line in the log");
    let at = line.split("at_ms=").nth(1).expect("its time");
    at.split_whitespace().next().and_then(|number| number.parse().ok()).expect("a number")
}

fn millis(text: &Value) -> i64 {
    let text = text.as_str().expect("a time");
    let time = time::OffsetDateTime::parse(text, &time::format_description::well_known::Rfc3339);
    i64::try_from(time.expect("RFC 3339").unix_timestamp_nanos() / 1_000_000).expect("in range")
}

#[tokio::test]
async fn a_slow_dependency_pages_the_latency() {
    pages_and_resolves("slow-dependency", "auth-latency").await;
}

#[tokio::test]
async fn a_lock_hog_pages_the_lock_wait() {
    pages_and_resolves("lock-hog", "lock-wait").await;
}

#[tokio::test]
async fn a_stalled_consumer_pages_the_lag() {
    pages_and_resolves("stalled-consumer", "consumer-lag").await;
}

#[tokio::test]
async fn a_stale_snapshot_pages_the_freshness() {
    pages_and_resolves("stale-snapshot", "fresh-under-load").await;
}

#[tokio::test]
async fn a_queue_flood_pages_the_full_queue() {
    pages_and_resolves("queue-flood", "queue-not-full").await;
}

#[tokio::test]
async fn unguarded_commits_page_the_charges_that_were_overtaken() {
    pages_and_resolves("unguarded-commits", "charged-once").await;
}

/// Returns what `/debug/cycles` of the demo's service lists.
async fn cycles(metrics: &str) -> Vec<Value> {
    let answer = http().get(format!("http://{metrics}/debug/cycles")).send().await;
    let body: Value = answer.expect("served").json().await.expect("JSON");
    body["cycles"].as_array().cloned().expect("a list")
}

#[tokio::test]
async fn a_deadlock_is_named_pages_nothing_and_is_over() {
    let demo = Daemon::demo(&["--fault", "deadlock@2s+8s"]).await;
    let metrics = demo.metrics_address().await;
    let cycle = wait::until("the cycle", PATIENCE, || async { cycles(&metrics).await.pop() }).await;
    let waits = cycle["waits"].as_array().expect("its waits");
    let mut names: Vec<&str> =
        waits.iter().filter_map(|wait| wait["waits_for"]["name"].as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["current", "savings"], "{cycle}");
    let sentence = cycle["sentence"].as_str().expect("a sentence");
    assert_eq!(sentence.matches("service/transfers.rs").count(), 6, "{sentence}");

    let text = http().get(format!("http://{metrics}/metrics")).send().await.expect("served");
    let text = text.text().await.expect("text");
    let counted = text
        .lines()
        .any(|line| line.starts_with("concurrency_wait_cycles{") && !line.ends_with(" 0"));
    assert!(counted, "concurrency_wait_cycles counts it");
    wait::until("the end of the cycle", PATIENCE, || async {
        cycles(&metrics).await.is_empty().then_some(())
    })
    .await;
    assert_eq!(paged(&demo).await, [""; 0]);
}

#[tokio::test]
async fn a_calm_run_pages_nothing_and_ends_by_itself() {
    let mut demo = Daemon::demo(&["--duration", "25s", "--seed", "7"]).await;
    let status = demo.process.ended(PATIENCE).await;
    let log = demo.log();
    assert!(status.success(), "{status}\n{log}");
    assert!(log.contains("no alert fired"), "{log}");
    for slo in ["auth-availability", "auth-latency", "queue-not-full", "queue-short"] {
        assert!(log.contains(slo), "the summary has no line for {slo}:\n{log}");
    }
}
