//! A hundred thousand misses of one key over fifty processes.

use crate::{metrics, node, told, writes};
use futures_util::future::join_all;
use plimsoll_tests::cache_node::{CacheNode, Metrics, Slow};
use plimsoll_tests::redis::Redis;
use plimsoll_tests::wait;
use std::time::Duration;

const NODES: usize = 50;
const CALLS: usize = 2_000;

async fn fleet(redis: &Redis, origin: &str, locked: &str) -> Vec<CacheNode> {
    let words = told([
        ("redis", &redis.url),
        ("origin", origin),
        ("locked", locked),
        // Longer than a busy machine takes for the whole of it.
        ("ttl_ms", "120000"),
    ]);
    join_all((0..NODES).map(|_| node(&words))).await
}

/// Lets all call at once, and the origin answer when every call waits.
async fn herd(locked: &str) -> (Slow, Metrics) {
    let (redis, slow) = (Redis::start().await, Slow::start().await);
    let mut nodes = fleet(&redis, &slow.gated(), locked).await;
    for node in &mut nodes {
        node.tell(&format!("get shoe {CALLS}")).await;
    }
    for node in &mut nodes {
        assert_eq!(node.line().await, "asked");
    }
    slow.open();
    for node in &mut nodes {
        let got = node.got().await;
        assert!(got.ends_with(&format!("/rebuild×{CALLS}")), "{got}");
    }
    let metrics = metrics(&mut nodes).await;
    assert_eq!(metrics.sum("concurrency_cache_lookups_total", &[("result", "miss")]), 100_000.0);
    (slow, metrics)
}

fn role(metrics: &Metrics, role: &str) -> f64 {
    metrics.sum("concurrency_rebuild_calls_total", &[("role", role)])
}

#[tokio::test(flavor = "multi_thread")]
async fn single_flight_alone_is_a_rebuild_for_each_process() {
    let (slow, metrics) = herd("").await;
    assert_eq!((slow.calls(), slow.at_once()), (50, 50));
    assert_eq!(metrics.sum("concurrency_rebuild_seconds_count", &[("outcome", "ok")]), 50.0);
    assert_eq!((role(&metrics, "leader"), role(&metrics, "follower")), (50.0, 99_950.0));
    assert_eq!(metrics.sum("concurrency_rebuild_herd_sum", &[]), 99_950.0);
    assert_eq!(metrics.sum("concurrency_rebuild_herd_count", &[]), 50.0);
    let [first, duplicate, regressed, refused] = writes(&metrics, "true");
    assert_eq!((first, regressed), (1.0, 0.0), "49 of 50 were for nothing, and are seen");
    assert_eq!(duplicate + refused, 49.0, "those that began before the one that wrote are refused");
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_lease_and_a_second_look_it_is_one() {
    let (slow, metrics) = herd("yes").await;
    assert_eq!(slow.calls(), 1);
    assert_eq!(metrics.sum("concurrency_rebuild_seconds_count", &[("outcome", "ok")]), 1.0);
    assert_eq!((role(&metrics, "leader"), role(&metrics, "follower")), (50.0, 99_950.0));
    assert_eq!(writes(&metrics, "true"), [1.0, 0.0, 0.0, 0.0]);
    assert_eq!(metrics.sum("concurrency_lease_wait_seconds_count", &[]), 50.0);
    // Who gets the lease after the rebuild looks again, finds the value and gives the lease back.
    let held = metrics.sum("concurrency_lease_margin_seconds_count", &[]);
    assert!((1.0..=50.0).contains(&held), "{held}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_that_is_asked_for_before_the_promise_is_asked_for_by_all() {
    let (redis, slow) = (Redis::start().await, Slow::start().await);
    let mut nodes = fleet(&redis, &slow.gated(), "naive").await;
    for node in &mut nodes {
        node.tell(&format!("naive shoe {CALLS}")).await;
    }
    let all = join_all(nodes.iter_mut().map(CacheNode::got));
    let opened = async {
        // Redis counts what scripts do as well.
        wait::until("all to ask", Duration::from_secs(150), || async {
            let info: String = redis.ask(&["INFO", "commandstats"]).await;
            let sets = info.lines().find(|line| line.starts_with("cmdstat_set:"))?;
            let calls = sets.split("calls=").nth(1)?.split(',').next()?.parse::<u64>().ok()?;
            (calls >= 100_000).then_some(())
        })
        .await;
        slow.open();
    };
    let (got, ()) = tokio::join!(all, opened);
    let (none, one) = (format!("fallback×{CALLS}"), format!("fallback×{} rebuilt×1", CALLS - 1));
    assert_eq!(got.iter().filter(|got| **got == none).count(), NODES - 1, "{got:?}");
    assert!(got.contains(&one) && slow.calls() == 1, "{got:?}");
    let metrics = metrics(&mut nodes).await;
    let asked = metrics.sum("concurrency_lease_wait_seconds_count", &[]);
    assert_eq!(asked, 100_000.0, "the signal shows the wrong order: 50 are right");
    assert_eq!(role(&metrics, "leader"), 1.0);
}
