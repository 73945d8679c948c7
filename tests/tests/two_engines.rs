//! Two engines, one verdict: Prometheus with the generated rules and the daemon look at the same
//! services, which fail, restart and fall silent at random, and say the same of every window.
//!
//! What they may differ by is the events of one scrape at each edge of the window and 1/120 of it;
//! where they differ by more, one of the scenarios' rows says why, and the output says which.

#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, reason = "tests")]

use plimsoll_tests::plimsoll::{Daemon, binary};
use plimsoll_tests::prometheus::{Make, Prometheus};
use plimsoll_tests::traffic::{Traffic, Truth, now_ms};
use plimsoll_tests::{peers, scratch, write};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

const SEED: u64 = 20_260_104;

/// 90 % is allowed to burn tenfold at most, so that a burn is ten times the bad ratio.
const ALLOWED: f64 = 0.1;

const SLOS: &str = "apiVersion: plimsoll/v1\nservice: shop\nslos:\n  - name: api\n    objective: 90%\n    \
    window: 1m\n    sli: {events: {total: requests_total, bad: 'requests_total{code=\"500\"}'}}\n    \
    alerting: {policy: quick, no_data_after: 5s}\npolicies:\n  quick:\n    \
    - {severity: page, burn: 2, long: 12s, short: 4s}\n    \
    - {severity: ticket, burn: 1, long: 24s, short: 8s}\n";

const WINDOWS_S: [i64; 4] = [4, 8, 12, 24];

/// What one engine said of one window at one time.
#[derive(Clone, Copy, Debug)]
struct Said {
    at_ms: i64,
    burn: f64,
    /// The upper bound, which only the daemon has.
    high: Option<f64>,
}

/// By window.
type Sayings = BTreeMap<i64, Vec<Said>>;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_daemon_and_prometheus_say_the_same_of_every_window() {
    let folder = scratch();
    let slos = write(folder.path(), "slos/shop.yaml", SLOS);
    let rules = ["per-slo", "generic"].map(|style| rules(folder.path(), &slos, style));
    let rules: Vec<&Path> = rules.iter().map(PathBuf::as_path).collect();
    let mut traffic = Traffic::start(3, SEED).await;
    let targets: Vec<(String, String)> = (0_u8..)
        .map(|number| format!("shop{number}"))
        .zip(traffic.addresses.iter().cloned())
        .collect();
    let targets: Vec<(&str, &str)> =
        targets.iter().map(|(job, address)| (job.as_str(), address.as_str())).collect();
    configure(folder.path(), &targets);
    let daemon = Daemon::serve(folder).await;
    let mut servers = vec![("Prometheus 2.42", Prometheus::start(&targets, &rules).await)];
    if let Some(program) = peers::prometheus() {
        let make = Make { program: &program, ..Make::default() };
        servers.push(("Prometheus 3.15", Prometheus::start_as(make, &targets, &rules).await));
    }

    let (told, ()) = tokio::join!(listen(&daemon, Duration::from_secs(80)), async {
        traffic.pass(Duration::from_secs(14), 5, false).await;
        traffic.pass(Duration::from_secs(12), 30, false).await;
        traffic.pass(Duration::from_secs(18), 15, true).await;
        traffic.pass(Duration::from_secs(12), 5, false).await;
        traffic.pass(Duration::from_secs(12), 40, false).await;
        traffic.pass(Duration::from_secs(12), 2, false).await;
    });

    let truth = traffic.truth();
    assert!(truth.troubles.len() >= 3, "the seed troubles nobody");
    holds_the_truth(&told, truth);
    for (name, server) in &servers {
        for policy in ["", "quick-1m"] {
            let said = recorded(server, policy).await;
            let style = if policy.is_empty() { "per-slo" } else { "generic" };
            compare(&format!("{name}, {style}"), &told, &said, truth);
        }
    }
}

