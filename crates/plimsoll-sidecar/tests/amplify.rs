//! The amplifier before a page whose gauges do as the test says, and only the test knows when.

#![allow(clippy::expect_used, clippy::unwrap_used)] // a test stops at the first thing that is not as it must be

mod scrape;

use plimsoll_runtime::clock::{Clock, SystemClock};
use plimsoll_runtime::shutdown::{self, Stopper};
use plimsoll_sidecar::{Bound, Config, Sidecar};
use scrape::series;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};

/// After so long something won't happen any more.
const LATE: Duration = Duration::from_secs(20);

/// A page, and the sidecar that reads it.
struct Rig {
    page: Arc<Mutex<String>>,
    bound: Bound,
    _stopper: Stopper,
}

impl Rig {
    async fn start(page: &str, keys: &str) -> Self {
        let page = Arc::new(Mutex::new(page.to_owned()));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        let shown = page.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, shown.clone()));
            }
        });
        let text = format!(
            "listen: 127.0.0.1:0\namplify: [{{label: app, url: 'http://{at}/metrics', {keys}}}]\n"
        );
        let config = Config::parse("sidecar.yml", &text).expect("a good file");
        let (stopper, stop) = shutdown::channel();
        let bound = Sidecar::bind(config, Arc::new(SystemClock::start()), stop).expect("bound");
        Self { page, bound, _stopper: stopper }
    }

    fn show(&self, page: &str) {
        *self.page.lock().unwrap() = page.to_owned();
    }

    async fn until(
        &self,
        what: &str,
        so: impl Fn(&BTreeMap<String, f64>) -> bool,
    ) -> BTreeMap<String, f64> {
        let mut seen = BTreeMap::new();
        let wanted = async {
            loop {
                seen = series(self.bound.address()).await;
                if so(&seen) {
                    return;
                }
                sleep(Duration::from_millis(5)).await;
            }
        };
        let in_time = timeout(LATE, wanted).await;
        assert!(in_time.is_ok(), "{what} in {seen:#?}");
        seen
    }
}

/// Answers every request of a connection with the page as it is then.
async fn serve(mut stream: TcpStream, page: Arc<Mutex<String>>) {
    let mut head = Vec::new();
    while let Ok(byte) = stream.read_u8().await {
        head.push(byte);
        if head.ends_with(b"\r\n\r\n") {
            head.clear();
            let body = page.lock().unwrap().clone();
            let length = body.len();
            let answer = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: text/plain; version=0.0.4\r\ncontent-length: {length}\r\n\r\n{body}"
            );
            if body.is_empty() || stream.write_all(answer.as_bytes()).await.is_err() {
                return;
            }
        }
    }
}

const UNSEEN: &str = r#"concurrency_amplifier_unseen_seconds{collector="app"}"#;
const UNKNOWN: &str = r#"concurrency_amplifier_unknown_seconds_total{collector="app"}"#;

