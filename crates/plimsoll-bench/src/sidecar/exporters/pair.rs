//! A sidecar and an exporter that look at the same thing.

use crate::sidecar::ours;
use crate::slo::process::Server;
use plimsoll_tests::scrape::Scrape;
use std::net::SocketAddr;

/// Both, each in a process of its own.
pub(super) struct Pair {
    /// What the collectors of ours are told.
    pub(super) collectors: String,
    pub(super) ours: Server,
    pub(super) peer: Server,
    pub(super) peer_name: &'static str,
}

impl Pair {
    /// Starts ours with these collectors beside a peer.
    pub(super) fn start(collectors: String, peer: Server, peer_name: &'static str) -> Self {
        let folder = peer.folder.join("ours");
        Self { ours: ours::watching(&collectors, &folder), collectors, peer, peer_name }
    }

    /// Scrapes both: ours first.
    pub(super) async fn scrape(&self) -> (Scrape, Scrape) {
        tokio::join!(scrape(self.ours.address), scrape(self.peer.address))
    }
}

/// Scrapes a server once.
pub(super) async fn scrape(address: SocketAddr) -> Scrape {
    Scrape::parse(&page(address).await)
}

/// Returns a server's page of metrics.
pub(super) async fn page(address: SocketAddr) -> String {
    let answer = tokio::task::spawn_blocking(move || crate::slo::process::get(address, "/metrics"));
    let answer = answer.await.ok().flatten().expect("an answer");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    match head.to_ascii_lowercase().contains("transfer-encoding: chunked") {
        true => unchunked(body),
        false => body.to_owned(),
    }
}

/// Joins the chunks of a body.
fn unchunked(mut body: &str) -> String {
    let mut whole = String::new();
    while let Some((length, rest)) = body.split_once("\r\n") {
        let length = usize::from_str_radix(length, 16).expect("the length of a chunk");
        whole.push_str(rest.get(..length).expect("a chunk"));
        body = rest.get(length + 2..).unwrap_or_default();
    }
    whole
}