fn rules(folder: &Path, slos: &Path, style: &str) -> PathBuf {
    let arguments = ["rules", "--scrape-interval", "1s", "--style", style];
    let output = Command::new(binary()).args(arguments).arg(slos).output().expect("plimsoll runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    write(folder, &format!("{style}.yaml"), &String::from_utf8(output.stdout).expect("UTF-8"))
}

fn configure(folder: &Path, targets: &[(&str, &str)]) {
    let jobs: String = targets
        .iter()
        .map(|(job, address)| {
            format!("  - {{job_name: {job}, static_configs: [{{targets: ['{address}']}}]}}\n")
        })
        .collect();
    let text = format!(
        "global: {{scrape_interval: 1s, scrape_timeout: 1s}}\nscrape_configs:\n{jobs}\
         slo_files: ['slos/*.yaml']\n"
    );
    write(folder, "plimsoll.yml", &text);
}

/// Notes what the daemon says, each time once.
async fn listen(daemon: &Daemon, length: Duration) -> Sayings {
    let mut sayings = Sayings::new();
    let end = now_ms() + i64::try_from(length.as_millis()).expect("short");
    let mut tick = tokio::time::interval(Duration::from_millis(250));
    while now_ms() < end {
        tick.tick().await;
        let Some(slo) = daemon.slo("api").await else { continue };
        let as_of = slo["as_of"].as_str().expect("a time");
        let as_of = OffsetDateTime::parse(as_of, &Rfc3339).expect("RFC 3339");
        let at_ms = i64::try_from(as_of.unix_timestamp_nanos() / 1_000_000).expect("now");
        for window in WINDOWS_S {
            let burn = &slo["burn"][format!("{window}s")];
            let Some(low) = burn["low"].as_f64() else { continue };
            let list = sayings.entry(window).or_default();
            if list.last().is_none_or(|last| last.at_ms < at_ms) {
                list.push(Said { at_ms, burn: low, high: burn["high"].as_f64() });
            }
        }
    }
    sayings
}

/// Returns every burn that the server recorded.
async fn recorded(server: &Prometheus, policy: &str) -> Sayings {
    let mut sayings = Sayings::new();
    for window in WINDOWS_S {
        let selector =
            format!("slo:burn_rate:ratio{{window=\"{window}s\",policy=\"{policy}\"}}[10m]");
        for series in server.query(&selector).await {
            let values = series["values"].as_array().cloned().unwrap_or_default();
            sayings.entry(window).or_default().extend(values.iter().map(said));
        }
    }
    sayings
}

fn said(value: &Value) -> Said {
    let at_ms = (value[0].as_f64().expect("a time") * 1_000.0) as i64;
    Said { at_ms, burn: value[1].as_str().expect("a value").parse().expect("a number"), high: None }
}

/// What two burns may differ by: the events of one scrape at each edge, and 1/120 of the window.
fn bound(truth: &Truth, window: i64, at_ms: i64) -> f64 {
    let from_ms = at_ms - window * 1_000;
    let (_, total) = truth.between(from_ms, at_ms);
    let edge = |edge_ms: i64| truth.between(edge_ms - 1_500, edge_ms + 1_500).1;
    let at_edges = (edge(from_ms) + edge(at_ms)) as f64 / total.max(1) as f64;
    (at_edges + 1.0 / 120.0) / ALLOWED
}

/// The daemon's interval holds what really happened, in trouble too.
fn holds_the_truth(told: &Sayings, truth: &Truth) {
    let began = truth.ticks.first().expect("traffic").at_ms;
    for (window, sayings) in told {
        for said in sayings.iter().filter(|said| said.at_ms - window * 1_000 > began + 2_000) {
            let (bad, total) = truth.between(said.at_ms - window * 1_000, said.at_ms);
            let burn = bad as f64 / total.max(1) as f64 / ALLOWED;
            let slack = bound(truth, *window, said.at_ms);
            let high = said.high.unwrap_or(f64::INFINITY);
            let is_held = said.burn - slack <= burn && burn <= high + slack;
            assert!(is_held, "{window}s: {said:?}, but it was {burn}, give or take {slack}");
        }
    }
}

#[allow(clippy::print_stdout, reason = "each difference is explained where the test is read")]
fn compare(name: &str, told: &Sayings, recorded: &Sayings, truth: &Truth) {
    let began = truth.ticks.first().expect("traffic").at_ms;
    let mut explained: BTreeMap<&str, usize> = BTreeMap::new();
    for (window, sayings) in recorded {
        let (mut alike, mut widest) = (0, 0.0_f64);
        for said in sayings.iter().filter(|said| said.at_ms - window * 1_000 > began + 2_000) {
            let Some(ours) = nearest(told, *window, said.at_ms) else { continue };
            let difference = (ours.burn - said.burn).abs();
            let slack = bound(truth, *window, said.at_ms);
            if difference <= slack {
                alike += 1;
                widest = widest.max(difference);
                continue;
            }
            let trouble = truth.trouble(said.at_ms - window * 1_000, said.at_ms);
            let trouble = trouble.unwrap_or_else(|| {
                panic!("{name}, {window}s: the daemon says {ours:?}, the rules {said:?}: {slack}")
            });
            *explained.entry(trouble.what).or_default() += 1;
        }
        println!("{name}, {window}s: {alike} burns alike, {widest:.2} apart at most");
        assert!(alike >= 20, "{name}, {window}s: only {alike} could be compared");
    }
    assert_eq!(recorded.len(), WINDOWS_S.len(), "{name} recorded too little");
    for (what, times) in explained {
        println!("{name}: {times} differ more, because of {what}");
    }
}

fn nearest(told: &Sayings, window: i64, at_ms: i64) -> Option<Said> {
    let close = told.get(&window)?.iter().filter(|said| (said.at_ms - at_ms).abs() <= 1_000);
    close.copied().min_by_key(|said| (said.at_ms - at_ms).abs())
}
