//! A real RabbitMQ server with its management API.

use crate::process::Process;
use crate::{free_port, scratch, wait};
use serde_json::Value;
use std::process::Command;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(90);

/// A running RabbitMQ server.
pub struct RabbitMq {
    /// Host and port of its management API.
    pub api: String,
    port: u16,
    process: Process,
    http: reqwest::Client,
    folder: tempfile::TempDir,
}

impl RabbitMq {
    /// Starts one and waits until it answers.
    pub async fn start() -> Self {
        let (port, api, control, folder) = (free_port(), free_port(), free_port(), scratch());
        let path = folder.path();
        let config = format!(
            "listeners.tcp.local = 127.0.0.1:{port}\nmanagement.tcp.ip = 127.0.0.1\n\
             management.tcp.port = {api}\ncollect_statistics_interval = 500\n"
        );
        crate::write(path, "rabbitmq.conf", &config);
        crate::write(path, "plugins", "[rabbitmq_management].\n");
        // The server itself and not the package's wrapper, which changes the user; in the foreground, and
        // without the daemon that would tell other nodes where it is.
        let mut command = Command::new("/usr/lib/rabbitmq/bin/rabbitmq-server");
        let control = control.to_string();
        let told = format!("-noinput -start_epmd false -erl_epmd_port {control}");
        command
            .env("HOME", path)
            .env("RABBITMQ_ALLOW_INPUT", "1")
            .env("RABBITMQ_NODENAME", "plimsoll@localhost")
            .env("RABBITMQ_NODE_PORT", port.to_string())
            .env("RABBITMQ_DIST_PORT", &control)
            .env("RABBITMQ_MNESIA_BASE", path.join("data"))
            .env("RABBITMQ_LOG_BASE", path.join("logs"))
            .env("RABBITMQ_ENABLED_PLUGINS_FILE", path.join("plugins"))
            .env("RABBITMQ_CONFIG_FILE", path.join("rabbitmq.conf"))
            .env("RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS", told);
        let process = Process::start("rabbitmq-server", &mut command, &path.join("log"));
        let api = format!("127.0.0.1:{api}");
        let server = Self { api, port, process, http: crate::http(), folder };
        wait::until("RabbitMQ to be ready", PATIENCE, || async {
            let url = format!("http://{}/api/overview", server.api);
            let answer = server.http.get(url).basic_auth("guest", Some("guest")).send().await;
            answer.ok().filter(|answer| answer.status().is_success())
        })
        .await;
        server
    }

    /// Ends it as `kill -9` does.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Asks its management API to change something.
    pub async fn ask(&self, method: reqwest::Method, path: &str, body: Value) {
        let request = self.http.request(method, format!("http://{}/api/{path}", self.api));
        let answer = request.basic_auth("guest", Some("guest")).json(&body).send().await;
        let answer = answer.expect("an answer");
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
    }

    /// Starts a consumer of `queue` that takes `prefetch` messages and acknowledges none while it lives.
    pub fn consumer(&self, queue: &str, prefetch: u32) -> Process {
        let mut command = Command::new("amqp-consume");
        command.arg(format!("--url=amqp://guest:guest@127.0.0.1:{}", self.port));
        command.args(["-q", queue, "-p", &prefetch.to_string(), "sleep", "1000"]);
        Process::start("amqp-consume", &mut command, &self.folder.path().join("consumer"))
    }
}
