//! The same `metric_relabel_configs` on the same target: the daemon reads exactly the series that a
//! real Prometheus stores.

#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, reason = "tests")]

use axum::Router;
use axum::routing::get;
use plimsoll_tests::plimsoll::Daemon;
use plimsoll_tests::prometheus::{Make, Prometheus};
use plimsoll_tests::{peers, scratch, wait, write};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(60);

/// What a target exposes: labels that clash with the target's own, empty ones, buckets, and names and
/// values that rules take apart.
const EXPOSED: &str = r#"
requests_total{code="200",path="/a/b",pod_id="x1",app_team="pay"} 1
requests_total{code="200",path="/a/c",pod_id="x2",app_team=""} 2
requests_total{code="503",path="/",pod_id="x1",job="inner",instance="own"} 3
old_jobs_total{kind="batch",zone="eu-west"} 4
old_total{zone="us"} 5
debug_total{code="200"} 6
took_seconds_bucket{le="0.5",code="200"} 7
took_seconds_bucket{le="+Inf",code="200"} 8
plain_total 9
"#;

/// Each is one `metric_relabel_configs`.
const CONFIGS: [&str; 7] = [
    "[]",
    "[{source_labels: [__name__], regex: 'debug_.*', action: drop}, \
     {source_labels: [__name__], regex: 'old_(.*)', target_label: __name__, replacement: 'new_${1}'}, \
     {regex: 'pod_.*', action: labeldrop}, {regex: 'app_(.+)', action: labelmap}]",
    "[{source_labels: [code, path], separator: '|', regex: '2..[|]/a/(.)', target_label: leaf, replacement: '<$1>'}, \
     {source_labels: [path], regex: '/', target_label: path, replacement: ''}, \
     {source_labels: [nowhere], regex: '', target_label: stamp, replacement: all}]",
    "[{source_labels: [__name__, code], regex: 'requests_total;(200|404)', action: keep}]",
    "[{regex: '__name__|code|le|job', action: labelkeep}]",
    "[{source_labels: [zone], regex: '(..)(-.*)?', target_label: instance, replacement: '$1'}, \
     {source_labels: [exported_job], regex: '(.+)', target_label: job, replacement: 'was-$1'}]",
    // What two series become is one.
    "[{regex: 'path|pod_id|app_team', action: labeldrop}, {source_labels: [kind], regex: batch, action: Drop}]",
];

/// The labels that any of these series may have.
const LABELS: [&str; 16] = [
    "app_team",
    "code",
    "exported_instance",
    "exported_job",
    "instance",
    "job",
    "kind",
    "leaf",
    "le",
    "path",
    "pod_id",
    "stamp",
    "team",
    "zone",
    "id",
    "x",
];

type Sets = BTreeSet<BTreeMap<String, String>>;

async fn target() -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("its address").to_string();
    let router = Router::new().route("/metrics", get(|| async { EXPOSED }));
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

/// Returns the series that Prometheus has, by name.
async fn stored(prometheus: &Prometheus) -> BTreeMap<String, Sets> {
    let found = prometheus.query("{__name__=~'.+',__name__!~'up|scrape_.*'}").await;
    let mut stored: BTreeMap<String, Sets> = BTreeMap::new();
    for series in found {
        let labels = series["metric"].as_object().expect("labels").clone();
        let mut labels: BTreeMap<String, String> = labels
            .into_iter()
            .map(|(name, value)| (name, value.as_str().expect("text").to_owned()))
            .collect();
        let name = labels.remove("__name__").expect("a name");
        stored.entry(name).or_default().insert(labels);
    }
    stored
}

/// Returns the label sets that the daemon counts of each name: one SLO for each, split by every label.
async fn counted(config: &str, address: &str, names: &BTreeSet<String>) -> BTreeMap<String, Sets> {
    let folder = scratch();
    let slo = |name: &String| {
        format!(
            "  - {{name: {}, objective: 99%, window: 1h, by: [{}], sli: {{events: {{total: {name}, bad: never}}}}}}\n",
            name.replace('_', "-"),
            LABELS.join(", ")
        )
    };
    let slos: String = names.iter().map(slo).collect();
    write(folder.path(), "slo.yml", &format!("apiVersion: plimsoll/v1\nservice: s\nslos:\n{slos}"));
    let text = format!(
        "slo_files: [slo.yml]\nscrape_configs: [{{job_name: relabelled, static_configs: \
         [{{targets: ['{address}']}}], metric_relabel_configs: {config}}}]\n"
    );
    write(folder.path(), "plimsoll.yml", &text);
    let daemon = Daemon::serve(folder).await;
    wait::until("a scrape", PATIENCE, || async {
        let targets = daemon.get("/api/v1/targets").await;
        (targets["targets"][0]["state"] == "up").then_some(())
    })
    .await;
    let mut counted: BTreeMap<String, Sets> = BTreeMap::new();
    let list = daemon.get("/api/v1/slos").await;
    for slo in list["slos"].as_array().expect("slos") {
        let group = slo["group"].as_object().expect("a group").clone();
        let group =
            group.into_iter().map(|(name, value)| (name, value.as_str().unwrap().to_owned()));
        let group = group.filter(|(_, value)| !value.is_empty()).collect();
        let name = slo["slo"].as_str().expect("a name").replace('-', "_");
        counted.entry(name).or_default().insert(group);
    }
    counted
}

async fn agree(program: &Path) {
    let address = target().await;
    for config in CONFIGS {
        let more = format!(", metric_relabel_configs: {config}");
        let make = Make { program, scrape: &more, ..Make::default() };
        let prometheus = Prometheus::start_as(make, &[("relabelled", &address)], &[]).await;
        let stored = wait::until("a scrape", PATIENCE, || async {
            Some(stored(&prometheus).await).filter(|stored| !stored.is_empty())
        })
        .await;
        let exposed = EXPOSED.lines().filter_map(|line| line.split(['{', ' ']).next());
        let exposed = exposed.filter(|name| !name.is_empty()).map(str::to_owned);
        let names: BTreeSet<String> = stored.keys().cloned().chain(exposed).collect();
        assert_eq!(counted(config, &address, &names).await, stored, "{config}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_daemon_reads_what_debian_s_prometheus_stores() {
    agree(Path::new("prometheus")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_daemon_reads_what_prometheus_3_stores() {
    let Some(program) = peers::prometheus() else { return };
    agree(&program).await;
}
