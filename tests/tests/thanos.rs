//! Past one machine: the same SLO file on a real Thanos, whose ruler has the generated rules, says what
//! the daemon says; and with a third of the series gone it says nothing rather than something wrong.

#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, reason = "tests")]

use plimsoll_tests::plimsoll::{Daemon, binary};
use plimsoll_tests::prometheus::{Make, Prometheus};
use plimsoll_tests::thanos::Thanos;
use plimsoll_tests::traffic::Traffic;
use plimsoll_tests::{peers, scratch, wait, write};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(30);

const SLOS: &str = "apiVersion: plimsoll/v1\nservice: shop\nslos:\n  - name: api\n    objective: 90%\n    \
    window: 1m\n    sli: {events: {total: requests_total, bad: 'requests_total{code=\"500\"}'}}\n    \
    alerting: {policy: quick, no_data_after: 30s}\npolicies:\n  quick:\n    \
    - {severity: page, burn: 2, long: 12s, short: 6s}\n";

/// The same promise, counted by the querier for the daemon.
const SLO_ON_THANOS: &str = "apiVersion: plimsoll/v1\nservice: shop\nslos:\n  - name: api-on-thanos\n    \
    objective: 90%\n    window: 1m\n    backend: prometheus\n    \
    sli: {events: {total: requests_total, bad: 'requests_total{code=\"500\"}'}}\n    \
    alerting: {policy: quick, no_data_after: 30s}\npolicies:\n  quick:\n    \
    - {severity: page, burn: 2, long: 12s, short: 6s}\n";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thanos_gives_the_daemon_s_verdict_or_none() {
    let Some(program) = peers::thanos() else { return };
    let folder = scratch();
    let slos = write(folder.path(), "slos/shop.yaml", SLOS);
    let rules = write(folder.path(), "rules.yaml", &rules_of(&slos));
    let thanos_folder = scratch();
    let mut thanos = Thanos::start(&program, thanos_folder.path(), &rules).await;

    let mut traffic = Traffic::start(3, 7).await;
    let jobs = ["shop0", "shop1", "shop2"];
    let targets: Vec<(&str, &str)> =
        jobs.into_iter().zip(traffic.addresses.iter().map(String::as_str)).collect();
    let config = format!(
        "remote_write: [{{url: '{}', queue_config: {{batch_send_deadline: 200ms}}}}]\n",
        thanos.write_url
    );
    let make = Make { config: &config, ..Make::default() };
    let _prometheus = Prometheus::start_as(make, &targets, &[]).await;
    write(folder.path(), "slos/thanos.yaml", SLO_ON_THANOS);
    write(folder.path(), "plimsoll.yml", &asking(&thanos.query_url, &targets));
    let daemon = Daemon::serve(folder).await;

    traffic.pass(Duration::from_secs(20), 0, false).await;
    assert_eq!(thanos.alert("SloPage").await, None, "all was well");
    assert!(daemon.alert("api", "page").await.is_none(), "all was well");
    let seen = thanos.query("slo:events:increase{window=\"12s\"} > 0").await.expect("whole");
    assert_eq!(seen.len(), 1, "the ruler counts: {seen:?}");

    traffic.pass(Duration::from_secs(15), 60, false).await;
    let page = || async { thanos.alert("SloPage").await.filter(|state| state == "firing") };
    wait::until("the ruler to page", PATIENCE, page).await;
    daemon.await_alert("api", "page", "firing", PATIENCE).await;
    daemon.await_alert("api-on-thanos", "page", "firing", PATIENCE).await;

    thanos.kill_a_receiver();
    let refused = || async { thanos.query("sum(requests_total)").await.err() };
    let said = wait::until("the querier to miss a part", PATIENCE, refused).await;
    assert!(!said.is_empty());
    // All is well again, but a third of it can't be seen: the page stands.
    traffic.pass(Duration::from_secs(20), 0, false).await;
    assert_eq!(thanos.alert("SloPage").await.as_deref(), Some("firing"), "blind, so not resolved");
    daemon.await_alert("api", "page", "resolved", PATIENCE).await;
    let blind = daemon.slo("api-on-thanos").await.expect("the SLO");
    let nothing = serde_json::json!({"low": null, "high": null});
    assert_eq!((&blind["burn"]["6s"], &blind["ratio"]), (&nothing, &nothing), "{blind:#}");
    assert!(blind["blind"].to_string().contains("Unavailable"), "{blind:#}");
    assert_eq!(blind["state"], "page", "going blind resolves nothing: {blind:#}");
}

/// Returns the rules that the ruler evaluates.
fn rules_of(slos: &Path) -> String {
    let output = Command::new(binary())
        .args(["rules", "--scrape-interval", "1s"])
        .arg(slos)
        .output()
        .expect("plimsoll runs");
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// Returns the configuration of a daemon that scrapes the targets, and asks the querier as well.
fn asking(querier: &str, targets: &[(&str, &str)]) -> String {
    let scraped: Vec<String> = targets
        .iter()
        .map(|(job, address)| {
            format!("{{job_name: {job}, static_configs: [{{targets: ['{address}']}}]}}")
        })
        .collect();
    format!(
        "global: {{scrape_interval: 1s, scrape_timeout: 1s}}\nscrape_configs: [{}]\n\
         slo_files: ['slos/*.yaml']\nbackends: {{prometheus: {{url: '{querier}', interval: 1s}}}}\n",
        scraped.join(", "),
    )
}
