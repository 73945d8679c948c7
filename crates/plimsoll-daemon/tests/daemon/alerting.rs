//! A fault pages, at least once, and a restart forgets nothing.

use crate::sink::Sink;
use crate::target::{Manner, Target};
use crate::world::{Folder, Running, config, slos};
use serde_json::Value;
use std::sync::atomic::Ordering;

const HOOK_SECRET: &str = "a shared secret";

fn is_page(alert: &Value) -> bool {
    alert["labels"]["alertname"] == "SloPage"
}

/// Waits until the page is resolved, and returns when that was.
async fn resolved_at(daemon: &Running) -> String {
    let page = |list: &Value| -> Option<String> {
        let mut alerts = list["alerts"].as_array()?.iter();
        let is_over = |alert: &&Value| is_page(alert) && alert["state"] == "resolved";
        Some(alerts.find(is_over)?["resolved_at"].as_str()?.to_owned())
    };
    let list = daemon.until("/api/v1/alerts", |list| page(list).is_some()).await;
    page(&list).expect("it was there")
}

async fn page_world(folder: &Folder, target: &Target) -> (Sink, Sink) {
    let alertmanager = Sink::start("/am/api/v2/alerts").await;
    let webhook = Sink::start("/hook").await;
    folder.write("secret", &format!("{HOOK_SECRET}\n"));
    folder.write("slo.yml", &slos(&["checkout"]));
    let more = format!(
        "alerting:\n  alertmanagers: [{{static_configs: [{{targets: ['{}']}}], path_prefix: /am}}]\n  \
         webhooks: [{{url: 'http://{}/hook', secret_file: secret}}]\n\
         external_url: https://slo.test/\n",
        alertmanager.address, webhook.address
    );
    folder.write("plimsoll.yml", &config(&[("checkout", target.address)], &more));
    (alertmanager, webhook)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fault_pages_with_labels_and_links_and_is_resolved() {
    let (folder, target) = (Folder::new(), Target::start(Manner::Good).await);
    let (alertmanager, webhook) = page_world(&folder, &target).await;
    let daemon = Running::start(folder.config());
    let (watchdog, _) =
        alertmanager.alert(|alert| alert["labels"]["alertname"] == "PlimsollWatchdog").await;
    assert_eq!(watchdog["labels"]["severity"], "none");
    let path = "/api/v1/slos/shop%2Fcheckout";
    daemon.until(path, |slo| slo["counts"]["good"].as_u64() > Some(500)).await;
    assert_eq!(daemon.json("/api/v1/alerts").await["alerts"], Value::Array(vec![]), "calm");

    target.failing.store(true, Ordering::SeqCst);
    let (page, _) = alertmanager.alert(is_page).await;
    let labels = serde_json::json!({
        "alertname": "SloPage", "severity": "page", "service": "shop", "slo": "checkout",
        "team": "payments", "channel": "oncall", "region": "eu",
    });
    assert_eq!(page["labels"], labels);
    assert_eq!(page["annotations"]["runbook_url"], "https://runbooks.test/checkout");
    assert_eq!(page["generatorURL"], "https://slo.test/#/slo/shop%2Fcheckout");
    assert!(page["annotations"]["summary"].as_str().expect("text").starts_with("shop/checkout "));
    let slo = daemon.slo("shop/checkout").await;
    assert_eq!(slo["state"], "page");
    assert_eq!(slo["alerts"][0]["since"], page["startsAt"]);

    target.failing.store(false, Ordering::SeqCst);
    let resolved_at = resolved_at(&daemon).await;
    // A page that is repeated while it fires has a new end each time, none of which is this one.
    let is_over = |alert: &Value| is_page(alert) && alert["endsAt"] == *resolved_at;
    let (over, _) = alertmanager.alert(is_over).await;
    assert_eq!(over["startsAt"], page["startsAt"]);

    let (fired, message) = webhook.alert(is_page).await;
    assert_eq!((&fired["status"], &fired["starts_at"]), (&"firing".into(), &page["startsAt"]));
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, HOOK_SECRET.as_bytes());
    let told = message.headers["x-plimsoll-signature-256"].to_str().expect("text");
    let timestamp = message.headers["x-plimsoll-timestamp"].to_str().expect("text");
    let signed = [timestamp.as_bytes(), b".", &message.body].concat();
    let tag: String =
        ring::hmac::sign(&key, &signed).as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(told, format!("sha256={tag}"));
    let (resolved, _) =
        webhook.alert(|alert| alert["status"] == "resolved" && is_page(alert)).await;
    assert_eq!(resolved["ends_at"], over["endsAt"]);
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sink_that_was_away_hears_of_it_later() {
    let (folder, target) = (Folder::new(), Target::start(Manner::Good).await);
    let (alertmanager, _webhook) = page_world(&folder, &target).await;
    alertmanager.broken.store(true, Ordering::SeqCst);
    let daemon = Running::start(folder.config());
    let path = "/api/v1/slos/shop%2Fcheckout";
    daemon.until(path, |slo| slo["counts"]["good"].as_u64() > Some(100)).await;
    target.failing.store(true, Ordering::SeqCst);
    daemon.until(path, |slo| slo["state"] == "page").await;
    let metrics = daemon.get("/metrics").await.text().await.expect("text");
    assert!(
        metrics.contains(r#"plimsoll_notifications_total{result="failed",sink="alertmanager"}"#),
        "{metrics}"
    );
    alertmanager.broken.store(false, Ordering::SeqCst);
    alertmanager.alert(is_page).await;
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_forgets_no_budget_and_no_start() {
    let (folder, target) = (Folder::new(), Target::start(Manner::Good).await);
    let (alertmanager, _webhook) = page_world(&folder, &target).await;
    let daemon = Running::start(folder.config());
    let path = "/api/v1/slos/shop%2Fcheckout";
    daemon.until(path, |slo| slo["counts"]["good"].as_u64() > Some(500)).await;
    target.failing.store(true, Ordering::SeqCst);
    let (page, _) = alertmanager.alert(is_page).await;
    daemon.on_disk().await;
    daemon.kill().await;

    let daemon = Running::start(folder.config());
    let (again, _) = alertmanager.alert(is_page).await;
    assert_eq!(again["startsAt"], page["startsAt"], "told again, and it is the same");
    // The counters went on while the daemon was down, and the process behind them is the same: not
    // one event is lost, and none is counted twice.
    target.failing.store(false, Ordering::SeqCst);
    let total = target.total.load(Ordering::SeqCst);
    let is_whole = |slo: &Value| {
        let count = |key: &str| slo["counts"][key].as_u64().expect("a count");
        // An answer that was under way may have been bad still.
        let bad = target.bad.load(Ordering::SeqCst);
        assert!(count("bad") <= bad, "more than {bad}: {slo:#}");
        count("good") + count("bad") >= total && count("bad") == bad
    };
    daemon.until(path, is_whole).await;
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_group_has_an_alert_and_series_of_its_own() {
    let (folder, one, two) =
        (Folder::new(), Target::start(Manner::Good).await, Target::start(Manner::Good).await);
    let alertmanager = Sink::start("/api/v2/alerts").await;
    let split = slos(&["checkout"]).replace("job=\"checkout\"", "job=~\".+\"");
    folder
        .write("slo.yml", &split.replace("    window: 1h\n", "    window: 1h\n    by: [window]\n"));
    let more = format!(
        "alerting: {{alertmanagers: [{{static_configs: [{{targets: ['{}']}}]}}]}}\n",
        alertmanager.address
    );
    let text = config(&[("one", one.address), ("two", two.address)], &more);
    let labelled = text
        .replace(
            &format!("['{}']", one.address),
            &format!("['{}'], labels: {{window: a}}", one.address),
        )
        .replace(
            &format!("['{}']", two.address),
            &format!("['{}'], labels: {{window: b}}", two.address),
        );
    folder.write("plimsoll.yml", &labelled);
    let daemon = Running::start(folder.config());
    let both = |list: &Value| list["slos"].as_array().map(Vec::len) == Some(2);
    let list = daemon.until("/api/v1/slos", both).await;
    let ids: Vec<&Value> =
        list["slos"].as_array().expect("slos").iter().map(|slo| &slo["id"]).collect();
    assert!(ids.contains(&&"shop/checkout{window=\"b\"}".into()), "{ids:?}");
    two.failing.store(true, Ordering::SeqCst);
    let (page, _) = alertmanager.alert(is_page).await;
    assert_eq!(page["labels"]["exported_window"], "b");
    assert_eq!(page["labels"]["service"], "shop");
    let path = "/api/v1/slos/shop%2Fcheckout%7Bwindow%3D%22a%22%7D";
    assert_eq!(daemon.json(path).await["state"], "ok", "the other group is well");
    let metrics = daemon.get("/metrics").await.text().await.expect("text");
    let series: Vec<&str> =
        metrics.lines().filter(|line| line.starts_with("plimsoll_slo_objective_ratio{")).collect();
    assert_eq!(series.len(), 2, "{series:?}");
    assert_ne!(series[0], series[1]);
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_resolved_while_a_sink_was_away_is_told_after_a_crash_too() {
    let (folder, target) = (Folder::new(), Target::start(Manner::Good).await);
    let (_alertmanager, webhook) = page_world(&folder, &target).await;
    let daemon = Running::start(folder.config());
    let path = "/api/v1/slos/shop%2Fcheckout";
    daemon.until(path, |slo| slo["counts"]["good"].as_u64() > Some(500)).await;
    target.failing.store(true, Ordering::SeqCst);
    let (page, _) = webhook.alert(is_page).await;
    webhook.broken.store(true, Ordering::SeqCst);
    target.failing.store(false, Ordering::SeqCst);
    let over = resolved_at(&daemon).await;
    daemon.on_disk().await;
    daemon.kill().await;

    let daemon = Running::start(folder.config());
    webhook.broken.store(false, Ordering::SeqCst);
    let (resolved, _) =
        webhook.alert(|alert| alert["status"] == "resolved" && is_page(alert)).await;
    assert_eq!((&resolved["starts_at"], &resolved["ends_at"]), (&page["starts_at"], &over.into()));
    daemon.stop().await;
}
