//! What targets push, and what else arrives there.

use crate::remote_write::{Sample, TimeSeries, WriteRequest};
use crate::world::{Folder, Running, slos};
use prost::Message;
use serde_json::{Value, json};
use std::time::{SystemTime, UNIX_EPOCH};

const SLO: &str = "/api/v1/slos/shop%2Fcheckout";

#[allow(clippy::disallowed_methods, reason = "a sender has a clock of its own")]
fn now_ms() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    i64::try_from(now.as_millis()).expect("it fits")
}

fn start(folder: &Folder, more: &str) -> Running {
    folder.write("slo.yml", &slos(&["checkout"]));
    let text = format!(
        "listen: 127.0.0.1:0\ndata_dir: state\nslo_files: ['slo*.yml']\n\
         push_configs: [{{job_name: checkout, expect_every: 200ms}}]\n{more}"
    );
    folder.write("plimsoll.yml", &text);
    Running::start(folder.config())
}

/// A body of these series of one target at one time.
fn body(series_of: &[(&str, f64)], at_ms: i64) -> Vec<u8> {
    let series = |(name, value): &(&str, f64)| {
        let labels = [("__name__", *name), ("instance", "a:1"), ("job", "checkout")];
        TimeSeries::new(&labels, vec![Sample::new(*value, at_ms)])
    };
    WriteRequest { timeseries: series_of.iter().map(series).collect() }.encode_to_vec()
}

fn snappy(body: &[u8]) -> Vec<u8> {
    snap::raw::Encoder::new().compress_vec(body).expect("it fits")
}

async fn write(daemon: &Running, body: Vec<u8>) -> reqwest::Response {
    let post = daemon.post("/api/v1/write").header("content-type", "application/x-protobuf");
    let post = post.header("content-encoding", "snappy").body(body);
    post.send().await.expect("an answer")
}

