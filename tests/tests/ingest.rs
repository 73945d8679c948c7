//! Real Prometheus servers take every format that is written, and agree with what was observed.

#![allow(clippy::expect_used, clippy::unwrap_used, clippy::disallowed_methods, reason = "tests")]

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::{Router, response::IntoResponse, routing::get};
use plimsoll_exposition::{Encoding, Format, encode};
use plimsoll_model::{
    Bucket, Detail, Details, Exemplar, Exponential, Family, FamilyKind, HistogramValue, Kind,
    Labels, Series, Signal, Snapshot, TraceContext, Value,
};
use plimsoll_record::{HistogramSpec, Registry, exemplar};
use plimsoll_runtime::admin::{self, Admin};
use plimsoll_runtime::ready::Readiness;
use plimsoll_tests::prometheus::{Make, Prometheus, check_metrics};
use plimsoll_tests::{peers, wait};
use std::cell::Cell;
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(60);

/// What was observed, in seconds: on edges, beside edges, none, and beyond the last edge.
const WAITS: [f64; 11] = [0.0, 0.0, 3e-9, 0.004, 0.005, 0.0051, 0.25, 0.3, 0.3, 2.0, 17.0];

/// The edges of the classic histogram.
const EDGES: [f64; 3] = [0.005, 0.25, 1.0];

/// Which of the observations have a trace, and that trace's first byte.
const TRACED: [(f64, u8); 3] = [(0.004, 0xa1), (0.3, 0xb2), (17.0, 0xc3)];

fn family(name: &'static str, kind: FamilyKind, value: Value) -> Family {
    let labels = Labels::new([("shop", "a\"b\\c")]).expect("valid");
    let unit = name.ends_with("_seconds").then_some("seconds");
    let series = vec![Series { labels, value }];
    Family { name: name.into(), help: "What it is.".into(), unit, kind, series }
}

fn snapshot() -> Snapshot {
    let (mut buckets, mut below) = (Vec::new(), f64::NEG_INFINITY);
    for le in EDGES {
        let count = WAITS.iter().filter(|wait| **wait > below && **wait <= le).count() as u64;
        buckets.push(Bucket { le, count });
        below = le;
    }
    let above = WAITS.iter().filter(|wait| **wait > below).count() as u64;
    let waits = HistogramValue { buckets, above, sum: WAITS.iter().sum() };
    Snapshot {
        families: vec![
            family("orders", FamilyKind::Counter, Value::Count(41)),
            family("busy_seconds", FamilyKind::Counter, Value::SecondsNs(12_500_000_000)),
            family("depth", FamilyKind::Gauge, Value::Gauge(-1.5)),
            family("wait_seconds", FamilyKind::Histogram, Value::Histogram(waits)),
        ],
    }
}

fn details(unix_ns: u64) -> Details {
    let mut counts = BTreeMap::new();
    for wait in WAITS.iter().filter(|wait| **wait > 0.0) {
        *counts.entry((wait.log2() * 8.0).ceil() as i32).or_insert(0) += 1;
    }
    let zero = WAITS.iter().filter(|wait| **wait == 0.0).count() as u64;
    let exponential = Some(Exponential { zero, buckets: counts.into_iter().collect() });
    let exemplars = TRACED
        .map(|(value, first)| Exemplar {
            value,
            unix_ns,
            trace: TraceContext { trace_id: [first; 16], span_id: [first; 8] },
        })
        .to_vec();
    let labels = Labels::new([("shop", "a\"b\\c")]).expect("valid");
    let mut details = Details::default();
    details.insert("wait_seconds".into(), labels, Detail { exponential, exemplars });
    details
}

