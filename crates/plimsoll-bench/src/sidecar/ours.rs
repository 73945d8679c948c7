//! Our sidecar, in a process of its own.

use crate::slo::process::{Server, free_address};
use plimsoll_runtime::clock::SystemClock;
use plimsoll_runtime::shutdown;
use plimsoll_sidecar::{Config, Sidecar};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

/// Starts a proxy before `target`; its address is where it proxies.
pub(super) fn start(target: SocketAddr, folder: &Path) -> Server {
    let address = free_address();
    let proxy = format!("proxy:\n- {{listen: '{address}', target: 'http://{target}'}}\n");
    reading(&format!("listen: 127.0.0.1:0\n{proxy}"), address, folder)
}

/// Starts one with these collectors; its address is that of its page.
pub(super) fn watching(collectors: &str, folder: &Path) -> Server {
    let address = free_address();
    reading(&format!("listen: '{address}'\n{collectors}"), address, folder)
}

/// Starts one with this configuration, and waits until it takes connections at `address`.
fn reading(config: &str, address: SocketAddr, folder: &Path) -> Server {
    std::fs::create_dir_all(folder).expect("a folder");
    let file = folder.join("sidecar.yml");
    std::fs::write(&file, config).expect("written");
    let mut command = Command::new(std::env::current_exe().expect("this program"));
    command.arg("watch").arg(&file);
    started(Server::start(&mut command, address, folder))
}

/// Waits until a server takes connections.
pub(super) fn started(server: Server) -> Server {
    while TcpStream::connect(server.address).is_err() {
        std::thread::sleep(Duration::from_millis(5));
    }
    server
}

/// Is the process: a sidecar as its file says, for ever.
pub(crate) fn alone(file: &str) {
    let config = Config::read(Path::new(file)).expect("a configuration");
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.expect("a runtime").block_on(async {
        let (_stopper, stop) = shutdown::channel();
        let bound = Sidecar::bind(config, Arc::new(SystemClock::start()), stop).expect("bound");
        bound.run().await;
    });
}