fn busy(part: &str) -> String {
    format!(r#"concurrency_amplified{part}{{collector="app",gauge="busy"}}"#)
}

/// The time at levels up to `le`.
fn up_to(seen: &BTreeMap<String, f64>, le: u64) -> f64 {
    let le = format!(
        r#"concurrency_amplified_time_weighted_bucket{{collector="app",gauge="busy",le="{le}.0"}}"#
    );
    let bare = le.replace(".0\"", "\"");
    seen.get(&le)
        .or_else(|| seen.get(&bare))
        .copied()
        .unwrap_or_else(|| panic!("{le} in {seen:#?}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn bursts_are_seen_within_the_bound_that_is_stated() {
    let interval = Duration::from_millis(50);
    let rig = Rig::start("busy 0\n", "interval: 50ms, gauges: [{gauge: busy}]").await;
    rig.until("a first look", |seen| seen.contains_key(&busy(""))).await;
    let clock = SystemClock::start();
    // Each burst has a height of its own, so that the time at each level tells them apart.
    let lengths =
        [4 * interval, 2 * interval, 3 * interval, interval / 5, 2 * interval, interval / 2];
    let mut bursts = Vec::new();
    for (number, length) in lengths.into_iter().enumerate() {
        let level = 2_u64 << number;
        rig.show(&format!("busy {level}\n"));
        let from = clock.now();
        sleep(length).await;
        rig.show("busy 0\n");
        bursts.push((level, (clock.now().0 - from.0) as f64 / 1e3));
        sleep(3 * interval).await;
    }
    let seen = rig
        .until("the end of all", |seen| seen[&busy("")] == 0.0 && seen.contains_key(UNSEEN))
        .await;
    let unseen_s = seen[UNSEEN];
    let mut off_s = 0.0;
    let mut highest = 0;
    for (level, length_s) in &bursts {
        let is_seen = up_to(&seen, *level) > up_to(&seen, level / 2);
        assert!(is_seen || *length_s <= unseen_s, "{level} for {length_s} s, unseen {unseen_s} s");
        if is_seen {
            highest = *level;
        }
        // Each end of a burst is known to one distance of two looks; what was a gap may be missing whole.
        off_s += *level as f64 * unseen_s.max(0.001);
    }
    assert_eq!(seen[&busy("_peak")], highest as f64);
    let truth: f64 = bursts.iter().map(|(level, length_s)| *level as f64 * length_s).sum();
    let found = seen[&busy("_time_seconds_total")];
    let gaps = seen[UNKNOWN] * 64.0;
    assert!((found - truth).abs() <= off_s + gaps, "{found} of {truth} ± {off_s}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_said_of_a_gap() {
    let rig = Rig::start("busy 8\n", "interval: 50ms, gauges: [{gauge: busy}]").await;
    rig.until("a first look", |seen| seen.contains_key(&busy(""))).await;
    // The page closes without an answer.
    rig.show("");
    let up = r#"concurrency_collector_up{collector="app"}"#;
    let seen = rig.until("down", |seen| seen.get(up) == Some(&0.0)).await;
    assert!(!seen.contains_key(&busy("")), "{seen:#?}");
    let clock = SystemClock::start();
    let from = clock.now();
    sleep(Duration::from_millis(300)).await;
    let silent_s = (clock.now().0 - from.0) as f64 / 1e3;
    rig.show("busy 8\n");
    let seen = rig.until("up again", |seen| seen.contains_key(&busy(""))).await;
    assert!(seen[UNKNOWN] >= silent_s, "{} of {silent_s}", seen[UNKNOWN]);
    // All time that is known was at the one level there was.
    let time = seen[&busy("_time_seconds_total")];
    let counted_s = seen[&busy("_time_weighted_count")] / 1e3;
    assert!((time - 8.0 * counted_s).abs() < 1e-9, "{time} and {counted_s} s");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pool_of_a_known_library_is_found_with_its_limit() {
    let page = "# TYPE hikaricp_connections_active gauge\n\
                hikaricp_connections_active{pool=\"a\"} 10\nhikaricp_connections_active{pool=\"b\"} 3\n\
                hikaricp_connections_max{pool=\"b\"} 10\nhikaricp_connections_max{pool=\"a\"} 10\n\
                go_goroutines NaN\nother 5\n";
    let rig = Rig::start(page, "interval: 20ms").await;
    let part = |part: &str, pool: &str| {
        format!(
            r#"concurrency_amplified{part}{{collector="app",gauge="hikaricp_connections_active",pool="{pool}"}}"#
        )
    };
    let full = part("_saturated_seconds_total", "a");
    let seen = rig
        .until("time at the limit", |seen| seen.get(&full).is_some_and(|full| *full > 0.1))
        .await;
    assert_eq!(seen[&part("_limit", "a")], 10.0);
    assert_eq!(seen[&part("_saturated_seconds_total", "b")], 0.0);
    let levels = seen.keys().filter(|name| name.starts_with("concurrency_amplified{")).count();
    assert_eq!(levels, 2, "{seen:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_something_else_says_why() {
    let rig = Rig::start("<!doctype html>\n", "interval: 50ms, gauges: [{gauge: busy}]").await;
    let up = r#"concurrency_collector_up{collector="app"}"#;
    rig.until("down", |seen| seen.get(up) == Some(&0.0)).await;
    rig.show("busy 1\n");
    rig.until("up again", |seen| seen.get(up) == Some(&1.0)).await;
}
