//! The real binary as an amplifier of pages that do as the test says.

use crate::proxy::nginx;
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{CONTENT_TYPE, LOCATION};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use plimsoll_record::clock::now_ns;
use plimsoll_tests::sidecar::Sidecar;
use plimsoll_tests::{free_port, scratch, write};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::time::sleep;

const TEXT: &str = "text/plain; version=0.0.4";

/// What a page is.
#[derive(Clone, Copy)]
enum Page {
    Gauge(u64),
    Markup,
    Elsewhere,
    Huge,
    Slow,
}

impl IntoResponse for Page {
    fn into_response(self) -> Response {
        match self {
            Self::Gauge(busy) => ([(CONTENT_TYPE, TEXT)], format!("busy {busy}\n")).into_response(),
            Self::Markup => ([(CONTENT_TYPE, "text/html")], "<!doctype html>").into_response(),
            Self::Elsewhere => (StatusCode::FOUND, [(LOCATION, "/metrics")]).into_response(),
            Self::Huge | Self::Slow => {
                ([(CONTENT_TYPE, TEXT)], "#".repeat(17 << 20)).into_response()
            }
        }
    }
}

type Shown = Arc<Mutex<Page>>;

async fn page(State(shown): State<Shown>) -> Page {
    let page = *shown.lock().expect("nobody panics");
    if matches!(page, Page::Slow) {
        sleep(Duration::from_secs(5)).await;
    }
    page
}

/// Starts a service with one page, and returns its port.
async fn service(shown: Shown) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("its address").port();
    let router = Router::new().route("/metrics", get(page)).with_state(shown);
    tokio::spawn(async move { axum::serve(listener, router).await });
    port
}

async fn amplifier(port: u16, interval: &str) -> (Sidecar, TempDir) {
    let folder = scratch();
    let config = format!(
        "amplify:\n- {{label: app, url: 'http://127.0.0.1:{port}/metrics', interval: {interval}, \
         deadline: {interval}, gauges: [{{gauge: busy}}]}}\n"
    );
    let config = write(folder.path(), "sidecar.yml", &config).display().to_string();
    let sidecar = Sidecar::start(&["--config", &config]).await;
    sidecar.until_up("app", true).await;
    (sidecar, folder)
}

fn busy(part: &str) -> String {
    format!(r#"concurrency_amplified{part}{{collector="app",gauge="busy"}}"#)
}

#[tokio::test(flavor = "multi_thread")]
async fn bursts_are_seen_within_the_bound_that_is_stated() {
    let interval = Duration::from_millis(100);
    let shown = Arc::new(Mutex::new(Page::Gauge(0)));
    let show = |level| *shown.lock().expect("nobody panics") = Page::Gauge(level);
    let (sidecar, _folder) = amplifier(service(shown.clone()).await, "100ms").await;
    // Each burst has a height of its own, so that the time at each level tells them apart.
    let lengths =
        [4 * interval, 2 * interval, interval / 2, 3 * interval, interval / 5, 2 * interval];
    let (mut bursts, mut level) = (Vec::new(), 1);
    for length in lengths {
        level *= 2;
        let from_ns = now_ns();
        show(level);
        sleep(length).await;
        show(0);
        bursts.push((level, (now_ns() - from_ns) as f64 / 1e9));
        sleep(4 * interval).await;
    }
    sidecar.until("the end of all", |seen| seen.value(&busy("")) == Some(0.0)).await;
    let seen = sidecar.next_round("app").await;
    let unseen_s = seen[r#"concurrency_amplifier_unseen_seconds{collector="app"}"#];
    let unknown_s = seen[r#"concurrency_amplifier_unknown_seconds_total{collector="app"}"#];
    let up_to = |le: u64| {
        let le = le.to_string();
        let labels = [("collector", "app"), ("gauge", "busy"), ("le", &*le)];
        let bucket = seen.get("concurrency_amplified_time_weighted_bucket", &labels);
        bucket.unwrap_or_else(|| panic!("no bucket {le} in {seen:#?}"))
    };
    let (mut highest, mut truth_s, mut off_s) = (0, 0.0, 0.0);
    for (level, length_s) in &bursts {
        let is_seen = up_to(*level) > up_to(level / 2);
        // Two intervals are enough as long as the looks were on time, which the bound says.
        assert!(is_seen || *length_s <= unseen_s, "{level} for {length_s} s, unseen {unseen_s} s");
        highest = if is_seen { *level } else { highest };
        truth_s += *level as f64 * length_s;
        off_s += *level as f64 * unseen_s;
    }
    assert_eq!(seen[&*busy("_peak")], highest as f64);
    let found_s = seen[&*busy("_time_seconds_total")];
    let gaps_s = unknown_s * level as f64;
    assert!((found_s - truth_s).abs() <= off_s + gaps_s, "{found_s} of {truth_s} ± {off_s}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_is_none_says_why_and_comes_back() {
    let shown = Arc::new(Mutex::new(Page::Gauge(1)));
    let (sidecar, _folder) = amplifier(service(shown.clone()).await, "1s").await;
    for (page, why) in [
        (Page::Markup, "its content type is: text/html"),
        (Page::Elsewhere, "answers: 302 Found"),
        (Page::Huge, "can&#39;t be read whole: length limit exceeded"),
        (Page::Slow, "no answer "),
    ] {
        *shown.lock().expect("nobody panics") = page;
        sidecar.until_page(&["down", why]).await;
        let seen = sidecar.until_up("app", false).await;
        assert_eq!(seen.value(&busy("")), None, "{why}");
        *shown.lock().expect("nobody panics") = Page::Gauge(1);
        sidecar.until_up("app", true).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_restarts_goes_on_where_it_was() {
    let (folder, port) = (scratch(), free_port());
    write(folder.path(), "files/metrics", "busy 5\n");
    let mut first = nginx(folder.path(), port);
    let (sidecar, _config) = amplifier(port, "100ms").await;
    let time = busy("_time_seconds_total");
    let before = sidecar.until("some time", |seen| seen.value(&time) > Some(1.0)).await;
    first.kill();
    let away = sidecar.until_up("app", false).await;
    assert_eq!(away.value(&busy("")), None);
    sidecar.until_page(&["takes no connection"]).await;
    // So many looks are longer apart than the two intervals that a level is taken to stand for.
    let failed = r#"concurrency_collector_rounds_total{collector="app",result="failed"}"#;
    let enough = away[failed] + 5.0;
    sidecar.until("looks in vain", |seen| seen.value(failed) >= Some(enough)).await;
    write(folder.path(), "files/metrics", "busy 9\n");
    let _second = nginx(folder.path(), port);
    let after = sidecar.until("nine", |seen| seen.value(&busy("")) == Some(9.0)).await;
    assert!(after[&*time] >= before[&*time], "{} {}", after[&*time], before[&*time]);
    assert_eq!(after[&*busy("_peak")], 9.0);
    let unknown = r#"concurrency_amplifier_unknown_seconds_total{collector="app"}"#;
    assert!(after[unknown] > before[unknown], "nobody knows what it was meanwhile");
}
