//! What a sidecar's port answers, as a scraper reads it.

use plimsoll_exposition::Format;
use plimsoll_exposition::decode::Decoder;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// After so long something won't happen any more.
const LATE: Duration = Duration::from_secs(20);

/// Returns the body of a page.
pub(crate) async fn get(address: SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(address).await.expect("connected");
    let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("sent");
    let mut answer = String::new();
    let read = timeout(LATE, stream.read_to_string(&mut answer)).await.expect("in time");
    read.expect("answered");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    body.to_owned()
}

/// Returns every series by its name and labels, as `family{label="value"}`.
pub(crate) async fn series(address: SocketAddr) -> BTreeMap<String, f64> {
    let body = get(address, "/metrics").await;
    let mut decoder = Decoder::new(10_000);
    let samples = decoder.decode(body.as_bytes(), Format::Text).expect("good").samples.clone();
    let named = samples.iter().zip(decoder.series()).map(|(sample, series)| {
        let key = series.key().expect("good labels");
        (format!("{}{}", key.name, key.labels), sample.value)
    });
    named.collect()
}
