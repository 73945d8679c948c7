//! A real Prometheus scrapes the demo and its daemon: what they expose is lint-free, and every
//! expression of every shipped panel and rule gives finite, labelled series.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "tests")]

use plimsoll_tests::panels::{await_no_complaints, expressions, substituted};
use plimsoll_tests::plimsoll::Daemon;
use plimsoll_tests::prometheus::{Prometheus, check_metrics};
use plimsoll_tests::{http, root, scratch, wait, write};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(90);

/// All faults at once, so that signals of trouble have something to show. Only the snapshot is renewed
/// again, since nothing propagates meanwhile.
const EVERYTHING_BREAKS: [&str; 12] = [
    "--fault",
    "slow-dependency@2s+600s",
    "--fault",
    "lock-hog@2s+600s",
    "--fault",
    "stalled-consumer@2s+600s",
    "--fault",
    "stale-snapshot@2s+4s",
    "--fault",
    "queue-flood@2s+600s",
    "--fault",
    "unguarded-commits@2s+600s",
];

fn host(url: &str) -> &str {
    url.trim_start_matches("http://")
}

/// Every dashboard but the sidecar's, whose panels are tested beside what sidecars look at.
fn dashboards() -> Vec<PathBuf> {
    let entries = std::fs::read_dir(root().join("dashboards")).expect("the folder");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let mut files: Vec<PathBuf> = paths.filter(|path| !path.ends_with("sidecar.json")).collect();
    files.sort();
    files
}

#[tokio::test]
async fn every_panel_and_recording_rule_has_finite_labelled_series() {
    let demo = Daemon::demo(&EVERYTHING_BREAKS).await;
    let metrics = demo.metrics_address().await;
    let rules = root().join("alerts/recording.yaml");
    let targets = [("checkout", metrics.as_str()), ("plimsoll", host(&demo.url))];
    let alerts = root().join("alerts/rules.yaml");
    let prometheus = Prometheus::start(&targets, &[&rules, &alerts]).await;

    let mut wanted: BTreeSet<String> =
        dashboards().iter().flat_map(|path| expressions(path)).collect();
    let text = std::fs::read_to_string(&rules).expect("the rules");
    let rules = text.lines().filter_map(|line| line.trim_start().strip_prefix("- record: "));
    wanted.extend(rules.map(str::to_owned));
    assert!(wanted.len() > 40, "the dashboards have panels: {}", wanted.len());

    let wanted: Vec<String> = wanted.iter().map(|expression| substituted(expression)).collect();
    await_no_complaints(&prometheus, &wanted, PATIENCE).await;

    for url in [format!("http://{metrics}/metrics"), format!("{}/metrics", demo.url)] {
        let text = http().get(&url).send().await.expect("metrics").text().await.expect("text");
        check_metrics(Path::new("promtool"), &text);
    }
}

/// The shipped alerts with their waiting times taken out and their rates over seconds, so that a test
/// needn't live through minutes.
fn impatient_rules(folder: &Path) -> Vec<PathBuf> {
    ["recording.yaml", "rules.yaml"]
        .iter()
        .map(|name| {
            let text = std::fs::read_to_string(root().join("alerts").join(name)).expect("rules");
            let lines: Vec<String> = text
                .lines()
                .map(|line| match line.find("for: ") {
                    Some(at) if line.trim_start().starts_with("for: ") => {
                        format!("{}for: 0s", &line[..at])
                    }
                    _ => line.to_owned(),
                })
                .collect();
            let text = lines.join("\n").replace("[5m]", "[10s]").replace("[2m]", "[10s]");
            write(folder, name, &text)
        })
        .collect()
}

async fn firing(prometheus: &Prometheus) -> BTreeSet<String> {
    let alerts = prometheus.alerts().await;
    let firing = alerts.iter().filter(|alert| alert["state"] == "firing");
    firing.filter_map(|alert| alert["labels"]["alertname"].as_str().map(str::to_owned)).collect()
}

#[tokio::test]
async fn each_alert_fires_on_its_fault_and_is_silent_without() {
    let folder = scratch();
    let rules = impatient_rules(folder.path());
    let rules: Vec<&Path> = rules.iter().map(PathBuf::as_path).collect();
    let calm = Daemon::demo(&[]).await;
    let metrics = calm.metrics_address().await;
    let targets = [("checkout", metrics.as_str()), ("plimsoll", host(&calm.url))];
    let prometheus = Prometheus::start(&targets, &rules).await;
    // Twenty scrapes with rates over them: what would fire falsely has had its time.
    wait::until("twenty scrapes", PATIENCE, || async {
        let series = prometheus.query("count_over_time(up[1m]) >= 20").await;
        (series.len() == 2).then_some(())
    })
    .await;
    assert_eq!(firing(&prometheus).await, BTreeSet::from(["PlimsollWatchdog".to_owned()]));
    drop(calm);

    for (fault, alerts) in FIRES {
        let demo = Daemon::demo(&["--fault", &format!("{fault}@1s+600s")]).await;
        let metrics = demo.metrics_address().await;
        let targets = [("checkout", metrics.as_str()), ("plimsoll", host(&demo.url))];
        let prometheus = Prometheus::start(&targets, &rules).await;
        await_firing(&prometheus, fault, alerts).await;
        drop(demo);
        await_firing(&prometheus, "the daemon's end", &["PlimsollDaemonDown"]).await;
    }
}

/// What each fault of the demo makes fire, beside the SLO alerts that the daemon sends by itself.
const FIRES: [(&str, &[&str]); 7] = [
    ("slow-dependency", &["SloPage", "SloTicket"]),
    (
        "lock-hog",
        &[
            "SloPage",
            "SloTicket",
            "ConcurrencyLockWaitHigh",
            "ConcurrencyLimitSaturated",
            "ConcurrencyPoolSaturated",
        ],
    ),
    (
        "stalled-consumer",
        &["SloPage", "SloTicket", "ConcurrencyConsumerStalled", "ConcurrencyConsumerLagHigh"],
    ),
    (
        "stale-snapshot",
        &["SloPage", "SloTicket", "ConcurrencySnapshotStale", "ConcurrencyPropagationStalled"],
    ),
    (
        "queue-flood",
        &["SloPage", "SloTicket", "ConcurrencyQueueSaturated", "ConcurrencyBackpressureSustained"],
    ),
    ("unguarded-commits", &["SloPage", "SloTicket", "ConcurrencyStaleCommits"]),
    ("deadlock", &["ConcurrencyDeadlock"]),
];

async fn await_firing(prometheus: &Prometheus, cause: &str, alerts: &[&str]) {
    wait::until(&format!("{cause} to fire {alerts:?}"), PATIENCE, || async {
        let firing = firing(prometheus).await;
        alerts.iter().all(|alert| firing.contains(*alert)).then_some(())
    })
    .await;
}