/// Exposes the same for ever, in one encoding; returns its address.
async fn exposed(encoding: Encoding) -> String {
    async fn answer(State((encoding, unix_ns)): State<(Encoding, u64)>) -> impl IntoResponse {
        let body = encode::detailed(encoding, &snapshot(), &details(unix_ns));
        ([(CONTENT_TYPE, encoding.content_type())], body)
    }
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let unix_ns = now.expect("after 1970").as_nanos() as u64;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("its address").to_string();
    let router = Router::new().route("/metrics", get(answer)).with_state((encoding, unix_ns));
    // It ends with the test's runtime.
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

fn number(series: &serde_json::Value) -> f64 {
    series["value"][1].as_str().expect("a number").parse().expect("a number")
}

async fn one(prometheus: &Prometheus, expression: &str) -> f64 {
    let found = wait::until(expression, PATIENCE, || async {
        prometheus.query(expression).await.first().cloned()
    })
    .await;
    number(&found)
}

/// A recorder adds nanoseconds up, which the sum of seconds isn't to the last bit.
fn is_the_sum(sum: f64) {
    assert!((sum / WAITS.iter().sum::<f64>() - 1.0).abs() < 1e-12, "{sum}");
}

async fn agrees_on_numbers(prometheus: &Prometheus) {
    assert_eq!(one(prometheus, r#"orders_total{shop="a\"b\\c"}"#).await, 41.0);
    assert_eq!(one(prometheus, "busy_seconds_total").await, 12.5);
    assert_eq!(one(prometheus, "depth").await, -1.5);
}

async fn agrees_on_classic_buckets(prometheus: &Prometheus) {
    for le in EDGES {
        let within = WAITS.iter().filter(|wait| **wait <= le).count() as f64;
        // The text of a whole bound differs between the formats.
        let expression = format!("wait_seconds_bucket{{le=~\"{le}|{le:.1}\"}}");
        assert_eq!(one(prometheus, &expression).await, within, "{expression}");
    }
    let all = WAITS.len() as f64;
    assert_eq!(one(prometheus, r#"wait_seconds_bucket{le="+Inf"}"#).await, all);
    assert_eq!(one(prometheus, "wait_seconds_count").await, all);
    is_the_sum(one(prometheus, "wait_seconds_sum").await);
}

/// Every bucket that Prometheus shows holds what was observed between the bounds that it names.
async fn agrees_on_native_buckets(prometheus: &Prometheus) {
    let found = wait::until("a native histogram", PATIENCE, || async {
        let found = prometheus.query("wait_seconds").await;
        found.into_iter().find(|series| series["histogram"].is_array())
    })
    .await;
    let histogram = &found["histogram"][1];
    assert_eq!(histogram["count"], WAITS.len().to_string());
    let sum: f64 = histogram["sum"].as_str().expect("a sum").parse().expect("a number");
    is_the_sum(sum);
    let buckets = histogram["buckets"].as_array().expect("buckets");
    let mut seen = 0;
    for bucket in buckets {
        let of = |at: usize| bucket[at].as_str().expect("text").parse::<f64>().expect("a number");
        let (low, high, count) = (of(1), of(2), of(3) as usize);
        let inside = |wait: &&f64| match bucket[0].as_u64() {
            Some(0) => **wait > low && **wait <= high,
            Some(3) => **wait >= low && **wait <= high,
            other => panic!("a bucket with the bounds' rule {other:?}"),
        };
        assert_eq!(WAITS.iter().filter(inside).count(), count, "{low} to {high}");
        assert!(low <= 0.0 || high / low < 1.091, "{low} to {high} is wider than schema 3");
        seen += count;
    }
    assert_eq!(seen, WAITS.len());
}

async fn agrees_on_exemplars(prometheus: &Prometheus, traced: &[(f64, u8)]) {
    let found = wait::until("the exemplars", PATIENCE, || async {
        let found = prometheus.exemplars(r#"{__name__=~"wait_seconds(_bucket)?"}"#).await;
        (found.len() >= traced.len()).then_some(found)
    })
    .await;
    for (value, first) in traced {
        let trace_id = format!("{first:02x}").repeat(16);
        let is_it = |(labels, shown): &(serde_json::Value, String)| {
            labels["trace_id"] == *trace_id && shown.parse() == Ok(*value)
        };
        assert!(found.iter().any(is_it), "{value} in {trace_id}: {found:?}");
    }
}

const NATIVE: &str = "--enable-feature=native-histograms,exemplar-storage";
const CLASSIC: &str = "--enable-feature=exemplar-storage";

async fn take(program: &Path, argument: &str, scrape: &str, encoding: Encoding) -> Prometheus {
    let target = exposed(encoding).await;
    let make = Make { program, arguments: &[argument], scrape, ..Make::default() };
    Prometheus::start_as(make, &[("service", &target)], &[]).await
}

async fn takes_the_texts(program: &Path) {
    for format in [Format::Text, Format::OpenMetrics] {
        let prometheus = take(program, CLASSIC, "", Encoding::Text(format)).await;
        agrees_on_numbers(&prometheus).await;
        agrees_on_classic_buckets(&prometheus).await;
        if format == Format::OpenMetrics {
            agrees_on_exemplars(&prometheus, &TRACED).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn prometheus_2_42_takes_both_texts() {
    takes_the_texts(Path::new("prometheus")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn prometheus_2_42_takes_native_histograms() {
    let prometheus = take(Path::new("prometheus"), NATIVE, "", Encoding::Protobuf).await;
    agrees_on_numbers(&prometheus).await;
    agrees_on_native_buckets(&prometheus).await;
    // It takes no more than one of each native histogram.
    agrees_on_exemplars(&prometheus, &TRACED[..1]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn prometheus_3_15_takes_both_texts() {
    let Some(program) = peers::prometheus() else { return };
    takes_the_texts(&program).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn prometheus_3_15_takes_native_histograms_beside_classic_ones() {
    let Some(program) = peers::prometheus() else { return };
    let both = ", scrape_native_histograms: true, always_scrape_classic_histograms: true";
    let prometheus = take(&program, CLASSIC, both, Encoding::Protobuf).await;
    agrees_on_numbers(&prometheus).await;
    agrees_on_classic_buckets(&prometheus).await;
    agrees_on_native_buckets(&prometheus).await;
    agrees_on_exemplars(&prometheus, &TRACED).await;
}

const fn signal(name: &'static str, unit: &'static str, kind: Kind) -> Signal {
    Signal { otel_name: name, unit, name, kind, labels: &["shop"], help: "What it is." }
}

static ORDERS: Signal = signal("orders", "{order}", Kind::Counter);
static BUSY: Signal = signal("busy_seconds", "s", Kind::Counter);
static DEPTH: Signal = signal("depth", "{message}", Kind::Gauge);
static WAIT: Signal = signal("wait_seconds", "s", Kind::Histogram);

thread_local! {
    /// The first byte of the trace that this thread works for.
    static TRACE: Cell<Option<u8>> = const { Cell::new(None) };
}

/// Records the same in a registry, and serves it as a service does.
fn live() -> Admin {
    exemplar::trace_by(|| {
        let first = TRACE.get()?;
        Some(TraceContext { trace_id: [first; 16], span_id: [first; 8] })
    });
    let registry = Registry::new();
    let labels = || Labels::new([("shop", "a\"b\\c")]).expect("valid");
    registry.counter(&ORDERS, labels()).expect("registers").add(41);
    registry.counter(&BUSY, labels()).expect("registers").add(12_500_000_000);
    registry.gauge(&DEPTH, labels()).expect("registers").set(-1.5);
    let edges = EDGES.map(|edge| (edge * 1e9) as u64);
    let spec = HistogramSpec::new(&WAIT, labels()).edges(&edges);
    let waits = registry.histogram(spec).expect("registers");
    for wait in WAITS {
        // They ascend, so that each is the longest so far and its trace is asked for.
        TRACE.set(TRACED.iter().find(|(of, _)| *of == wait).map(|(_, first)| *first));
        waits.observe((wait * 1e9).round() as u64);
    }
    admin::spawn(([127, 0, 0, 1], 0).into(), registry, Readiness::new()).expect("a free port")
}

/// Has a server scrape the live service, in the format that the two agree on.
async fn scrapes(program: &Path, argument: &str, scrape: &str, admin: &Admin) -> Prometheus {
    let make = Make { program, arguments: &[argument], scrape, ..Make::default() };
    Prometheus::start_as(make, &[("service", &admin.address().to_string())], &[]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_live_recorder_agrees_with_what_prometheus_scrapes_from_it() {
    let admin = live();
    let prometheus = scrapes(Path::new("prometheus"), NATIVE, "", &admin).await;
    agrees_on_numbers(&prometheus).await;
    agrees_on_native_buckets(&prometheus).await;
    let text = reqwest::get(format!("http://{}/metrics", admin.address())).await.expect("served");
    let text = text.text().await.expect("text");
    check_metrics(Path::new("promtool"), &text);

    let (Some(program), Some(promtool)) = (peers::prometheus(), peers::promtool()) else { return };
    let both = ", scrape_native_histograms: true, always_scrape_classic_histograms: true";
    let prometheus = scrapes(&program, CLASSIC, both, &admin).await;
    agrees_on_numbers(&prometheus).await;
    agrees_on_classic_buckets(&prometheus).await;
    agrees_on_native_buckets(&prometheus).await;
    agrees_on_exemplars(&prometheus, &TRACED).await;
    check_metrics(&promtool, &text);
}
