//! How long after the policy's maths is first true somebody is told.

use super::Extent;
use super::process::{Server, free_address, get};
use super::service::{Target, wall_s};
use super::{folder, sleep_s};
use crate::table::{Row, Table};
use serde_json::Value;
use std::process::Command;
use std::time::Duration;

/// Requests a second of the service, all of which fail from the fault on.
const RATE: f64 = 10.0;
const PERIOD_S: f64 = 7.0 * 86_400.0;
const ALLOWED: f64 = 0.001;

/// A row of a policy, as its SLO's alert and the share of the budget that it waits for.
struct Expected {
    policy: &'static str,
    severity: &'static str,
    /// Burn × long window over the period, which stays as it is for a period of 30 days.
    share: f64,
}

/// With every request failing, the share is what each of these waits for: both windows burn at
/// a hundred times the allowed rate within the first second. Soonest first.
const EXPECTED: [Expected; 3] = [
    Expected { policy: "two-five", severity: "notice", share: 2.0 / 720.0 },
    Expected { policy: "workbook", severity: "page", share: 14.4 / 720.0 },
    Expected { policy: "two-five", severity: "page", share: 5.0 * 6.0 / 720.0 },
];

pub(super) fn measure(table: &mut Table, extent: Extent) {
    let target = Target::serve(1);
    let mut daemon = start(&target);
    daemon.await_ready();
    sleep_s(extent.warm_s);
    target.fail();
    let fault_s = wall_s();
    for expected in &EXPECTED {
        // bad = rate × t ≥ share × allowed × rate × period
        let truth_s = fault_s + expected.share * ALLOWED * PERIOD_S * (1.0 + 0.01 / RATE);
        let told_s = await_alert(&daemon, expected) - truth_s;
        let Expected { policy, severity, .. } = expected;
        // The scrape that brings it and the step that reads it may each come an interval late.
        let what = format!("{policy}: {severity} after its maths is true, scrape included");
        table.add(Row::alone(&what, "s", told_s, 2.0));
    }
}

fn start(target: &Target) -> Server {
    let folder = folder("page");
    let config = format!(
        "global: {{scrape_interval: 1s, scrape_timeout: 900ms}}\n\
         scrape_configs: [{{job_name: x, static_configs: [{{targets: ['{}']}}]}}]\n\
         slo_files: [slos.yaml]\n",
        target.address
    );
    let slo = |policy: &str| {
        format!(
            "- name: {policy}\n  objective: 99.9%\n  window: 7d\n  alerting: {{policy: {policy}}}\n  \
             sli: {{events: {{total: http_requests_total, bad: 'http_requests_total{{code=\"500\"}}'}}}}\n"
        )
    };
    let slos = format!(
        "apiVersion: plimsoll/v1\nservice: page\nslos:\n{}{}",
        slo("workbook"),
        slo("two-five")
    );
    std::fs::write(folder.join("plimsoll.yml"), config).expect("written");
    std::fs::write(folder.join("slos.yaml"), slos).expect("written");
    let address = free_address();
    let mut command = Command::new(super::daemon::program());
    command
        .args(["serve", "--log", "error", "--listen", &address.to_string(), "--config"])
        .arg(folder.join("plimsoll.yml"))
        .arg("--data-dir")
        .arg(folder.join("data"));
    Server::start(&mut command, address, &folder)
}

/// Waits until the alert fires, and returns when that was seen.
fn await_alert(daemon: &Server, expected: &Expected) -> f64 {
    let id = format!("page/{}", expected.policy);
    let began_s = wall_s();
    while wall_s() - began_s < 120.0 {
        let answer = get(daemon.address, "/api/v1/alerts").unwrap_or_default();
        let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
        let alerts: Value = serde_json::from_str(body).unwrap_or_default();
        let is_it = |alert: &Value| {
            alert["slo_id"] == *id
                && alert["severity"] == expected.severity
                && alert["state"] == "firing"
        };
        if alerts["alerts"].as_array().is_some_and(|all| all.iter().any(is_it)) {
            return wall_s();
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    f64::NAN
}
