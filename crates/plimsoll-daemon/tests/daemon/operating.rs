//! What who operates a daemon meets: reloads, its own metrics, and what keeps it from starting.

use crate::target::{Manner, Target};
use crate::world::{Folder, PATIENCE, Running, config, slos};
use plimsoll_daemon::Daemon;
use plimsoll_model::TimeMs;
use plimsoll_runtime::clock::{Clock, SystemClock};
use serde_json::{Value, json};
use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::Ordering;

async fn one_target() -> (Folder, Target) {
    let (folder, target) = (Folder::new(), Target::start(Manner::Good).await);
    folder.write("slo.yml", &slos(&["checkout"]));
    folder.write("plimsoll.yml", &config(&[("checkout", target.address)], ""));
    (folder, target)
}

const SLO: &str = "/api/v1/slos/shop%2Fcheckout";

fn good(slo: &Value) -> u64 {
    slo["counts"]["good"].as_u64().unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_takes_new_slos_in_and_keeps_what_was_counted() {
    let (folder, _target) = one_target().await;
    let daemon = Running::start(folder.config());
    let before = good(&daemon.until(SLO, |slo| good(slo) > 500).await);
    folder.write("slo-more.yml", &slos(&["checkout"]).replace("name: checkout", "name: other"));
    let answer = daemon.post("/-/reload").send().await.expect("sent");
    assert_eq!(
        (answer.status().as_u16(), answer.text().await.expect("text")),
        (200, "Reloaded.\n".into())
    );
    daemon.until("/api/v1/slos/shop%2Fother", |slo| good(slo) > 0).await;
    let kept = daemon.until(SLO, |slo| slo["as_of"].is_string()).await;
    assert!(good(&kept) >= before, "{} of {before} are left", good(&kept));
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_that_fails_keeps_the_old_configuration_and_says_why() {
    let (folder, _target) = one_target().await;
    let daemon = Running::start(folder.config());
    daemon.until(SLO, |slo| good(slo) > 100).await;
    folder.write("plimsoll.yml", "listne: 1\nscrape_configs: 2\n");
    let answer = daemon.post("/-/reload").send().await.expect("sent");
    assert_eq!(answer.status(), 422);
    let problem: Value = answer.json().await.expect("JSON");
    let faults = problem["faults"].as_array().expect("faults");
    assert_eq!(faults.len(), 2, "{problem:#}");
    assert!(
        faults[0]
            .as_str()
            .expect("text")
            .ends_with("plimsoll.yml:1:1: listne: 1: unknown key, did you mean `listen`?")
    );
    let status = daemon.json("/api/v1/status").await;
    assert_eq!(status["reload"]["ok"], false);
    assert_eq!(status["reload"]["refused"].as_array().expect("a list").len(), 3);
    let metrics = daemon.get("/metrics").await.text().await.expect("text");
    assert!(metrics.contains("\nplimsoll_config_last_reload_successful 0\n"), "{metrics}");
    let counted = good(&daemon.slo("shop/checkout").await);
    daemon.until(SLO, |slo| good(slo) > counted).await;
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn its_own_metrics_please_promtool() {
    let (folder, target) = one_target().await;
    let daemon = Running::start(folder.config());
    daemon.until(SLO, |slo| good(slo) > 500).await;
    target.failing.store(true, std::sync::atomic::Ordering::SeqCst);
    daemon.until(SLO, |slo| slo["state"] == "page").await;
    let text = daemon.get("/metrics").await.text().await.expect("text");
    for line in [
        r#"plimsoll_slo_objective_ratio{service="shop",slo="checkout"} 0.99"#,
        r#"plimsoll_slo_alert_firing{service="shop",severity="page",slo="checkout"} 1"#,
        r#"plimsoll_slo_alert_firing{service="shop",severity="ticket",slo="checkout"}"#,
        r#"plimsoll_slo_burn_rate{bound="low",service="shop",slo="checkout",window="500ms"}"#,
        r#"plimsoll_slo_coverage_ratio{service="shop",slo="checkout",window="1h"} "#,
        r#"plimsoll_slo_budget_remaining_ratio{bound="high",service="shop",slo="checkout"}"#,
        r#"plimsoll_slo_events_total{service="shop",slo="checkout",verdict="bad"}"#,
        "process_start_time_seconds ",
        "plimsoll_config_last_reload_successful 1",
        concat!("plimsoll_build_info{version=\"", env!("CARGO_PKG_VERSION"), "\"} 1"),
    ] {
        assert!(text.lines().any(|each| each.starts_with(line)), "{line} isn't in\n{text}");
    }
    let mut promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool is installed");
    promtool.stdin.take().expect("piped").write_all(text.as_bytes()).expect("written");
    let said = promtool.wait_with_output().expect("it ends");
    let words = String::from_utf8_lossy(&said.stderr);
    assert!(said.status.success() && words.is_empty(), "{words}");
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_weighted_composite_has_the_history_of_its_parts() {
    let (one, two) = (Target::start(Manner::Good).await, Target::start(Manner::Good).await);
    two.failing.store(true, Ordering::SeqCst);
    let folder = Folder::new();
    let whole = "  - {name: whole, objective: 99%, window: 1h, sli: {weighted: {one: 700000, two: 300000}}}\n";
    folder.write("slo.yml", &(slos(&["one", "two"]) + whole));
    let jobs = [("one", one.address), ("two", two.address)];
    folder.write("plimsoll.yml", &config(&jobs, ""));
    let daemon = Running::start(folder.config());
    let history = "/api/v1/slos/shop%2Fwhole/history?step=1";
    // All of the one part is bad and nothing of the other: 30 %, of which 1 % is allowed.
    let is_weighed = |told: &Value| {
        let points = told["points"].as_array().expect("points");
        points.iter().any(|point| {
            let burn = point["burn"]["low"].as_f64().unwrap_or_default();
            (burn - 30.0).abs() < 0.1 && point["remaining"]["high"].is_number()
        })
    };
    daemon.until(history, is_weighed).await;
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_history_and_its_marks_outlive_a_restart() {
    let (folder, target) = one_target().await;
    let daemon = Running::start(folder.config());
    daemon.until(SLO, |slo| good(slo) > 500).await;
    target.failing.store(true, std::sync::atomic::Ordering::SeqCst);
    // Two seconds and more of it, so that one second of the history is all bad.
    let enough = 25 * crate::target::EVENTS;
    let is_enough = |slo: &Value| slo["counts"]["bad"].as_u64() > Some(enough);
    daemon.until(SLO, |slo| slo["state"] == "page" && is_enough(slo)).await;
    target.failing.store(false, std::sync::atomic::Ordering::SeqCst);
    let mark = json!({"kind": "deploy", "service": "shop", "text": "v2"});
    daemon.post("/api/v1/events").json(&mark).send().await.expect("sent");
    daemon.stop().await;

    let daemon = Running::start(folder.config());
    // The last answer before the stop may have come too late to be counted.
    let bad = target.bad.load(std::sync::atomic::Ordering::SeqCst);
    daemon.until(SLO, |slo| slo["counts"]["bad"] == bad).await;
    let history = daemon.json(&format!("{SLO}/history?step=1")).await;
    let points = history["points"].as_array().expect("points");
    let sum = |key: &str| points.iter().filter_map(|point| point[key].as_u64()).sum::<u64>();
    assert_eq!(sum("bad"), bad);
    // 1 % may be bad; the last point's budget is that of everything so far.
    let left = |value: &Value| value["high"].as_f64().expect("a number");
    let last = left(&points.last().expect("a point")["remaining"]);
    let now = left(&daemon.slo("shop/checkout").await["budget"]["with_exclusions"]["remaining"]);
    assert!((last - now).abs() < 0.2 * now.abs(), "{last} is far from {now}");
    let burns: Vec<f64> = points.iter().map(|point| left(&point["burn"])).collect();
    assert!(burns.iter().any(|burn| *burn > 99.0), "all bad is a burn of 100: {burns:?}");
    let events = daemon.json("/api/v1/events").await["events"].clone();
    let kinds: Vec<&str> = events
        .as_array()
        .expect("events")
        .iter()
        .filter_map(|event| event["kind"].as_str())
        .collect();
    assert!(kinds.contains(&"deploy") && kinds.contains(&"alert"), "{events}");
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_keeps_it_from_starting_is_one_clear_sentence() {
    let (folder, _target) = one_target().await;
    let daemon = Running::start(folder.config());
    let other = Folder::new();
    other.write("slo.yml", &slos(&["checkout"]));
    other.write("plimsoll.yml", &config(&[], "").replace("scrape_configs:\n", ""));
    let bind = |config| Daemon::bind(config, Arc::new(SystemClock::start()));
    let fails = |config| bind(config).map(|_| ()).expect_err("it can't start").to_string();

    let taken = fails(other.config().with_listen(daemon.address));
    assert_eq!(
        taken,
        format!(
            "listen {}: another process listens there; stop it, or choose another address with --listen",
            daemon.address
        )
    );
    let locked = fails(folder.config());
    assert!(locked.contains("another process is using it"), "{locked}");
    other.write("file", "");
    let no_directory = fails(other.config().with_data_dir(other.0.join("file")));
    assert!(no_directory.contains("not a directory"), "{no_directory}");
    std::fs::create_dir_all(other.0.join("state")).expect("made");
    other.write("state/plimsoll.redb", "this is no database, and it is somebody's data");
    let corrupt = fails(other.config());
    assert!(corrupt.contains("corrupt"), "{corrupt}");
    let kept = std::fs::read_to_string(other.0.join("state/plimsoll.redb")).expect("it is there");
    assert_eq!(kept, "this is no database, and it is somebody's data");
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_ready_once_it_evaluates_and_ends_with_its_streams() {
    let (folder, _target) = one_target().await;
    let daemon = Running::start(folder.config());
    let ready = async {
        let mut ticks = tokio::time::interval(std::time::Duration::from_millis(20));
        while daemon.get("/-/ready").await.status() != 200 {
            ticks.tick().await;
        }
    };
    tokio::time::timeout(PATIENCE, ready).await.expect("it becomes ready");
    assert_eq!(daemon.get("/-/healthy").await.status(), 200);
    let mut stream = daemon.get("/api/v1/stream").await;
    daemon.stop().await;
    // An open stream keeps nobody from stopping, and ends.
    let rest = async { while let Ok(Some(_)) = stream.chunk().await {} };
    tokio::time::timeout(PATIENCE, rest).await.expect("the stream ends");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wall_clock_that_was_set_back_loses_and_doubles_nothing() {
    let (folder, target) = one_target().await;
    let daemon = Running::start(folder.config());
    daemon.until(SLO, |slo| good(slo) > 500).await;
    daemon.stop().await;
    let kept = target.total.load(std::sync::atomic::Ordering::SeqCst);

    // The same machine, an hour earlier by its clock.
    let daemon = Running::start_with(folder.config(), SetBack(SystemClock::start()));
    // The newest slices are known, unless a scrape of theirs came late.
    let known = json!({"low": 0.0, "high": 0.0});
    let goes_on = |slo: &Value| {
        good(slo) >= kept + 500 && slo["state"] == "ok" && slo["burn"]["500ms"] == known
    };
    let slo = daemon.until(SLO, goes_on).await;
    assert!(good(&slo) <= target.total.load(std::sync::atomic::Ordering::SeqCst));
    daemon.stop().await;
}

/// A clock whose wall is an hour behind.
struct SetBack(SystemClock);

impl Clock for SetBack {
    fn now(&self) -> TimeMs {
        TimeMs(self.0.now().0 - 3_600_000)
    }

    fn wall_offset_ms(&self) -> i64 {
        self.0.wall_offset_ms()
    }
}
