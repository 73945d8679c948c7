//! Leases that are too short, holders that are slow or die, second looks that are left out.

use crate::{lost, metrics, node, told, writes};
use futures_util::future::join_all;
use plimsoll_tests::cache_node::{CacheNode, Metrics, Slow};
use plimsoll_tests::redis::Redis;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Lets ten processes miss at once, with a lease of 2 s and rebuilds of 7 s: three hand-overs may take a
/// second together before one lease less fits in.
async fn short_lease(unrenewed: &str) -> (Slow, Metrics) {
    let (redis, slow) = (Redis::start().await, Slow::start().await);
    let words = told([
        ("redis", redis.url.as_str()),
        ("origin", &slow.after(7_000)),
        ("locked", "yes"),
        ("ttl_ms", "2000"),
        ("unrenewed", unrenewed),
    ]);
    let mut nodes: Vec<CacheNode> = join_all((0..10).map(|_| node(&words))).await;
    // A call of a holder ends when it has given the lease back.
    join_all(nodes.iter_mut().map(|node| node.get("shoe"))).await;
    let metrics = metrics(&mut nodes).await;
    (slow, metrics)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_shorter_than_the_rebuild_lets_in_as_many_as_fit() {
    let (slow, metrics) = short_lease("yes").await;
    assert_eq!((slow.calls(), slow.at_once()), (4, 4), "⌈R/EX⌉");
    assert_eq!(lost(&metrics), [0.0, 4.0, 0.0]);
    assert_eq!(metrics.sum("concurrency_lease_overrun_seconds_count", &[]), 4.0);
    assert_eq!(writes(&metrics, "true"), [1.0, 3.0, 0.0, 0.0]);
    // What an operator reads off: every rebuild took longer than the lease lasts.
    let shorter = metrics.sum("concurrency_rebuild_seconds_bucket", &[("le", "2")]);
    assert_eq!(shorter, 0.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn renewal_makes_it_one() {
    let (slow, metrics) = short_lease("").await;
    assert_eq!((slow.calls(), lost(&metrics)), (1, [0.0; 3]));
    assert!(metrics.sum("concurrency_lease_renewals_total", &[("result", "ok")]) >= 8.0);
    assert_eq!(writes(&metrics, "true"), [1.0, 0.0, 0.0, 0.0]);
}

/// Lets 40 keys be missed by two processes, the second 10 ms after the first, so that it waits for the
/// lease; returns the origin's calls and the fleet's signals.
async fn two_by_two(blind: &str) -> (Slow, Metrics) {
    let (redis, slow) = (Redis::start().await, Slow::start().await);
    let words = told([
        ("redis", redis.url.as_str()),
        ("origin", &slow.after(60)),
        ("locked", "yes"),
        ("blind", blind),
    ]);
    let mut nodes: Vec<CacheNode> = join_all((0..2).map(|_| node(&words))).await;
    for round in 0..40 {
        for node in &mut nodes {
            node.tell(&format!("get key-{round} 1")).await;
            sleep(Duration::from_millis(10)).await;
        }
        for node in &mut nodes {
            assert_eq!(node.line().await, "asked");
            node.got().await;
        }
    }
    let metrics = metrics(&mut nodes).await;
    (slow, metrics)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_look_that_is_left_out_is_seen_as_duplicates() {
    let (slow, metrics) = two_by_two("yes").await;
    let [first, duplicate, regressed, refused] = writes(&metrics, "true");
    assert!(duplicate >= 20.0, "most rounds are rebuilt twice: {duplicate}");
    assert_eq!((first, regressed, refused), (40.0, 0.0, 0.0));
    assert_eq!(slow.calls() as f64, 40.0 + duplicate, "as many as the signal says");
}

#[tokio::test(flavor = "multi_thread")]
async fn with_the_second_look_there_are_none() {
    let (slow, metrics) = two_by_two("").await;
    assert_eq!(slow.calls(), 40);
    assert_eq!(writes(&metrics, "true"), [40.0, 0.0, 0.0, 0.0]);
}

/// A holder that takes until the second has written under a lease of 300 ms, and a second that takes 100 ms.
async fn slow_and_fast(unfenced: &str) -> (Redis, Metrics) {
    let (redis, slow) = (Redis::start().await, Slow::start().await);
    let words = |origin: &str| {
        told([
            ("redis", redis.url.as_str()),
            ("origin", origin),
            ("locked", "yes"),
            ("ttl_ms", "300"),
            ("unrenewed", "yes"),
            ("unfenced", unfenced),
        ])
    };
    let mut nodes = vec![node(&words(&slow.gated())).await, node(&words(&slow.after(100))).await];
    nodes[0].tell("get shoe 1").await;
    assert_eq!(nodes[0].line().await, "asked");
    plimsoll_tests::wait::until("the slow one", Duration::from_secs(30), || async {
        (slow.calls() == 1).then_some(())
    })
    .await;
    assert_eq!(nodes[1].get("shoe").await, "2/rebuild");
    slow.open();
    assert_eq!(nodes[0].got().await, "1/rebuild");
    let metrics = metrics(&mut nodes).await;
    (redis, metrics)
}

/// What is in Redis, by its own words.
async fn kept(redis: &Redis) -> String {
    redis.ask(&["HGET", "test:value:shoe", "value"]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_holder_regresses_a_store_without_a_fence_and_is_seen() {
    let (redis, metrics) = slow_and_fast("yes").await;
    assert_eq!(kept(&redis).await, "1", "the older value is over the newer one");
    assert_eq!(writes(&metrics, "false"), [1.0, 0.0, 1.0, 0.0]);
    assert_eq!(lost(&metrics), [0.0, 1.0, 0.0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_holder_is_refused_where_there_is_a_fence() {
    let (redis, metrics) = slow_and_fast("").await;
    assert_eq!(kept(&redis).await, "2");
    assert_eq!(writes(&metrics, "true"), [1.0, 0.0, 0.0, 1.0]);
    assert_eq!(lost(&metrics), [0.0, 0.0, 1.0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_holder_that_is_killed_costs_a_time_to_live_and_a_rebuild() {
    let (redis, slow) = (Redis::start().await, Slow::start().await);
    let words = told([
        ("redis", redis.url.as_str()),
        ("origin", &slow.after(300)),
        ("locked", "yes"),
        ("ttl_ms", "2000"),
    ]);
    let (mut holder, mut other) = (node(&words).await, node(&words).await);
    holder.tell("get shoe 1").await;
    plimsoll_tests::wait::until("the lease", Duration::from_secs(30), || async {
        (redis.ask::<u64>(&["EXISTS", "test:lease:shoe"]).await == 1).then_some(())
    })
    .await;
    holder.child.kill().await.expect("it runs");
    let start = Instant::now();
    let left_ms: u64 = redis.ask(&["PTTL", "test:lease:shoe"]).await;
    assert!(other.get("shoe").await.ends_with("/rebuild"));
    let waited = start.elapsed().as_millis() as u64;
    // What is left is asked for after the start; a second time to live would be 2 s more.
    let least = left_ms + 300;
    assert!((least - 5..least + 2_000).contains(&waited), "{waited} ms, {left_ms} ms were left");
    let metrics = other.metrics().await;
    assert_eq!(writes(&metrics, "true"), [1.0, 0.0, 0.0, 0.0]);
}
