//! A real Prometheus scrapes the demo and its daemon: what they expose is lint-free, and every
//! expression of every shipped panel and rule gives finite, labelled series.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "tests")]

use plimsoll_tests::plimsoll::Daemon;
use plimsoll_tests::prometheus::{Prometheus, check_metrics};
use plimsoll_tests::{http, root, scratch, wait, write};
use serde_json::Value;
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

fn dashboards() -> Vec<PathBuf> {
    json_files(&root().join("dashboards"))
}

fn json_files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("the folder");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let mut files: Vec<PathBuf> =
        paths.filter(|path| path.extension().is_some_and(|end| end == "json")).collect();
    files.sort();
    files
}

/// Collects every expression below `value`: of panels, of variables and of annotations.
fn expressions(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(map) => {
            if let Some(Value::String(expression)) = map.get("expr") {
                found.insert(expression.clone());
            }
            map.values().for_each(|child| expressions(child, found));
        }
        Value::Array(list) => list.iter().for_each(|child| expressions(child, found)),
        _ => {}
    }
}

/// Puts values in the place of Grafana's variables, as Grafana does for "all".
fn substituted(expression: &str) -> String {
    let mut text = expression.replace("$__rate_interval", "10s").replace("$__range", "1m");
    text = text.replace("$__interval", "1s");
    while let Some(start) = text.find('$') {
        let rest = &text[start + 1..];
        let name = rest.trim_start_matches('{');
        let length = name.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(name.len());
        let braces = if rest.starts_with('{') { 2 } else { 0 };
        text.replace_range(start..start + 1 + length + braces, ".*");
    }
    text
}

/// Returns what is wrong with an expression's answer, if anything is.
async fn complaint(prometheus: &Prometheus, expression: &str) -> Option<String> {
    let series = prometheus.query(expression).await;
    if series.is_empty() {
        return Some(format!("no series: {expression}"));
    }
    let unfinite = series.iter().find(|one| {
        let value: f64 =
            one["value"][1].as_str().and_then(|text| text.parse().ok()).unwrap_or(f64::NAN);
        !value.is_finite()
    });
    if let Some(one) = unfinite {
        return Some(format!("not finite: {expression}: {one}"));
    }
    let unlabelled =
        series.iter().any(|one| one["metric"].as_object().is_none_or(serde_json::Map::is_empty));
    unlabelled.then(|| format!("no labels: {expression}"))
}

/// Waits until every expression has finite, labelled series; says which don't.
async fn await_no_complaints(prometheus: &Prometheus, expressions: &[String]) {
    let end = tokio::time::Instant::now() + PATIENCE;
    let mut tick = tokio::time::interval(Duration::from_millis(100));
    for (position, expression) in expressions.iter().enumerate() {
        loop {
            tick.tick().await;
            let Some(_) = complaint(prometheus, expression).await else { break };
            if tokio::time::Instant::now() >= end {
                let mut complaints = Vec::new();
                for expression in &expressions[position..] {
                    complaints.extend(complaint(prometheus, expression).await);
                }
                panic!("{}", complaints.join("\n"));
            }
        }
    }
}

#[tokio::test]
async fn every_panel_and_recording_rule_has_finite_labelled_series() {
    let demo = Daemon::demo(&EVERYTHING_BREAKS).await;
    let metrics = demo.metrics_address().await;
    let rules = root().join("alerts/recording.yaml");
    let targets = [("checkout", metrics.as_str()), ("plimsoll", host(&demo.url))];
    let alerts = root().join("alerts/rules.yaml");
    let prometheus = Prometheus::start(&targets, &[&rules, &alerts]).await;

    let mut wanted = BTreeSet::new();
    for path in dashboards() {
        let text = std::fs::read_to_string(&path).expect("a dashboard");
        assert!(!text.contains("or vector("), "{}", path.display());
        expressions(&serde_json::from_str(&text).expect("JSON"), &mut wanted);
    }
    let text = std::fs::read_to_string(&rules).expect("the rules");
    let rules = text.lines().filter_map(|line| line.trim_start().strip_prefix("- record: "));
    wanted.extend(rules.map(str::to_owned));
    assert!(wanted.len() > 40, "the dashboards have panels: {}", wanted.len());

    let wanted: Vec<String> = wanted.iter().map(|expression| substituted(expression)).collect();
    await_no_complaints(&prometheus, &wanted).await;

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
