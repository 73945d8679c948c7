//! The sidecar beside real servers: each signal against what the test itself did and when.

#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, reason = "tests")]

mod alerting;
mod amplify;
mod binary;
mod front;
mod kafka;
mod kafka_faults;
mod nats;
mod panels;
mod postgres;
mod probe;
mod process;
mod proxy;
mod rabbitmq;
mod redis;
mod reload;
mod replica;
mod scraping;
mod slos;
mod tls;

use plimsoll_runtime::clock::SystemClock;
use plimsoll_runtime::shutdown::{self, Stopper};
use plimsoll_sidecar::{Config, Sidecar};
use plimsoll_tests::scrape::Scrape;
use plimsoll_tests::sidecar::Watched;
use std::ops::Deref;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::task::JoinHandle;

/// How long something may take to become what it must be.
const PATIENCE: Duration = Duration::from_secs(60);

/// A sidecar in this process.
struct Watcher {
    watched: Watched,
    stopper: Stopper,
    run: JoinHandle<()>,
}

impl Watcher {
    /// Starts one with this configuration, on a port of its own.
    fn start(collectors: &str) -> Self {
        let text = format!("listen: 127.0.0.1:0\n{collectors}");
        let config = Config::parse("sidecar.yml", &text).unwrap_or_else(|faults| {
            panic!("{:?}", faults.iter().map(ToString::to_string).collect::<Vec<_>>())
        });
        let (stopper, stop) = shutdown::channel();
        let bound = Sidecar::bind(config, Arc::new(SystemClock::start()), stop).expect("bound");
        let watched = Watched::at(format!("http://{}", bound.address()));
        Self { watched, stopper, run: tokio::spawn(bound.run()) }
    }

    /// Stops it and waits for its end.
    async fn stop(self) {
        self.stopper.drain();
        self.run.await.expect("it ended");
    }
}

impl Deref for Watcher {
    type Target = Watched;

    fn deref(&self) -> &Watched {
        &self.watched
    }
}

/// Returns seconds since 1970 by this test's own clock.
#[allow(clippy::disallowed_methods, reason = "the truth comes from outside")]
fn now_s() -> f64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    now.expect("a clock after 1970").as_secs_f64()
}
