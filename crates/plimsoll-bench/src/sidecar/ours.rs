//! Our proxy, in a process of its own.

use crate::slo::process::{Server, free_address};
use plimsoll_runtime::clock::SystemClock;
use plimsoll_runtime::shutdown;
use plimsoll_sidecar::{CollectorConfig, Config, Sidecar};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

/// Starts it before `target`.
pub(super) fn start(target: SocketAddr, folder: &Path) -> Server {
    let address = free_address();
    let mut command = Command::new(std::env::current_exe().expect("this program"));
    command.args(["proxy", &format!("{address}=http://{target}")]);
    started(Server::start(&mut command, address, folder))
}

/// Waits until a server takes connections.
pub(super) fn started(server: Server) -> Server {
    while TcpStream::connect(server.address).is_err() {
        std::thread::sleep(Duration::from_millis(5));
    }
    server
}

/// Is the process: a sidecar with one proxy, for ever.
pub(crate) fn alone(proxy: &str) {
    let proxy = proxy.parse().expect("LISTEN=TARGET");
    let config = Config {
        listen: ([127, 0, 0, 1], 0).into(),
        collectors: vec![CollectorConfig::Proxy(proxy).planned()],
        ..Config::default()
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.expect("a runtime").block_on(async {
        let (_stopper, stop) = shutdown::channel();
        let bound = Sidecar::bind(config, Arc::new(SystemClock::start()), stop).expect("bound");
        bound.run().await;
    });
}
