//! A real NATS server with JetStream.

use crate::process::Process;
use crate::{free_port, peers, scratch, wait};
use async_nats::ConnectOptions;
use async_nats::jetstream::{self, Context};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(30);

/// A running NATS server, with what it was told beside its port and where it stores.
pub struct Nats {
    /// Its address, as `127.0.0.1:4222`.
    pub address: String,
    process: Process,
    told: String,
    port: u16,
    folder: tempfile::TempDir,
}

impl Nats {
    /// Starts one and waits until it takes connections; `told` are further lines of its configuration. None,
    /// and a line that says so, when it isn't built.
    pub async fn start(told: &str) -> Option<Self> {
        let (port, folder) = (free_port(), scratch());
        let process = spawn(&peers::nats()?, port, told, folder.path());
        let address = format!("127.0.0.1:{port}");
        let server = Self { address, process, told: told.to_owned(), port, folder };
        server.await_ready().await;
        Some(server)
    }

    /// Starts servers of one cluster, which are tagged `n1` and so on, and waits until they take connections.
    /// None, and a line that says so, when there is no server.
    pub async fn cluster(servers: usize, told: &str) -> Option<Vec<Self>> {
        let ports: Vec<u16> = (0..servers).map(|_| free_port()).collect();
        let routes: Vec<_> =
            ports.iter().map(|port| format!("\"nats://127.0.0.1:{port}\"")).collect();
        let routes = routes.join(", ");
        let mut all = Vec::new();
        for (number, port) in (1..).zip(ports) {
            let told = format!(
                "server_name: n{number}\nserver_tags: [\"n{number}\"]\n{told}\n\
                 cluster {{ name: tests, listen: \"127.0.0.1:{port}\", routes: [{routes}] }}\n"
            );
            all.push(Self::start(&told).await?);
        }
        Some(all)
    }

    /// Kills it and starts it anew with what it has stored, told something else.
    pub async fn restart(&mut self, told: Option<&str>) {
        self.process.kill();
        self.told = told.map_or_else(|| self.told.clone(), str::to_owned);
        let program = peers::nats().expect("it was there before");
        self.process = spawn(&program, self.port, &self.told, self.folder.path());
        self.await_ready().await;
    }

    /// Ends it as `kill -9` does.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Connects as NATS' own client does, as `user` with the password `secret`.
    pub async fn client(&self, user: &str) -> Context {
        let options = ConnectOptions::with_user_and_password(user.into(), "secret".into());
        let client = options.connect(&*self.address).await.expect("a connection");
        jetstream::new(client)
    }

    async fn await_ready(&self) {
        wait::until("NATS to listen", PATIENCE, || async {
            tokio::net::TcpStream::connect(&*self.address).await.ok()
        })
        .await;
    }
}

fn spawn(program: &Path, port: u16, told: &str, folder: &Path) -> Process {
    let store = folder.join("store");
    let text = format!(
        "listen: \"127.0.0.1:{port}\"\njetstream {{ store_dir: \"{}\" }}\n{told}\n",
        store.display()
    );
    let config = crate::write(folder, "nats.conf", &text);
    let mut command = Command::new(program);
    Process::start("nats-server", command.arg("-c").arg(config), &folder.join("log"))
}
