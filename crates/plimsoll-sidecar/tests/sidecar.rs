//! The sidecar as a scraper meets it.

#![allow(clippy::expect_used, clippy::unwrap_used)] // a test stops at the first thing that is not as it must be

use plimsoll_exposition::Format;
use plimsoll_exposition::decode::Decoder;
use plimsoll_runtime::clock::SystemClock;
use plimsoll_runtime::shutdown;
use plimsoll_sidecar::{CollectorConfig, Config, HostConfig, Sidecar};
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

fn get(address: SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("connected");
    stream.set_read_timeout(Some(Duration::from_secs(20))).expect("set");
    write!(stream, "GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("answered");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    body.to_string()
}

fn series(address: SocketAddr) -> BTreeMap<String, f64> {
    let body = get(address, "/metrics");
    let mut decoder = Decoder::new(10_000);
    let samples = decoder.decode(body.as_bytes(), Format::Text).expect("good").samples.clone();
    let named = samples.iter().zip(decoder.series()).map(|(sample, series)| {
        let key = series.key().expect("good labels");
        (format!("{}{}", key.name, key.labels), sample.value)
    });
    named.collect()
}

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
        let seen = series(address);
        if seen.contains_key("concurrency_host_cpus") {
            break seen;
        }
        tokio::task::yield_now().await;
    };
    assert_eq!(seen[r#"concurrency_collector_up{collector="host"}"#], 1.0);
    let cpus = std::thread::available_parallelism().unwrap().get();
    assert!(seen["concurrency_host_cpus"] >= cpus as f64);
    assert!(get(address, "/").contains("1 of 1 collectors are up"));
    stopper.drain();
    bound.run().await;
}
