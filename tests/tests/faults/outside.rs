//! The demo without instrumentation: each fault that can be seen from outside pages its own SLO and no
//! other, what the sidecar saw is what the load and the service know, and nothing is left behind.

use super::{PATIENCE, paged, pages_and_resolves_with};
use plimsoll_tests::plimsoll::Daemon;
use plimsoll_tests::redis::Redis;
use plimsoll_tests::{http, wait};
use std::path::PathBuf;
use std::time::Duration;

const OUTSIDE: &str = "--no-instrumentation";

/// How much longer a look may make a wait than the wait knows: the clocks count milliseconds.
const ROUNDED_MS: f64 = 2.0;

/// Stops the demo as Ctrl-C does and returns its summary.
async fn truth(mut demo: Daemon) -> Vec<String> {
    demo.process.signal("INT");
    let status = demo.process.ended(PATIENCE).await;
    assert!(status.success(), "{status}\n{}", demo.log());
    summary(&demo)
}

/// Returns the lines of its summary from the truth on.
fn summary(demo: &Daemon) -> Vec<String> {
    let log = demo.log();
    let at = log.find("Truth, as the load").unwrap_or_else(|| panic!("no truth in\n{log}"));
    log[at..].lines().skip(1).map(str::to_owned).collect()
}

/// Returns the numbers of the first two lines from the one that begins with `name`: what is known, and
/// what was seen.
fn known_and_seen(truth: &[String], name: &str) -> [Vec<f64>; 2] {
    let at = truth.iter().position(|line| line.trim_start().starts_with(name));
    let at = at.unwrap_or_else(|| panic!("no {name} in {truth:#?}"));
    [at, at + 1].map(|at| {
        let words = truth[at].split(|letter: char| !letter.is_ascii_digit() && letter != '.');
        words.filter_map(|word| word.parse().ok()).collect()
    })
}

/// Returns the pids that the welcome names.
fn pids(demo: &Daemon) -> Vec<u32> {
    let log = demo.log();
    let named = log.split("process ").skip(1);
    let pids = named.filter_map(|text| text.split_once(" (")?.0.parse().ok());
    pids.collect()
}

