//! What a Prometheus has recorded: replayed, and put before what a daemon knows. The samples are blocks
//! that promtool made, and the numbers are worked out by hand.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "tests")]

use plimsoll_tests::plimsoll::{Daemon, binary};
use plimsoll_tests::prometheus::{Make, Prometheus};
use plimsoll_tests::traffic::now_ms;
use plimsoll_tests::{peers, scratch, write};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

const SLOS: &str = "apiVersion: plimsoll/v1\nservice: shop\nslos:\n  - name: api\n    \
    objective: 99.9%\n    window: 30d\n    \
    sli: {events: {total: requests_total, bad: errors_total}}\n";

/// Debian's Prometheus, and 3.15 where it is built.
fn programs() -> Vec<PathBuf> {
    [Some("prometheus".into()), peers::prometheus()].into_iter().flatten().collect()
}

/// A service that is scraped each `step` seconds since `start`: 600 requests a minute; of those in the
/// hour that ends at `fault_end` 12 % fail. In `silent` nothing is scraped, while the process goes on.
struct Life {
    start: i64,
    end: i64,
    step: i64,
    fault_end: i64,
    silent: std::ops::Range<i64>,
}

impl Life {
    fn open_metrics(&self) -> String {
        let mut series = vec![Vec::new(); 4];
        let (mut requests, mut errors) = (0, 0);
        let mut at = self.start;
        while at <= self.end {
            if at > self.start {
                requests += 10 * self.step;
                if at > self.fault_end - 3_600 && at <= self.fault_end {
                    errors += 10 * self.step * 12 / 100;
                }
            }
            if !self.silent.contains(&at) {
                let values = [errors, self.start - 1, requests, 1];
                series.iter_mut().zip(values).for_each(|(line, value)| line.push((at, value)));
            }
            at += self.step;
        }
        let names = [
            ("errors", "counter", "_total"),
            ("process_start_time_seconds", "gauge", ""),
            ("requests", "counter", "_total"),
            ("up", "gauge", ""),
        ];
        let mut text = String::new();
        for ((name, kind, suffix), line) in names.into_iter().zip(series) {
            text.push_str(&format!("# TYPE {name} {kind}\n"));
            for (at, value) in line {
                let labels = "{job=\"shop\",instance=\"shop:1\"}";
                text.push_str(&format!("{name}{suffix}{labels} {value} {at}\n"));
            }
        }
        text + "# EOF\n"
    }

    async fn served_by(&self, program: &Path, folder: &Path) -> Prometheus {
        let past = write(folder, "past.om", &self.open_metrics());
        let make = Make { program, past: Some(&past), ..Make::default() };
        Prometheus::start_as(make, &[], &[]).await
    }
}

