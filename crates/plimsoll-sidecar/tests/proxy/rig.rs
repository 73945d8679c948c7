//! A sidecar with one proxy, and both of its ends.

use crate::scrape;
use plimsoll_runtime::clock::SystemClock;
use plimsoll_runtime::shutdown::{self, Stopper};
use plimsoll_sidecar::{Bound, Config, ReloadError, Sidecar};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

/// After so long something won't happen any more.
pub(crate) const LATE: Duration = Duration::from_secs(20);

/// A sidecar with one proxy.
pub(crate) struct Rig {
    pub(crate) proxy: SocketAddr,
    pub(crate) target: TcpListener,
    pub(crate) stopper: Stopper,
    pub(crate) bound: Bound,
}

/// One end of a connection.
pub(crate) struct Peer(pub(crate) TcpStream);

impl Rig {
    /// Starts it with more `keys` of the proxy, as `limit: 1`.
    pub(crate) async fn start(scheme: &str, keys: &str) -> Self {
        let target = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = target.local_addr().unwrap();
        Self::before(target, &format!("{scheme}://{at}"), keys).await
    }

    pub(crate) async fn before(target: TcpListener, url: &str, keys: &str) -> Self {
        loop {
            // Other tests connect all the time: one of them may be given the port before the proxy has it.
            let proxy = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
            let config = configured(proxy, url, keys);
            let (stopper, stop) = shutdown::channel();
            match Sidecar::bind(config, Arc::new(SystemClock::start()), stop) {
                Ok(bound) => return Self { proxy, target, stopper, bound },
                Err(error) => assert!(error.to_string().contains("in use"), "{error}"),
            }
        }
    }

    /// Takes a configuration in which the proxy has these `keys`, and which has `more` lists.
    pub(crate) fn reload(&mut self, keys: &str, more: &str) -> Result<(), ReloadError> {
        let url = format!("http://{}", self.target.local_addr().unwrap());
        let text = written(self.proxy, &url, keys) + more;
        self.bound.reload(Config::parse("sidecar.yml", &text).map_err(ReloadError::Faults))
    }

    pub(crate) async fn client(&self) -> Peer {
        Peer(TcpStream::connect(self.proxy).await.expect("the proxy listens"))
    }

    /// Waits for a connection from the proxy.
    pub(crate) async fn target(&self) -> Peer {
        let (stream, _) = timeout(LATE, self.target.accept()).await.expect("in time").unwrap();
        Peer(stream)
    }

    /// Reads the head of the next request over the connection that was kept, or over a new one when
    /// the client's thread doesn't have that.
    pub(crate) async fn again(&self, mut kept: Peer) -> Peer {
        tokio::select! {
            _ = kept.head() => kept,
            mut new = self.target() => {
                new.head().await;
                new
            }
        }
    }

    /// Returns what the sidecar answers at a path.
    pub(crate) async fn admin(&self, path: &str) -> String {
        scrape::get(self.bound.address(), path).await
    }

    /// Returns every series of the sidecar.
    pub(crate) async fn series(&self) -> BTreeMap<String, f64> {
        scrape::series(self.bound.address()).await
    }

    /// Waits until a series has a value.
    pub(crate) async fn until(&self, series: &str, value: f64) -> BTreeMap<String, f64> {
        let seen = async {
            loop {
                let all = self.series().await;
                if all.get(series) == Some(&value) {
                    return all;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        match timeout(LATE, seen).await {
            Ok(all) => all,
            Err(_) => panic!("{series} never was {value}: {:#?}", self.series().await),
        }
    }

    /// Waits until so many requests have ended like that.
    pub(crate) async fn ended(&self, outcome: &str, count: f64) {
        let series = operations(outcome, 1);
        self.until(&series, count).await;
    }

    /// Waits until so many requests are in flight.
    pub(crate) async fn in_flight(&self, count: f64) {
        self.until(r#"concurrency_in_flight{operation="shop"}"#, count).await;
    }
}

/// Writes a configuration of one proxy.
fn written(proxy: SocketAddr, url: &str, keys: &str) -> String {
    format!(
        "listen: 127.0.0.1:0\nproxy: [{{listen: '{proxy}', target: '{url}', label: shop, interval: 20ms, {keys}}}]\n"
    )
}

fn configured(proxy: SocketAddr, url: &str, keys: &str) -> Config {
    Config::parse("sidecar.yml", &written(proxy, url, keys)).expect("a good file")
}

/// Names the counter of requests that ended like that and began at such a level.
pub(crate) fn operations(outcome: &str, band: u64) -> String {
    format!(r#"concurrency_operations_total{{band="{band}",operation="shop",outcome="{outcome}"}}"#)
}

impl Peer {
    pub(crate) async fn send(&mut self, text: &str) {
        self.0.write_all(text.as_bytes()).await.expect("sent");
    }

    /// Reads until `end` was read, and returns all of it.
    pub(crate) async fn until(&mut self, end: &str) -> String {
        let mut text = String::new();
        while !text.ends_with(end) {
            let read = timeout(LATE, self.0.read_u8()).await;
            let byte = read.unwrap_or_else(|_| panic!("no {end:?} after {text:?}"));
            text.push(char::from(byte.unwrap_or_else(|error| panic!("{error} after {text:?}"))));
        }
        text
    }

    /// Reads a head.
    pub(crate) async fn head(&mut self) -> String {
        self.until("\r\n\r\n").await
    }

    /// Reads until the other end closes.
    pub(crate) async fn rest(&mut self) -> String {
        let mut rest = Vec::new();
        let read = timeout(LATE, self.0.read_to_end(&mut rest)).await.expect("in time");
        read.expect("closed in order");
        String::from_utf8(rest).expect("text")
    }

    /// Waits until the other end is gone, in order or not.
    pub(crate) async fn gone(&mut self) {
        let read = timeout(LATE, self.0.read_to_end(&mut Vec::new())).await;
        let _ = read.expect("in time");
    }
}