/// Waits until none of the processes is there.
async fn gone(pids: &[u32]) {
    wait::until("the processes to be gone", Duration::from_secs(10), || async {
        let is_there = |pid: &u32| PathBuf::from(format!("/proc/{pid}")).exists();
        (!pids.iter().any(is_there)).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_slow_dependency_pages_the_latency_and_ctrl_c_leaves_no_process() {
    let demo = pages_and_resolves_with(&[OUTSIDE], "slow-dependency", "auth-latency").await;
    let processes = pids(&demo);
    assert_eq!(processes.len(), 1);
    let truth = truth(demo).await;
    for name in ["authorisations", "orders"] {
        let [known, seen] = known_and_seen(&truth, name);
        assert_eq!(known[..3], seen[..3], "good, bad, shed: {truth:#?}");
        assert!(known[0] > 500.0 && known[2] == 0.0, "{truth:#?}");
    }
    gone(&processes).await;
}

/// Runs that a busy machine may spoil: the load, stopped for 140 ms, takes what it has waited for 1 % late.
const ATTEMPTS: usize = 3;

#[tokio::test]
async fn the_proxy_has_the_loads_own_integral() {
    let mut truth = Vec::new();
    for _ in 0..ATTEMPTS {
        let more = ["--fault", "slow-dependency@1s+14s", "--duration", "15s"];
        let mut demo = Daemon::demo(&[&[OUTSIDE][..], &more].concat()).await;
        let status = demo.process.ended(PATIENCE).await;
        assert!(status.success(), "{status}\n{}", demo.log());
        truth = summary(&demo);
        let [known, seen] = known_and_seen(&truth, "authorisations");
        let (load_s, proxy_s) = (known[3], seen[3]);
        // 14 s of 200 requests a second that take 400 ms.
        assert!(load_s > 800.0, "{truth:#?}");
        if (proxy_s / load_s - 1.0).abs() <= 0.01 {
            return;
        }
    }
    panic!("more than 1 % apart each time: {truth:#?}");
}

#[tokio::test]
async fn a_lock_hog_pages_the_lock_wait_and_every_waiter_is_seen() {
    let demo = pages_and_resolves_with(&[OUTSIDE], "lock-hog", "lock-wait").await;
    let [known, seen] = known_and_seen(&truth(demo).await, "ledger");
    let (waited, longest_ms) = (known[0], known[1]);
    let (seen_waiting, threads, seen_ms) = (seen[0], seen[1], seen[2]);
    assert_eq!(waited, 16.0, "every thread that books");
    assert_eq!(seen_waiting, waited);
    assert!(threads >= 18.0, "some don't wait: the batch job, and those that accept");
    assert!(seen_ms > 40.0 && seen_ms <= longest_ms + ROUNDED_MS, "{seen_ms} {longest_ms}");
}

#[tokio::test]
async fn a_queue_flood_pages_the_full_queue_and_each_that_was_shed_is_counted() {
    let demo = pages_and_resolves_with(&[OUTSIDE], "queue-flood", "queue-not-full").await;
    let truth = truth(demo).await;
    let [known, seen] = known_and_seen(&truth, "orders");
    assert_eq!(known[..3], seen[..3], "good, bad, shed: {truth:#?}");
    assert!(known[2] > 0.0, "some were shed: {truth:#?}");
    assert_eq!(seen.last(), Some(&64.0), "at once: {truth:#?}");
}

#[tokio::test]
async fn a_stalled_consumer_pages_the_lag_and_is_told_from_a_stopped_one() {
    let redis = Redis::start().await;
    let more = [OUTSIDE, "--redis", &redis.url];
    let demo = pages_and_resolves_with(&more, "stalled-consumer", "consumer-lag").await;
    let truth = truth(demo).await;
    let [known, seen] = known_and_seen(&truth, "billing");
    let (invoices, orders) = (known[0], known[1]);
    assert!(invoices <= orders && orders - invoices < 60.0, "it has caught up: {truth:#?}");
    // It stood still for 8 s, at 60 orders a second.
    assert!((7.0..12.0).contains(&seen[1]) && seen[0] > 200.0, "{truth:#?}");
    assert!(truth.iter().any(|line| line.ends_with("its group was ok, stalled")), "{truth:#?}");
}

#[tokio::test]
async fn a_consumer_that_is_killed_is_stopped_and_the_demo_goes_on() {
    let redis = Redis::start().await;
    let demo = Daemon::demo(&[OUTSIDE, "--redis", &redis.url]).await;
    let sidecar = demo.metrics_address().await;
    let [_, billing] = pids(&demo)[..] else { panic!("two processes:\n{}", demo.log()) };
    let killed = std::process::Command::new("kill").args(["-9", &billing.to_string()]).status();
    assert!(killed.is_ok_and(|status| status.success()));
    wait::until("a stopped group", PATIENCE, || async {
        let answer = http().get(format!("http://{sidecar}/metrics")).send().await.ok()?;
        let text = answer.text().await.ok()?;
        let is_stopped = |line: &str| {
            line.starts_with("concurrency_consumer_status{")
                && line.contains("group=\"billing\"")
                && line.contains("status=\"stopped\"")
                && line.ends_with(" 1")
        };
        text.lines().any(is_stopped).then_some(())
    })
    .await;
    demo.await_alert("consumer-lag", "page", "firing", PATIENCE).await;
    assert_eq!(paged(&demo).await, ["consumer-lag"]);
}

#[tokio::test]
async fn a_demo_that_is_killed_leaves_no_process_and_no_stream_behind() {
    let redis = Redis::start().await;
    let mut demo = Daemon::demo(&[OUTSIDE, "--redis", &redis.url]).await;
    demo.metrics_address().await;
    let processes = pids(&demo);
    assert_eq!(processes.len(), 2);
    let keys: Vec<String> = redis.ask(&["KEYS", "*"]).await;
    assert_eq!(keys.len(), 1, "{keys:?}");
    demo.process.kill();
    gone(&processes).await;
    let keys: Vec<String> = redis.ask(&["KEYS", "*"]).await;
    assert_eq!(keys, [""; 0]);
}

#[tokio::test]
async fn a_calm_run_pages_nothing_and_a_service_that_dies_ends_the_demo() {
    let mut demo = Daemon::demo(&[OUTSIDE]).await;
    demo.metrics_address().await;
    tokio::time::sleep(Duration::from_secs(12)).await;
    assert_eq!(paged(&demo).await, [""; 0]);
    let [checkout] = pids(&demo)[..] else { panic!("one process:\n{}", demo.log()) };
    let killed = std::process::Command::new("kill").args(["-9", &checkout.to_string()]).status();
    assert!(killed.is_ok_and(|status| status.success()));
    let status = demo.process.ended(PATIENCE).await;
    assert_eq!(status.code(), Some(1));
    let log = demo.log();
    assert!(log.contains("the process checkout ended by itself: signal: 9"), "{log}");
}
