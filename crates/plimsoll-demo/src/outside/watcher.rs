//! The sidecar that looks at the service: configured as by a file, on a runtime of its own.

use plimsoll_plain::Topic;
use plimsoll_runtime::clock::Clock;
use plimsoll_runtime::shutdown::{self, Stopper};
use plimsoll_sidecar::{Config, Sidecar};
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;

/// Orders that the proxy lets be in flight; those beyond are shed.
pub(super) const ORDERS_MAX: u64 = 64;

/// What it looks at.
pub(super) struct Looks<'a> {
    /// Where the service is.
    pub(super) service: SocketAddr,
    /// The service's process.
    pub(super) pid: u32,
    /// The stream that billing reads, if there is one.
    pub(super) topic: Option<&'a Topic>,
}

/// A running sidecar.
pub(super) struct Watcher {
    /// Where its page and its metrics are.
    pub(super) address: SocketAddr,
    /// The proxy that cards are authorised through.
    pub(super) authorize: SocketAddr,
    /// The proxy that orders come through.
    pub(super) orders: SocketAddr,
    stopper: Stopper,
    running: JoinHandle<()>,
    runtime: Runtime,
}

impl Watcher {
    /// Starts it.
    ///
    /// # Errors
    /// There is no port to be had; the message says what for.
    pub(super) fn start(looks: &Looks<'_>, clock: Arc<dyn Clock>) -> anyhow::Result<Self> {
        let [authorize, orders] = free_addresses()?;
        let config = Config::parse("the demo's sidecar", &configuration(looks, authorize, orders));
        let config = config.map_err(|faults| {
            let lines: Vec<String> = faults.iter().map(ToString::to_string).collect();
            anyhow::anyhow!("the demo's own configuration is refused:\n{}", lines.join("\n"))
        })?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("demo-sidecar")
            .enable_all()
            .build()?;
        let (stopper, stop) = shutdown::channel();
        let bound = runtime.block_on(async { Sidecar::bind(config, clock, stop) })?;
        let address = bound.address();
        let running = runtime.spawn(bound.run());
        Ok(Self { address, authorize, orders, stopper, running, runtime })
    }

    /// Ends it.
    pub(super) fn stop(self) {
        self.stopper.drain();
        if self.runtime.block_on(self.running).is_err() {
            tracing::error!("the demo's sidecar panicked");
        }
    }
}

/// Says what to look at, in the words of `plimsoll sidecar --config`.
fn configuration(looks: &Looks<'_>, authorize: SocketAddr, orders: SocketAddr) -> String {
    let Looks { service, pid, topic } = looks;
    let mut text = format!(
        "listen: 127.0.0.1:0\n\
         proxy:\n\
         - {{label: authorize, listen: '{authorize}', target: 'http://{service}'}}\n\
         - {{label: orders, listen: '{orders}', target: 'http://{service}', limit: {ORDERS_MAX}}}\n\
         process:\n\
         - {{label: checkout, pid: {pid}, interval: 50ms}}\n"
    );
    if let Some(Topic { url, key }) = topic {
        let url = url.replace('\'', "''");
        text.push_str(&format!(
            "redis:\n\
             - {{label: redis, url: '{url}', streams: ['{key}'], interval: 250ms, stalled_after: 2s}}\n"
        ));
    }
    text
}

/// Finds two addresses to listen on, both held until both are found. Somebody else may take one
/// meanwhile, which is told when it is used.
fn free_addresses() -> std::io::Result<[SocketAddr; 2]> {
    let [first, second] = [TcpListener::bind("127.0.0.1:0")?, TcpListener::bind("127.0.0.1:0")?];
    Ok([first.local_addr()?, second.local_addr()?])
}
