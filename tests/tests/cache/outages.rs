//! Redis killed, stopped and restarted, and a fail-over that forgets who holds the lease.

use crate::{lost, metrics, node, told, writes};
use plimsoll_tests::cache_node::{CacheNode, Metrics, Slow};
use plimsoll_tests::redis::Redis;
use plimsoll_tests::wait;
use std::path::Path;
use std::time::Duration;
use tokio::time::Instant;

const PATIENCE: Duration = Duration::from_secs(60);

/// Calls until Redis has what was called for.
async fn until_hit(node: &mut CacheNode) {
    let end = Instant::now() + PATIENCE;
    while !node.get("boot").await.ends_with("/hit") {
        assert!(Instant::now() < end, "no hit within {PATIENCE:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_redis_leaves_the_last_copies_and_comes_back() {
    let (mut redis, slow) = (Redis::start().await, Slow::start().await);
    let words = told([
        ("redis", redis.url.as_str()),
        ("origin", &slow.after(10)),
        ("locked", "yes"),
        ("copies", "yes"),
        ("redis_limit_ms", "300"),
    ]);
    let mut node = node(&words).await;
    assert_eq!(node.get("shoe").await, "1/rebuild");
    redis.process.kill();
    assert_eq!(node.get("shoe").await, "1/stale", "the copy");
    assert_eq!(node.get("sock").await, "2/rebuild", "what was never seen is rebuilt");
    let down = node.metrics().await;
    assert_eq!(down.sum("concurrency_cache_lookups_total", &[("result", "error")]), 2.0);
    assert_eq!(down.sum("concurrency_cache_lookups_total", &[("result", "miss")]), 1.0);
    assert_eq!(down.sum("concurrency_stale_served_total", &[]), 1.0);
    assert_eq!(down.sum("concurrency_cache_faults_total", &[("fault", "lease_failed")]), 1.0);
    redis.restart().await;
    until_hit(&mut node).await;
    let up = node.metrics().await;
    assert_eq!(up.sum("concurrency_rebuild_waiters", &[]), 0.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_is_stopped_holds_nobody_for_longer_than_its_limit() {
    let (redis, slow) = (Redis::start().await, Slow::start().await);
    let words = told([
        ("redis", redis.url.as_str()),
        ("origin", &slow.after(10)),
        ("copies", "yes"),
        ("redis_limit_ms", "300"),
    ]);
    let mut node = node(&words).await;
    assert_eq!(node.get("shoe").await, "1/rebuild");
    redis.process.signal("STOP");
    let start = Instant::now();
    assert_eq!(node.get("shoe").await, "1/stale");
    let waited = start.elapsed();
    // Without its limit it would wait for as long as Redis is stopped.
    let bounds = Duration::from_millis(290)..Duration::from_secs(20);
    assert!(bounds.contains(&waited), "{waited:?}");
    // A look-up, a second look, a generation and a write each: 120 commands, of which one a second is
    // given, and waits for its limit.
    let start = Instant::now();
    for key in 0..30 {
        assert_eq!(node.get(&format!("sock-{key}")).await, format!("{}/rebuild", key + 2));
    }
    let waited = start.elapsed();
    let down = node.metrics().await;
    let breaker = [("reason", "breaker"), ("source", &*redis.url.replace("://", ":"))];
    let not_given = down.sum("concurrency_backpressure_total", &breaker);
    let given = 30.0 * 4.0 - not_given;
    assert!(given <= waited.as_secs_f64() + 1.0, "{given} were given in {waited:?}");
    redis.process.signal("CONT");
    until_hit(&mut node).await;
    let faults = |fault| down.sum("concurrency_cache_faults_total", &[("fault", fault)]);
    assert!(faults("store_timed_out") >= 1.0 && faults("circuit_open") >= 30.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_with_tls_is_used_if_its_authority_is_trusted() {
    let ((redis, authority), slow) = (Redis::start_tls().await, Slow::start().await);
    let words = told([
        ("redis", redis.url.as_str()),
        ("origin", &slow.after(10)),
        ("locked", "yes"),
        ("redis_limit_ms", "5000"),
    ]);
    let trusting = [
        format!("SSL_CERT_FILE={}", authority.display()),
        env!("CARGO_BIN_EXE_cache_node").to_owned(),
    ];
    let trusting = [&trusting[..], &words].concat();
    let mut trusting = CacheNode::start(Path::new("env"), &trusting).await;
    let got = [trusting.get("shoe").await, trusting.get("shoe").await];
    assert_eq!(got, ["1/rebuild", "1/hit"]);
    let mut wary = node(&words).await;
    assert_eq!(wary.get("shoe").await, "2/rebuild", "a server that isn't trusted isn't read");
    let lookups =
        wary.metrics().await.sum("concurrency_cache_lookups_total", &[("result", "error")]);
    assert_eq!(lookups, 1.0);
}

/// The leases are in a Redis of their own, which is replaced by an empty one while the lease is held:
/// two hold it then. Returns what is kept in the end, and the fleet's signals.
async fn fail_over(unfenced: &str) -> (String, Metrics) {
    let (redis, mut leases, slow) =
        (Redis::start().await, Redis::start().await, Slow::start().await);
    let words = |origin: &str| {
        told([
            ("redis", redis.url.as_str()),
            ("leases", leases.url.as_str()),
            ("origin", origin),
            ("locked", "yes"),
            ("unfenced", unfenced),
            // Longer than the rebuild: no renewal tells the holder in time.
            ("ttl_ms", "60000"),
        ])
    };
    let mut nodes = vec![node(&words(&slow.gated())).await, node(&words(&slow.after(50))).await];
    nodes[0].tell("get shoe 1").await;
    wait::until("the first holder", PATIENCE, || async { (slow.calls() == 1).then_some(()) }).await;
    leases.restart().await;
    assert_eq!(nodes[1].get("shoe").await, "2/rebuild");
    assert_eq!(slow.at_once(), 2, "two rebuild under the same lease");
    slow.open();
    assert_eq!(nodes[0].line().await, "asked");
    assert_eq!(nodes[0].got().await, "1/rebuild");
    let kept = redis.ask(&["HGET", "test:value:shoe", "value"]).await;
    (kept, metrics(&mut nodes).await)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fail_over_of_the_leases_is_safe_with_a_fence() {
    let (kept, metrics) = fail_over("").await;
    assert_eq!(kept, "2");
    assert_eq!((writes(&metrics, "true"), lost(&metrics)), ([1.0, 0.0, 0.0, 1.0], [0.0, 0.0, 1.0]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fail_over_of_the_leases_is_not_safe_without_and_is_seen() {
    let (kept, metrics) = fail_over("yes").await;
    assert_eq!(kept, "1", "the older value is over the newer one");
    assert_eq!(
        (writes(&metrics, "false"), lost(&metrics)),
        ([1.0, 0.0, 1.0, 0.0], [0.0, 1.0, 0.0])
    );
}
