//! Two daemons with one configuration are as good as one: a real Alertmanager notifies once of each
//! page and of its end, whoever of the two is killed meanwhile. And what Alertmanager makes of their
//! alerts by the routing that ships: groups, inhibition, a watchdog.

#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, reason = "tests")]

use plimsoll_tests::alertmanager::Alertmanager;
use plimsoll_tests::counters::Counters;
use plimsoll_tests::plimsoll::Daemon;
use plimsoll_tests::{root, scratch, wait, write};
use serde_json::Value;
use std::net::SocketAddr;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(90);

const SLOS: &str = "apiVersion: plimsoll/v1\nservice: shop\nslos:\n\
    - name: calls\n  objective: 90%\n  window: 1m\n  \
    sli: {events: {total: calls_total, bad: 'calls_total{code=\"500\"}'}}\n  \
    alerting: {policy: quick}\n\
    - name: successes\n  objective: 80%\n  window: 1m\n  \
    sli: {events: {total: calls_total, good: 'calls_total{code=\"200\"}'}}\n  \
    alerting: {policy: quick}\n\
    policies:\n  quick:\n  - {severity: page, burn: 2, long: 12s, short: 4s}\n  \
    - {severity: ticket, burn: 1, long: 24s, short: 8s}\n";

/// Starts a daemon that watches `target` and knows one Alertmanager.
async fn daemon(target: SocketAddr, alertmanager: &Alertmanager) -> Daemon {
    let folder = scratch();
    let config = format!(
        "global: {{scrape_interval: 200ms, scrape_timeout: 200ms, external_labels: {{region: eu}}}}\n\
         scrape_configs: [{{job_name: t, static_configs: [{{targets: ['{target}']}}]}}]\n\
         alerting: {{alertmanagers: [{{static_configs: [{{targets: ['{}']}}]}}]}}\n\
         slo_files: [slos.yaml]\n",
        alertmanager.address
    );
    write(folder.path(), "plimsoll.yml", &config);
    write(folder.path(), "slos.yaml", SLOS);
    let daemon = Daemon::serve(folder).await;
    wait::until("the first scrape", PATIENCE, || async {
        let targets = daemon.get("/api/v1/targets").await;
        (targets["targets"][0]["state"] == "up").then_some(())
    })
    .await;
    daemon
}

/// Returns how often a notification told that this alert of an SLO is in `status`.
fn told(alertmanager: &Alertmanager, alertname: &str, slo: &str, status: &str) -> usize {
    let is_it = |alert: &&Value| {
        let labels = &alert["labels"];
        labels["alertname"] == alertname && labels["slo"] == slo && alert["status"] == status
    };
    alertmanager.notified().iter().filter(is_it).count()
}

