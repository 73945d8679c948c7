//! The sidecar as a scraper meets it.

#![allow(clippy::expect_used, clippy::unwrap_used)] // a test stops at the first thing that is not as it must be

mod scrape;

use plimsoll_runtime::clock::SystemClock;
use plimsoll_runtime::shutdown;
use plimsoll_sidecar::{CollectorConfig, Config, HostConfig, Sidecar};
use scrape::{get, series};
use std::sync::Arc;

fn any_port(collectors: Vec<CollectorConfig>) -> Config {
    let collectors = collectors.into_iter().map(CollectorConfig::planned).collect();
    Config { listen: ([127, 0, 0, 1], 0).into(), collectors, ..Config::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_is_up_and_its_series_are_there() {
    let (stopper, stop) = shutdown::channel();
    let config = any_port(vec![CollectorConfig::Host(HostConfig::default())]);
    let bound = Sidecar::bind(config, Arc::new(SystemClock::start()), stop).expect("bound");
    let address = bound.address();
    let seen = loop {
        let seen = series(address).await;
        if seen.contains_key("concurrency_host_cpus") {
            break seen;
        }
        tokio::task::yield_now().await;
    };
    assert_eq!(seen[r#"concurrency_collector_up{collector="host"}"#], 1.0);
    let cpus = std::thread::available_parallelism().unwrap().get();
    assert!(seen["concurrency_host_cpus"] >= cpus as f64);
    assert!(get(address, "/").await.contains("1 of 1 collectors are up"));
    stopper.drain();
    bound.run().await;
}