async fn targets(daemon: &Running) -> Value {
    daemon.json("/api/v1/targets").await["targets"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn remote_write_counts_what_the_counters_say() {
    let folder = Folder::new();
    let daemon = start(&folder, "");
    // What began before the daemon watches doesn't count from zero.
    daemon.until(SLO, |slo| slo["slo"] == "checkout").await;
    let start_s = now_ms() as f64 / 1e3;
    let first = now_ms() + 10;
    for step in 0..10_u32 {
        let total = f64::from(step + 1) * 100.0;
        let bad = f64::from(step + 1);
        let at_ms = first + i64::from(step) * 300;
        // Counters of one scrape come in two bodies, and the second in front.
        let failures = body(&[("failures_total", bad)], at_ms);
        assert_eq!(write(&daemon, snappy(&failures)).await.status(), 204);
        let others = [
            ("requests_total", total),
            ("of_no_use", 1.0),
            ("process_start_time_seconds", start_s),
        ];
        assert_eq!(write(&daemon, snappy(&body(&others, at_ms))).await.status(), 204);
    }
    let counts = |slo: &Value| (slo["counts"]["good"].as_u64(), slo["counts"]["bad"].as_u64());
    // The process began while the daemon watched: its first value counts from zero.
    daemon.until(SLO, |slo| counts(slo) == (Some(990), Some(10))).await;
    let list = targets(&daemon).await;
    assert_eq!((&list[0]["job"], &list[0]["instance"]), (&"checkout".into(), &"a:1".into()));
    assert_eq!(list[0]["url"], "remote write");

    // Late, repeated, from another century: refused, counted, and on the page.
    for (at_ms, reason) in [
        (first, "out_of_order"),
        (now_ms() + 3_600_000, "in_future"),
        (now_ms() - 36_000_000, "too_old"),
    ] {
        let late = body(&[("requests_total", 5_000.0)], at_ms);
        assert_eq!(write(&daemon, snappy(&late)).await.status(), 204);
        let path = "/api/v1/targets";
        daemon.until(path, |list| list["targets"][0]["samples_refused"][reason] == 1).await;
    }
    assert_eq!(counts(&daemon.slo("shop/checkout").await), (Some(990), Some(10)));
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_whose_sender_says_it_is_gone_is_expected_no_longer() {
    let folder = Folder::new();
    let daemon = start(&folder, "");
    let up = |up: f64, at_ms| body(&[("requests_total", 5.0), ("up", up)], at_ms);
    assert_eq!(write(&daemon, snappy(&up(1.0, now_ms()))).await.status(), 204);
    daemon.until("/api/v1/targets", |list| list["targets"][0]["instance"] == "a:1").await;
    let stale = f64::from_bits(0x7ff0_0000_0000_0002);
    let gone = body(&[("requests_total", stale), ("up", stale)], now_ms() + 1);
    assert_eq!(write(&daemon, snappy(&gone)).await.status(), 204);
    daemon.until("/api/v1/targets", |list| list["targets"] == json!([])).await;
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rubbish_is_refused_with_the_reason_and_the_rest_goes_on() {
    let folder = Folder::new();
    let daemon = start(&folder, "limits: {body: 1MiB}\n");
    let good = body(&[("requests_total", 5.0)], now_ms());
    let whole = snappy(&good);
    // A snappy head that promises 4 GB, and one that keeps what it promises: 2 MiB of zeros.
    let promise = vec![0xff, 0xff, 0xff, 0xff, 0x0f, 0x00];
    let bomb = snappy(&vec![0; 2 << 20]);
    for (bytes, status, words) in [
        (whole[..whole.len() - 3].to_vec(), 400, "not snappy"),
        (good.clone(), 400, "not snappy"),
        (snappy(b"what is this"), 400, "not a protobuf message"),
        (promise, 413, "longer than 1048576 bytes"),
        (bomb, 413, "longer than 1048576 bytes"),
        (vec![7; (1 << 20) + 1], 413, "longer than 1048576 bytes"),
    ] {
        let answer = write(&daemon, bytes).await;
        assert_eq!(answer.status(), status, "{words}");
        assert_eq!(answer.headers()["content-type"], "application/problem+json");
        let problem: Value = answer.json().await.expect("JSON");
        assert!(problem["detail"].as_str().expect("a detail").contains(words), "{problem}");
    }
    for (path, kind, encoding) in [
        ("/api/v1/write", "application/json", "snappy"),
        ("/api/v1/write", "application/x-protobuf;proto=io.prometheus.write.v9.Request", "snappy"),
        ("/api/v1/write", "application/x-protobuf", "gzip"),
        ("/v1/metrics", "text/plain", "gzip"),
        ("/v1/metrics", "application/json", "zstd"),
    ] {
        let post = daemon.post(path).header("content-type", kind);
        let answer = post.header("content-encoding", encoding).body(whole.clone()).send().await;
        assert_eq!(answer.expect("an answer").status(), 415, "{path} {kind} {encoding}");
    }
    let post = daemon.post("/v1/metrics").header("content-type", "application/json");
    assert_eq!(
        post.body("{\"resourceMetrics\": 7}").send().await.expect("an answer").status(),
        400
    );
    assert_eq!(write(&daemon, whole).await.status(), 204);
    daemon.stop().await;
}

/// OTLP as JSON: so many since the process began.
fn total(all: u64, bad: u64, (start_ms, at_ms): (i64, i64)) -> String {
    let point = |count: u64| {
        json!([{"asInt": count.to_string(), "timeUnixNano": (at_ms * 1_000_000).to_string(),
            "startTimeUnixNano": (start_ms * 1_000_000).to_string()}])
    };
    let sum = |name: &str, count| json!({"name": name, "sum": {"aggregationTemporality": 2, "isMonotonic": true, "dataPoints": point(count)}});
    json!({"resourceMetrics": [{
        "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "checkout"}}]},
        "scopeMetrics": [{"metrics": [sum("requests", all), sum("failures", bad)]}],
    }]})
    .to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_process_counted_while_its_pushes_were_lost_is_known() {
    let folder = Folder::new();
    let daemon = start(&folder, "");
    let send = async |all, bad, times| {
        let post = daemon.post("/v1/metrics").header("content-type", "application/json");
        let answer = post.body(total(all, bad, times)).send().await.expect("an answer");
        assert_eq!(answer.status(), 200);
    };
    let first = now_ms() - 10_000;
    let began = first - 60_000;
    send(1_000, 10, (began, first)).await;
    send(1_100, 12, (began, first + 200)).await;
    // Nothing for forty of its intervals, and the same process goes on.
    send(5_100, 112, (began, first + 8_200)).await;
    send(5_200, 112, (began, first + 8_400)).await;
    // What comes after the last push is unknown; of what was counted nothing is.
    let is_counted = |slo: &Value| {
        let count = |key: &str| slo["counts"][key].as_u64();
        (count("good"), count("bad")) == (Some(4_098), Some(102))
    };
    daemon.until(SLO, is_counted).await;
    daemon.stop().await;
}

/// OTLP as JSON: so much since the point before.
fn delta(bad: u64, at_ms: i64) -> String {
    let point = |count: u64| {
        json!([{"asInt": count.to_string(), "timeUnixNano": (at_ms * 1_000_000).to_string(),
            "startTimeUnixNano": ((at_ms - 1_000) * 1_000_000).to_string()}])
    };
    let sum = |name: &str, count| json!({"name": name, "sum": {"aggregationTemporality": 1, "isMonotonic": true, "dataPoints": point(count)}});
    json!({"resourceMetrics": [{
        "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "checkout"}}]},
        "scopeMetrics": [{"metrics": [sum("requests", 100), sum("failures", bad)]}],
    }]})
    .to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn deltas_are_added_as_they_are_over_a_restart_too() {
    let folder = Folder::new();
    let daemon = start(&folder, "");
    let send = async |daemon: &Running, bad, at_ms| {
        let post = daemon.post("/v1/metrics").header("content-type", "application/json");
        let answer = post.body(delta(bad, at_ms)).send().await.expect("an answer");
        assert_eq!(
            (answer.status().as_u16(), answer.text().await.expect("text")),
            (200, "{}".into())
        );
    };
    let first = now_ms() - 3_000;
    for step in 0..4 {
        send(&daemon, 2, first + step * 1_000).await;
    }
    let counts = |slo: &Value| (slo["counts"]["good"].as_u64(), slo["counts"]["bad"].as_u64());
    daemon.until(SLO, |slo| counts(slo) == (Some(392), Some(8))).await;
    daemon.stop().await;
    let daemon = start(&folder, "");
    for step in 5..7 {
        send(&daemon, 1, first + step * 1_000).await;
    }
    daemon.until(SLO, |slo| counts(slo) == (Some(392 + 198), Some(10))).await;
    daemon.stop().await;
}