async fn await_told(alertmanager: &Alertmanager, alertname: &str, slo: &str, status: &str) {
    let what = format!("Alertmanager to notify that {alertname} of {slo} is {status}");
    wait::until(&what, PATIENCE, || async {
        (told(alertmanager, alertname, slo, status) > 0).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_pair_of_daemons_pages_and_resolves_once_across_a_restart_of_each() {
    let (counters, target) = Counters::serve().await;
    let alertmanager = Alertmanager::start().await;
    let mut pair = [daemon(target, &alertmanager).await, daemon(target, &alertmanager).await];
    let traffic = counters.fail();
    for slo in ["calls", "successes"] {
        for severity in ["page", "ticket"] {
            for one in &pair {
                one.await_alert(slo, severity, "firing", PATIENCE).await;
            }
        }
        await_told(&alertmanager, "SloPage", slo, "firing").await;
        await_told(&alertmanager, "SloTicket", slo, "firing").await;
    }

    for _ in 0..2 {
        let posted = alertmanager.posted("firing").await;
        let [first, second] = pair;
        // Each takes up its alerts where it left them, and posts them anew.
        pair = [second, first.kill_and_restart().await];
        let what = "the restarted one to post its alerts";
        wait::until(what, PATIENCE, || async {
            (alertmanager.posted("firing").await >= posted + 4).then_some(())
        })
        .await;
    }

    traffic.abort();
    let resolved = alertmanager.posted("resolved").await;
    for one in &pair {
        one.await_alert("calls", "page", "resolved", PATIENCE).await;
        one.await_alert("successes", "page", "resolved", PATIENCE).await;
    }
    wait::until("both to post the end of their pages", PATIENCE, || async {
        (alertmanager.posted("resolved").await >= resolved + 4).then_some(())
    })
    .await;
    // Two group intervals, in which a notification too many would come.
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    for slo in ["calls", "successes"] {
        for status in ["firing", "resolved"] {
            assert_eq!(told(&alertmanager, "SloPage", slo, status), 1, "{slo} {status}");
        }
        assert_eq!(told(&alertmanager, "SloTicket", slo, "firing"), 1, "{slo}");
    }
    assert_eq!(told_watchdogs(&alertmanager), 1, "two daemons are one watchdog");
}

fn told_watchdogs(alertmanager: &Alertmanager) -> usize {
    let alerts = alertmanager.notified();
    alerts.iter().filter(|alert| alert["labels"]["alertname"] == "PlimsollWatchdog").count()
}

/// The routing that ships, with its waits taken out and without the hours in which it mutes.
fn impatient_routing(hook: &str) -> String {
    let text = std::fs::read_to_string(root().join("alerts/alertmanager.yaml")).expect("it ships");
    let mut lines: Vec<String> = Vec::new();
    for line in text.lines() {
        let (key, indent) = (line.trim_start(), line.len() - line.trim_start().len());
        let of_key = |value: &str| format!("{}{value}", " ".repeat(indent));
        lines.push(match key.split(": ").next() {
            Some("group_wait") => of_key("group_wait: 1s"),
            Some("group_interval") => of_key("group_interval: 1s"),
            Some("repeat_interval") if key.ends_with("1m") => of_key("repeat_interval: 1s"),
            Some("- url") => of_key(&format!("- url: {hook}")),
            Some("mute_time_intervals:" | "- out-of-hours") => continue,
            _ => line.to_owned(),
        });
    }
    lines.join("\n")
}

fn of_receiver(alertmanager: &Alertmanager, receiver: &str) -> Vec<Value> {
    let all = alertmanager.notifications();
    all.into_iter().filter(|notification| notification["receiver"] == receiver).collect()
}

#[tokio::test]
async fn the_routing_that_ships_groups_inhibits_and_hears_the_watchdog() {
    let (counters, target) = Counters::serve().await;
    let alertmanager = Alertmanager::start_with(impatient_routing).await;
    let _daemon = daemon(target, &alertmanager).await;
    wait::until("the watchdog to be heard again and again", PATIENCE, || async {
        (of_receiver(&alertmanager, "watchdog").len() >= 3).then_some(())
    })
    .await;

    let traffic = counters.fail();
    wait::until("both pages in one notification", PATIENCE, || async {
        let pages = of_receiver(&alertmanager, "pager");
        pages.iter().find(|page| page["alerts"].as_array().is_some_and(|all| all.len() == 2)).map(
            |page| {
                assert_eq!(
                    page["groupLabels"],
                    serde_json::json!({"service": "shop", "region": "eu"})
                )
            },
        )
    })
    .await;
    wait::until("the tickets to be inhibited by their pages", PATIENCE, || async {
        let alerts = alertmanager.alerts().await;
        let mut tickets =
            alerts.iter().filter(|alert| alert["labels"]["alertname"] == "SloTicket").peekable();
        tickets.peek()?;
        let by_page = |ticket: &Value| {
            let by = ticket["status"]["inhibitedBy"].as_array();
            ticket["status"]["state"] == "suppressed" && by.is_some_and(|by| by.len() == 1)
        };
        tickets.all(by_page).then_some(())
    })
    .await;
    assert_eq!(of_receiver(&alertmanager, "tickets"), [Value::Null; 0], "a page says it already");

    traffic.abort();
    // The budget of a minute stays spent when the pages are over.
    wait::until("the tickets, once the pages are over", PATIENCE, || async {
        let tickets = of_receiver(&alertmanager, "tickets");
        tickets.iter().any(|ticket| ticket["status"] == "firing").then_some(())
    })
    .await;
    for slo in ["calls", "successes"] {
        assert_eq!(told(&alertmanager, "SloPage", slo, "resolved"), 1, "{slo}");
    }
}