fn run(arguments: &[&str]) -> Output {
    let output = Command::new(binary()).args(arguments).output().expect("it runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output
}

/// A Monday from midnight to midnight, a scrape a minute. The page needs 1.44 % of an hour's 36,000,
/// 518.4, and evidence of 555.6: the eighth bad minute makes 576, at 10:08. The hour at 12 % ends at
/// 11:00; the 30 minutes of the slower row hold over 0.6 % of 18,000 while two bad minutes are in them,
/// up to 11:28; at 11:29 the hold-off of 30 minutes begins, and it is resolved at 11:59.
#[tokio::test(flavor = "multi_thread")]
async fn a_backtest_pages_at_the_minutes_that_are_reckoned_by_hand() {
    let start = 1_767_571_200;
    let fault_end = start + 11 * 3_600;
    let life = Life { start, end: start + 86_400, step: 60, fault_end, silent: 0..0 };
    for program in programs() {
        let folder = scratch();
        let prometheus = life.served_by(&program, folder.path()).await;
        let slos = write(folder.path(), "shop.yaml", SLOS).display().to_string();
        let tests = folder.path().join("found.yml").display().to_string();
        let day = ["--from", "2026-01-04T00:00:00Z", "--to", "2026-01-08T00:00:00Z"];
        let past = ["backtest", "--prometheus", &prometheus.url, "--json", "--promtool", &tests];
        let output = run(&[past.as_slice(), &day, &[&slos]].concat());
        let found: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        let slo = &found["replays"][0]["slos"][0];
        assert_eq!(slo["counts"], serde_json::json!({"good": 859_680, "bad": 4_320, "unknown": 0}));
        let alerts = slo["alerts"].as_array().expect("alerts");
        let pages: Vec<_> = alerts.iter().filter(|one| one["alertname"] == "SloPage").collect();
        assert_eq!(pages.len(), 1, "{alerts:?}");
        assert_eq!(pages[0]["from"], "2026-01-05T10:08:00Z");
        assert_eq!(pages[0]["to"], "2026-01-05T11:59:00Z");
        let tested = Command::new("promtool").args(["test", "rules", &tests]).output().unwrap();
        assert!(tested.status.success(), "{}", String::from_utf8_lossy(&tested.stdout));
    }
}

/// Two days at 15 s up to now: 11,520 × 150 = 1,728,000 requests. The bad hour ended 25 hours ago: 240
/// scrapes of 18 are 4,320 errors. Ten hours ago nothing was scraped for 30 minutes, while the process
/// went on: what it counted is known as a sum. With E = 600 a minute over 30 days = 25,920,000 the budget
/// is 25,920, of which 1/6 is spent; 3 days hold 4,320 of 1,728,000, 2.5 times what 0.1 % allows.
#[tokio::test(flavor = "multi_thread")]
async fn an_import_fills_budgets_and_burns_as_reckoned_by_hand() {
    for program in programs() {
        for runs in [false, true] {
            let folder = scratch();
            let end = now_ms() / 60_000 * 60;
            let start = end - 2 * 86_400;
            let (fault_end, gap) = (end - 25 * 3_600, end - 10 * 3_600);
            // A scrape at the gap's edges, none within it.
            let life = Life { start, end, step: 15, fault_end, silent: gap + 1..gap + 1_800 };
            let prometheus = life.served_by(&program, folder.path()).await;
            write(folder.path(), "shop.yaml", SLOS);
            let text = "scrape_configs: [{job_name: other, static_configs: [{targets: \
                        ['127.0.0.1:1']}]}]\nslo_files: [shop.yaml]\ndata_dir: data\n";
            let config = write(folder.path(), "plimsoll.yml", text).display().to_string();
            let import = ["import", "--prometheus", &prometheus.url, "--config", &config];
            let daemon = if runs {
                let daemon = Daemon::serve(folder).await;
                // Where it builds what it sends.
                let output = Command::new(binary())
                    .args([import.as_slice(), &["--url", &daemon.url, "--from", "3d"]].concat())
                    .current_dir(daemon.folder())
                    .output()
                    .expect("it runs");
                assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
                daemon
            } else {
                run(&[import.as_slice(), &["--from", "3d"]].concat());
                Daemon::serve(folder).await
            };
            check(&daemon).await;
            // What it knows now it knows itself: nothing is counted twice, and nothing lost.
            let daemon = daemon.kill_and_restart().await;
            check(&daemon).await;
        }
    }
}

async fn check(daemon: &Daemon) {
    let slo = daemon.slo("api").await.expect("the SLO");
    let counts = &slo["counts"];
    assert_eq!((&counts["good"], &counts["bad"]), (&1_723_680.into(), &4_320.into()), "{slo}");
    let near = |value: &Value, truth: f64| {
        value.as_f64().is_some_and(|value| (value - truth).abs() < 0.01 * truth)
    };
    let spent = &slo["budget"]["with_exclusions"]["spent"];
    assert!(near(&spent["low"], 1.0 / 6.0), "{spent}");
    assert!(near(&slo["burn"]["3d"]["low"], 2.5), "{slo}");
    assert_eq!(slo["burn"]["1h"]["low"], 0.0, "{slo}");
}

/// Broken off by `kill -9` in the midst, it goes on; in the end nothing is missing or there twice.
#[tokio::test(flavor = "multi_thread")]
async fn an_import_that_was_killed_goes_on() {
    let folder = scratch();
    let end = now_ms() / 60_000 * 60;
    let life =
        Life { start: end - 2 * 86_400, end, step: 15, fault_end: end - 25 * 3_600, silent: 0..0 };
    let prometheus = life.served_by(Path::new("prometheus"), folder.path()).await;
    write(folder.path(), "shop.yaml", SLOS);
    let text = "slo_files: [shop.yaml]\ndata_dir: data\n";
    let config = write(folder.path(), "plimsoll.yml", text).display().to_string();
    let import = ["import", "--prometheus", &prometheus.url, "--config", &config, "--from", "30d"];
    let part = folder.path().join("data/import.part/0/plimsoll.redb");
    for _ in 0..3 {
        let mut child = Command::new(binary()).args(import).spawn().expect("it runs");
        plimsoll_tests::wait::until("its file or its end", Duration::from_secs(30), || {
            let there = part.exists() || child.try_wait().expect("its status").is_some();
            async move { there.then_some(()) }
        })
        .await;
        child.kill().expect("killed");
        child.wait().expect("ended");
    }
    let _ = Command::new(binary()).args(import).output().expect("it runs");
    assert!(!folder.path().join("data/import.part").exists(), "it is over");
    let daemon = Daemon::serve(folder).await;
    check(&daemon).await;
}
