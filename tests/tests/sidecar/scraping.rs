//! A real Prometheus that scrapes the real binary with collectors of several kinds.

use plimsoll_tests::prometheus::{Make, Prometheus, check_metrics};
use plimsoll_tests::redis::Redis;
use plimsoll_tests::sidecar::Sidecar;
use plimsoll_tests::{free_port, http, peers, wait};
use std::future::Future;
use std::path::Path;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(60);

const BLOCKED: &str = "count(concurrency_redis_blocked_clients)";

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

/// Waits until an expression has this value and no other series.
async fn until(server: &Prometheus, expression: &str, value: &str) {
    wait::until(&format!("{expression} = {value}"), PATIENCE, || async {
        let series = server.query(expression).await;
        matches!(&series[..], [one] if one["value"][1] == value).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn prometheus_takes_all_of_it_and_forgets_a_collector_that_goes_down() {
    let redis = Redis::start().await;
    let (front, pid) = (format!("127.0.0.1:{}", free_port()), redis.process.id().to_string());
    let amplified = Sidecar::start(&["--host"]).await;
    // Something that speaks HTTP stands behind the proxy, and its own page is amplified.
    let behind = amplified.url.clone();
    let proxy = format!("{front}={behind}");
    let page = format!("{behind}/metrics");
    let mut sidecar = Sidecar::start(&[
        "--host",
        "--pid",
        &pid,
        "--redis",
        &redis.url,
        "--proxy",
        &proxy,
        "--amplify",
        &page,
    ])
    .await;
    let client = http();
    let ask = || {
        client
            .get(format!("http://{front}/metrics"))
            .header("traceparent", format!("00-{TRACE}-b7ad6b7169203331-01"))
            .send()
    };
    assert!(ask().await.is_ok_and(|answer| answer.status().is_success()));
    let all_up = |seen: &plimsoll_tests::scrape::Scrape| {
        let up: Vec<f64> = seen.all("concurrency_collector_up", &[]).collect();
        up.len() == 5 && up.iter().all(|up| *up == 1.0)
    };
    sidecar.until("five collectors that are up", all_up).await;
    let text = sidecar.get("/metrics").await;
    check_metrics(Path::new("promtool"), &text);
    if let Some(newer) = peers::promtool() {
        check_metrics(&newer, &text);
    }
    let own = peers::prometheus();
    let make = Make {
        program: own.as_deref().unwrap_or(Path::new("prometheus")),
        arguments: &["--enable-feature=exemplar-storage"],
        ..Make::default()
    };
    let address = sidecar.url.trim_start_matches("http://").to_owned();
    let server = Prometheus::start_as(make, &[("sidecar", &address)], &[]).await;
    until(&server, "up", "1").await;
    until(&server, "sum(concurrency_collector_up)", "5").await;
    let name = format!("redis:{}", redis.url.trim_start_matches("redis://"));
    until(&server, BLOCKED, "1").await;
    until(&server, "count(concurrency_in_flight_peak)", "1").await;
    has_the_trace(&server, ask).await;
    drop(redis);
    without_redis(&server, &sidecar, &name).await;
    sidecar.process.signal("TERM");
    assert_eq!(sidecar.process.ended(PATIENCE).await.code(), Some(0));
    until(&server, "up", "0").await;
}

/// Waits for an exemplar with the trace of a request, which is sent until then.
async fn has_the_trace<F>(server: &Prometheus, ask: impl Fn() -> F)
where
    F: Future<Output = reqwest::Result<reqwest::Response>>,
{
    let traced = wait::until("an exemplar", PATIENCE, || async {
        ask().await.ok()?;
        let all = server.exemplars("concurrency_operation_duration_seconds_bucket").await;
        all.into_iter().find(|(labels, _)| labels["trace_id"] == TRACE)
    })
    .await;
    assert!(traced.1.parse::<f64>().is_ok_and(|seconds| seconds > 0.0), "{traced:?}");
}

/// Waits until Prometheus has forgotten what was Redis, and nothing else.
async fn without_redis(server: &Prometheus, sidecar: &Sidecar, name: &str) {
    until(server, &format!("concurrency_collector_up{{collector={name:?}}}"), "0").await;
    // Its series are over at once, and not five minutes later.
    wait::until("its series to be over", Duration::from_secs(10), || async {
        server.query(BLOCKED).await.is_empty().then_some(())
    })
    .await;
    // Of the process that was Redis nothing is left either.
    until(server, "sum(concurrency_collector_up)", "3").await;
    until(server, "up", "1").await;
    until(server, "count(concurrency_host_cpus)", "1").await;
    let page = sidecar.until_page(&[name, "class=down", "no such process"]).await;
    let place = |name: &str| page.find(&format!("<td>{name}"));
    assert!(place(name).is_some() && place(name) < place("host"), "what is wrong comes first");
}
