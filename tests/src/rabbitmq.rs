//! A real RabbitMQ server with its management API.

use crate::authority::Files;
use crate::process::Process;
use crate::{free_port, scratch, wait};
use serde_json::Value;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(90);

/// A running RabbitMQ server.
pub struct RabbitMq {
    /// Host and port of its management API.
    pub api: String,
    port: u16,
    control: u16,
    process: Process,
    http: reqwest::Client,
    folder: tempfile::TempDir,
}

impl RabbitMq {
    /// Starts one and waits until it answers.
    pub async fn start() -> Self {
        Self::start_told("").await
    }

    /// Starts one whose management API speaks TLS on a port of its own as well.
    pub async fn with_tls(files: &Files) -> (Self, u16) {
        let port = free_port();
        let told = format!(
            "management.ssl.ip = 127.0.0.1\nmanagement.ssl.port = {port}\nmanagement.ssl.certfile = {}\n\
             management.ssl.keyfile = {}\nmanagement.ssl.cacertfile = {}\n",
            files.certificate.display(),
            files.key.display(),
            files.certificate.display()
        );
        (Self::start_told(&told).await, port)
    }

    /// Starts one with further lines of configuration.
    pub async fn start_told(told: &str) -> Self {
        let (port, api, control, folder) = (free_port(), free_port(), free_port(), scratch());
        let config = format!(
            "listeners.tcp.local = 127.0.0.1:{port}\nmanagement.tcp.ip = 127.0.0.1\n\
             management.tcp.port = {api}\ncollect_statistics_interval = 500\n{told}"
        );
        crate::write(folder.path(), "rabbitmq.conf", &config);
        crate::write(folder.path(), "plugins", "[rabbitmq_management].\n");
        let process = spawn(folder.path(), port, control);
        let api = format!("127.0.0.1:{api}");
        let server = Self { api, port, control, process, http: crate::http(), folder };
        server.await_ready().await;
        server
    }

    /// Starts it anew with what it has stored.
    pub async fn restart(&mut self) {
        self.process.kill();
        self.process = spawn(self.folder.path(), self.port, self.control);
        self.await_ready().await;
    }

    async fn await_ready(&self) {
        wait::until("RabbitMQ to be ready", PATIENCE, || async {
            let url = format!("http://{}/api/overview", self.api);
            let answer = self.http.get(url).basic_auth("guest", Some("guest")).send().await;
            answer.ok().filter(|answer| answer.status().is_success())
        })
        .await;
    }

    /// Runs an expression in it, as its operator would.
    ///
    /// # Panics
    /// It refuses.
    pub fn eval(&self, expression: &str) {
        let mut command = Command::new("/usr/lib/rabbitmq/bin/rabbitmqctl");
        let told = format!("-start_epmd false -erl_epmd_port {} -dist_listen false", self.control);
        command.env("HOME", self.folder.path()).env("RABBITMQ_CTL_ERL_ARGS", told);
        let output = command.args(["-n", &node(self.port), "eval", expression]).output();
        let output = output.expect("rabbitmqctl runs");
        assert!(output.status.success(), "{output:?}");
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

    /// Starts a publisher that sends one message to `queue` and ends when the server has taken it.
    pub fn publisher(&self, queue: &str) -> Process {
        let mut command = Command::new("amqp-publish");
        command.arg(format!("--url=amqp://guest:guest@127.0.0.1:{}", self.port));
        command.args(["-r", queue, "-b", "x"]);
        Process::start("amqp-publish", &mut command, &self.folder.path().join("publisher"))
    }
}

/// Starts the server itself and not the package's wrapper, which changes the user; in the foreground, and
/// without the daemon that would tell other nodes where it is.
fn spawn(folder: &Path, port: u16, control: u16) -> Process {
    let mut command = Command::new("/usr/lib/rabbitmq/bin/rabbitmq-server");
    let control = control.to_string();
    let told = format!("-noinput -start_epmd false -erl_epmd_port {control}");
    command
        .env("HOME", folder)
        .env("RABBITMQ_ALLOW_INPUT", "1")
        .env("RABBITMQ_NODENAME", node(port))
        .env("RABBITMQ_NODE_PORT", port.to_string())
        .env("RABBITMQ_DIST_PORT", &control)
        .env("RABBITMQ_MNESIA_BASE", folder.join("data"))
        .env("RABBITMQ_LOG_BASE", folder.join("logs"))
        .env("RABBITMQ_ENABLED_PLUGINS_FILE", folder.join("plugins"))
        .env("RABBITMQ_CONFIG_FILE", folder.join("rabbitmq.conf"))
        .env("RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS", told);
    Process::start("rabbitmq-server", &mut command, &folder.join("log"))
}

/// Servers that run at once must not have the same name.
fn node(port: u16) -> String {
    format!("plimsoll{port}@localhost")
}
