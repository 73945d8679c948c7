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

use std::path::{Path, PathBuf};

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

/// Returns a loopback port that was free just now.
pub fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("its address").port()
}

/// Returns a client for the servers under test.
pub fn http() -> reqwest::Client {
    // A second call finds the provider installed already, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().no_proxy().build().expect("a client")
}
