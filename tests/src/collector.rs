//! A real OpenTelemetry Collector with the shipped configuration.

use crate::process::Process;
use crate::{free_port, root, scratch, wait, write};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// A running Collector.
pub struct Collector {
    /// Where OTLP over HTTP goes, as `http://127.0.0.1:4318`.
    pub otlp: String,
    /// Where it exposes what it has received, as `127.0.0.1:8889`.
    pub exposition: String,
    _process: Process,
    _folder: tempfile::TempDir,
}

/// Where a Collector sends to.
pub struct Onward<'a> {
    /// A remote-write receiver, as `http://127.0.0.1:9090/api/v1/write`.
    pub remote_write: &'a str,
    /// An OTLP server, as `http://127.0.0.1:4320`.
    pub otlp: &'a str,
    /// What it scrapes, as `127.0.0.1:8080`.
    pub scrape: &'a str,
}

impl Collector {
    /// Starts one: the shipped configuration, and over it nothing but ports that are free.
    pub async fn start(binary: &Path, onward: &Onward<'_>) -> Self {
        let folder = scratch();
        let ports: Vec<u16> = (0..5).map(|_| free_port()).collect();
        let [grpc, http, exposition, health, own] = ports[..] else { unreachable!("five") };
        let over = write(
            folder.path(),
            "ports.yaml",
            &format!(
                "receivers:\n  otlp:\n    protocols:\n      grpc: {{endpoint: '127.0.0.1:{grpc}'}}\n      \
                 http: {{endpoint: '127.0.0.1:{http}'}}\n  prometheus:\n    config:\n      \
                 scrape_configs:\n        - {{job_name: scraped, scrape_interval: 1s, \
                 scrape_timeout: 1s, static_configs: [{{targets: ['{scrape}']}}]}}\n\
                 exporters:\n  prometheus: {{endpoint: '127.0.0.1:{exposition}'}}\n\
                 extensions:\n  health_check: {{endpoint: '127.0.0.1:{health}'}}\n\
                 service:\n  telemetry:\n    metrics:\n      readers:\n        - pull: {{exporter: \
                 {{prometheus: {{host: 127.0.0.1, port: {own}}}}}}}\n",
                scrape = onward.scrape,
            ),
        );
        let mut command = shipped(binary, folder.path());
        command.arg("--config").arg(over);
        command.env("REMOTE_WRITE_ENDPOINT", onward.remote_write);
        command.env("OTLP_ENDPOINT", onward.otlp);
        let process = start(&mut command, folder.path(), health).await;
        Self {
            otlp: format!("http://127.0.0.1:{http}"),
            exposition: format!("127.0.0.1:{exposition}"),
            _process: process,
            _folder: folder,
        }
    }

    /// Starts one that takes OTLP and sends its metrics on to `daemon`, as they are.
    pub async fn relay(binary: &Path, daemon: &str) -> Self {
        let folder = scratch();
        let (http, health) = (free_port(), free_port());
        let config = write(
            folder.path(),
            "relay.yaml",
            &format!(
                "receivers: {{otlp: {{protocols: {{http: {{endpoint: '127.0.0.1:{http}'}}}}}}}}\n\
                 exporters: {{otlp_http: {{endpoint: '{daemon}'}}}}\n\
                 extensions: {{health_check: {{endpoint: '127.0.0.1:{health}'}}}}\n\
                 service:\n  extensions: [health_check]\n  telemetry: {{metrics: {{level: none}}}}\n  \
                 pipelines: {{metrics: {{receivers: [otlp], exporters: [otlp_http]}}}}\n"
            ),
        );
        let mut command = Command::new(binary);
        command.arg("--config").arg(config);
        let process = start(&mut command, folder.path(), health).await;
        Self {
            otlp: format!("http://127.0.0.1:{http}"),
            exposition: String::new(),
            _process: process,
            _folder: folder,
        }
    }

    /// Returns what `validate` says of the shipped configuration, and whether it passes.
    pub fn validate(binary: &Path) -> (bool, String) {
        let folder = scratch();
        let mut command = shipped(binary, folder.path());
        let output = command.arg("validate").output().expect("the Collector runs");
        let said = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8_lossy(&said).into_owned())
    }
}

fn shipped(binary: &Path, folder: &Path) -> Command {
    let mut command = Command::new(binary);
    command.arg("--config").arg(root().join("collector-config/otel-collector.yaml"));
    command.env("QUEUE_DIRECTORY", folder.join("queue"));
    command
}

/// Starts a Collector and waits until the port of its health says that it runs.
async fn start(command: &mut Command, folder: &Path, health: u16) -> Process {
    let log = folder.join("log");
    let process = Process::start("otelcol", command, &log);
    let client = crate::http();
    wait::until("the Collector to be ready", Duration::from_secs(60), || async {
        let answer = client.get(format!("http://127.0.0.1:{health}/")).send().await;
        let said = std::fs::read_to_string(&log).unwrap_or_default();
        assert!(!said.contains("Error:"), "the Collector ended:\n{said}");
        answer.ok()?.status().is_success().then_some(())
    })
    .await;
    process
}
