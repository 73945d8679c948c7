//! The harness of the end-to-end tests: the real binary and real servers, each on a free loopback
//! port in a temporary directory, and ended by its own process id.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a harness fails its test"
)]

pub mod alertmanager;
pub mod authority;
pub mod browser;
pub mod cache_node;
pub mod collector;
pub mod counters;
pub mod kafka;
pub mod load;
pub mod nats;
pub mod otlp_sink;
pub mod panels;
pub mod peers;
pub mod plimsoll;
pub mod postgres;
pub mod process;
pub mod prometheus;
pub mod rabbitmq;
pub mod redis;
pub mod scrape;
pub mod sidecar;
pub mod thanos;
pub mod traffic;
pub mod wait;

use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

/// Returns the root of the workspace.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ lies in the workspace")
}

/// Makes a directory that goes with its owner.
pub fn scratch() -> tempfile::TempDir {
    tempfile::Builder::new().prefix("plimsoll-test-").tempdir().expect("a temporary directory")
}

/// Writes `text` to `name` in `folder` and returns its path.
pub fn write(folder: &Path, name: &str, text: &str) -> PathBuf {
    let path = folder.join(name);
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent).expect("a directory");
    }
    std::fs::write(&path, text).expect("a file");
    path
}

/// Where ports are chosen: below those that Linux gives to whoever asks for any. A connection, or a
/// listener on port 0, could take one of those before its server listens, or while it is away.
const PORTS: Range<u16> = 20_000..32_000;

/// Returns a loopback port that is free, and that no other test is given until this process ends.
///
/// # Panics
/// None is free.
pub fn free_port() -> u16 {
    /// What tells the other processes of tests that a port is taken: its number in UDP, which no
    /// server under test uses.
    static CLAIMS: Mutex<Vec<UdpSocket>> = Mutex::new(Vec::new());
    let mut claims = CLAIMS.lock().expect("nobody panics with it");
    // Each process begins elsewhere, so that few claims meet.
    let first = usize::try_from(std::process::id()).expect("a process id") * 64 + claims.len();
    let is_free = |port: &u16| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok();
    let claim = |port| UdpSocket::bind((Ipv4Addr::LOCALHOST, port)).ok();
    let ports = PORTS.cycle().skip(first % PORTS.len()).take(PORTS.len());
    let (port, claimed) = ports
        .filter_map(|port| Some((port, claim(port)?)))
        .find(|(port, _)| is_free(port))
        .expect("a free port");
    claims.push(claimed);
    port
}

/// Returns a client for the servers under test.
pub fn http() -> reqwest::Client {
    // A second call finds the provider installed already, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().no_proxy().build().expect("a client")
}
