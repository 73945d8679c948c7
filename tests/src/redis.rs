//! A real Redis.

use crate::authority::{Files, Identity};
use crate::process::Process;
use crate::{free_port, scratch, wait};
use redis::{AsyncConnectionConfig, FromRedisValue, ToRedisArgs};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// How long a server may take to start, or to answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running Redis server that keeps nothing on disk: a restart is a fail-over to an empty one.
pub struct Redis {
    /// Its address, as `redis://127.0.0.1:6379`.
    pub url: String,
    /// The process.
    pub process: Process,
    port: u16,
    folder: tempfile::TempDir,
}

impl Redis {
    /// Starts one and waits until it answers.
    pub async fn start() -> Self {
        let (port, folder) = (free_port(), scratch());
        let process = Self::spawn(port, &folder);
        let url = format!("redis://127.0.0.1:{port}");
        let server = Self { url, process, port, folder };
        server.await_ready().await;
        server
    }

    /// Starts it anew, empty, on its old port.
    pub async fn restart(&mut self) {
        self.process.kill();
        self.process = Self::spawn(self.port, &self.folder);
        self.await_ready().await;
    }

    fn spawn(port: u16, folder: &tempfile::TempDir) -> Process {
        let mut command = Command::new("redis-server");
        command.args(["--bind", "127.0.0.1", "--port", &port.to_string()]);
        command.args(["--save", "", "--appendonly", "no", "--dir"]).arg(folder.path());
        Process::start("redis-server", &mut command, &folder.path().join("log"))
    }

    /// Starts one that speaks TLS only; returns with it the file of the authority to trust.
    pub async fn start_tls() -> (Self, PathBuf) {
        let (port, folder) = (free_port(), scratch());
        let Files { certificate, key, .. } = Identity::self_signed().write(folder.path());
        let mut command = Command::new("redis-server");
        command.args(["--bind", "127.0.0.1", "--port", "0", "--tls-port", &port.to_string()]);
        command.args(["--save", "", "--appendonly", "no", "--tls-auth-clients", "no", "--dir"]);
        command.arg(folder.path()).arg("--tls-cert-file").arg(&certificate);
        command.arg("--tls-key-file").arg(key).arg("--tls-ca-cert-file").arg(&certificate);
        let process = Process::start("redis-server", &mut command, &folder.path().join("log"));
        wait::until("Redis to listen", PATIENCE, || async {
            tokio::net::TcpStream::connect(("127.0.0.1", port)).await.ok().map(drop)
        })
        .await;
        let url = format!("rediss://127.0.0.1:{port}");
        (Self { url, process, port, folder }, certificate)
    }

    /// Makes it listen on `port` as well, with TLS and this certificate from now on.
    pub async fn secure(&self, port: u16, files: &Files) {
        let path = |path: &Path| path.display().to_string();
        let (certificate, key) = (path(&files.certificate), path(&files.key));
        let port = port.to_string();
        self.ask::<()>(
            &[
                ["CONFIG", "SET", "tls-cert-file", &*certificate].as_slice(),
                ["tls-key-file", &key, "tls-ca-cert-file", &certificate].as_slice(),
                ["tls-auth-clients", "no", "tls-port", &port].as_slice(),
            ]
            .concat(),
        )
        .await;
    }

    async fn await_ready(&self) {
        wait::until("Redis to be ready", PATIENCE, || async {
            let client = redis::Client::open(self.url.as_str()).expect("a URL");
            let mut connection = client.get_multiplexed_async_connection().await.ok()?;
            redis::cmd("PING").query_async::<String>(&mut connection).await.ok()
        })
        .await;
    }

    /// Runs a command, as `["HGET", "key", "field"]`, on a connection of its own.
    ///
    /// # Panics
    /// Redis refuses it, or answers with something else than a `T`.
    pub async fn ask<T: FromRedisValue>(&self, words: &[impl ToRedisArgs]) -> T {
        let client = redis::Client::open(self.url.as_str()).expect("a URL");
        // A server that is busy with a herd takes its time.
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(PATIENCE))
            .set_response_timeout(Some(PATIENCE));
        let connection = client.get_multiplexed_async_connection_with_config(&config);
        let mut connection = connection.await.expect("a connection");
        let mut command = redis::Cmd::new();
        words.iter().for_each(|word| {
            command.arg(word);
        });
        command.query_async(&mut connection).await.expect("an answer")
    }
}
