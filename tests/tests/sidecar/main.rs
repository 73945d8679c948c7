//! The sidecar beside real servers: each signal against what the test itself did and when.

#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, reason = "tests")]

mod front;
mod kafka;
mod nats;
mod postgres;
mod rabbitmq;
mod redis;
mod rounds;

use plimsoll_exposition::Format;
use plimsoll_exposition::decode::Decoder;
use plimsoll_runtime::clock::SystemClock;
use plimsoll_runtime::shutdown::{self, Stopper};
use plimsoll_sidecar::{Config, Sidecar};
use plimsoll_tests::wait;
use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::task::JoinHandle;

/// How long a series may take to become what it must be.
const PATIENCE: Duration = Duration::from_secs(60);

/// A sidecar in this process.
struct Watcher {
    url: String,
    http: reqwest::Client,
    stopper: Stopper,
    run: JoinHandle<()>,
}

/// What a scrape brought: values by name and labels, as `name{a="b"}`.
#[derive(Debug)]
struct Scrape(BTreeMap<String, f64>);

impl Watcher {
    /// Starts one with this configuration, on a port of its own.
    fn start(collectors: &str) -> Self {
        let text = format!("listen: 127.0.0.1:0\n{collectors}");
        let config = Config::parse("sidecar.yml", &text).unwrap_or_else(|faults| {
            panic!("{:?}", faults.iter().map(ToString::to_string).collect::<Vec<_>>())
        });
        let (stopper, stop) = shutdown::channel();
        let bound = Sidecar::bind(config, Arc::new(SystemClock::start()), stop).expect("bound");
        let url = format!("http://{}", bound.address());
        Self { url, http: plimsoll_tests::http(), stopper, run: tokio::spawn(bound.run()) }
    }

    /// Scrapes it.
    async fn scrape(&self) -> Scrape {
        let body = self.get("/metrics").await;
        let mut decoder = Decoder::new(10_000);
        let samples = decoder.decode(body.as_bytes(), Format::Text).expect("good").samples.clone();
        let named = samples.iter().zip(decoder.series()).map(|(sample, series)| {
            let key = series.key().expect("good labels");
            (format!("{}{}", key.name, key.labels), sample.value)
        });
        Scrape(named.collect())
    }

    /// Scrapes it until `holds`, and returns that scrape.
    async fn until(&self, what: &str, holds: impl Fn(&Scrape) -> bool) -> Scrape {
        let scrape = || async { Some(self.scrape().await).filter(|scrape| holds(scrape)) };
        self.patiently(what, scrape).await
    }

    /// Reads its page until it says all of `words`.
    async fn until_page(&self, words: &[&str]) -> String {
        let page = || async {
            Some(self.get("/").await).filter(|page| words.iter().all(|word| page.contains(word)))
        };
        self.patiently(&format!("a page that says {words:?}"), page).await
    }

    async fn patiently<T, F>(&self, what: &str, look: impl FnMut() -> F) -> T
    where
        F: Future<Output = Option<T>>,
    {
        match tokio::time::timeout(PATIENCE, wait::until(what, 2 * PATIENCE, look)).await {
            Ok(found) => found,
            Err(_) => panic!("no {what}:\n{}\n{:#?}", self.get("/").await, self.scrape().await),
        }
    }

    async fn get(&self, path: &str) -> String {
        let answer = self.http.get(format!("{}{path}", self.url)).send().await.expect("sent");
        answer.text().await.expect("a body")
    }

    /// Stops it and waits for its end.
    async fn stop(self) {
        self.stopper.drain();
        self.run.await.expect("it ended");
    }
}

impl Scrape {
    /// Returns the value of the series with exactly these labels.
    fn get(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let mut labels = labels.to_vec();
        labels.sort_unstable();
        let pairs: Vec<_> =
            labels.iter().map(|(label, value)| format!("{label}=\"{value}\"")).collect();
        self.0.get(&format!("{name}{{{}}}", pairs.join(","))).copied()
    }
}

/// Returns seconds since 1970 by this test's own clock.
#[allow(clippy::disallowed_methods, reason = "the truth comes from outside")]
fn now_s() -> f64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    now.expect("a clock after 1970").as_secs_f64()
}
