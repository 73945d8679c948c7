//! A fleet of processes that share a cache in a real Redis: each signal against the origin's own count
//! and what Redis says.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "tests")]

mod herd;
mod leases;
mod model;
mod outages;
mod rubbish;

use futures_util::future::join_all;
use plimsoll_tests::cache_node::{CacheNode, Metrics};
use std::path::Path;

/// Starts a process of the fleet; `told` are words as `name=value`.
async fn node(told: &[String]) -> CacheNode {
    CacheNode::start(Path::new(env!("CARGO_BIN_EXE_cache_node")), told).await
}

/// Words that a node is told, without what is empty.
fn told<const N: usize>(words: [(&str, &str); N]) -> Vec<String> {
    words.iter().map(|(name, value)| format!("{name}={value}")).collect()
}

/// Adds up what the nodes have exported.
async fn metrics(nodes: &mut [CacheNode]) -> Metrics {
    let texts = join_all(nodes.iter_mut().map(CacheNode::metrics)).await;
    Metrics(texts.into_iter().map(|metrics| metrics.0).collect())
}

/// The writes of a fleet: first, duplicate, regressed, refused.
fn writes(metrics: &Metrics, fenced: &str) -> [f64; 4] {
    ["first", "duplicate", "regressed", "refused"].map(|result| {
        metrics.sum("concurrency_rebuild_writes_total", &[("result", result), ("fenced", fenced)])
    })
}

/// The lost leases of a fleet, by where they were seen: renewal, release, write.
fn lost(metrics: &Metrics) -> [f64; 3] {
    ["renewal", "release", "write"]
        .map(|seen| metrics.sum("concurrency_lease_lost_total", &[("seen", seen)]))
}
