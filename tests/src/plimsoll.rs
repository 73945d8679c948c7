//! The real binary: the demo, or a daemon.

use crate::process::Process;
use crate::{free_port, root, scratch, wait};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

/// Returns the path of the release binary, which the first caller builds; `PLIMSOLL_BINARY` names one that is
/// built already.
pub fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        if let Some(built) = std::env::var_os("PLIMSOLL_BINARY") {
            return built.into();
        }
        let mut build = Command::new(env!("CARGO"));
        // What cargo tells a test about its package would make build scripts run anew.
        for (name, _) in std::env::vars_os() {
            let told = ["CARGO_PKG_", "CARGO_MANIFEST_"];
            if name.to_str().is_some_and(|name| told.iter().any(|start| name.starts_with(start))) {
                build.env_remove(name);
            }
        }
        let output = build
            .args(["build", "--release", "--package", "plimsoll-cli", "--message-format=json"])
            .current_dir(root())
            .output()
            .expect("cargo runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout)
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok())
            .find_map(|message| message["executable"].as_str().map(PathBuf::from))
            .expect("cargo names the executable")
    })
}

/// A running daemon and its API.
pub struct Daemon {
    /// Its address, as `http://127.0.0.1:9797`.
    pub url: String,
    /// The process.
    pub process: Process,
    log: PathBuf,
    http: reqwest::Client,
    folder: tempfile::TempDir,
}

impl Daemon {
    /// Starts the demo with more `arguments` and waits until its daemon is ready.
    pub async fn demo(arguments: &[&str]) -> Self {
        let mut words = vec!["demo"];
        words.extend(arguments);
        Self::start(&words, scratch()).await
    }

    /// Starts `plimsoll serve` on a configuration in `folder` and waits until it is ready.
    pub async fn serve(folder: tempfile::TempDir) -> Self {
        let config = folder.path().join("plimsoll.yml").display().to_string();
        Self::start(&["serve", "--config", &config], folder).await
    }

    async fn start(words: &[&str], folder: tempfile::TempDir) -> Self {
        let address = format!("127.0.0.1:{}", free_port());
        let data = folder.path().join("data");
        let log = folder.path().join("log");
        let mut command = Command::new(binary());
        command.args(words).args(["--listen", &address, "--log", "info"]);
        command.arg("--data-dir").arg(&data);
        let process = Process::start("plimsoll", &mut command, &log);
        let mut daemon =
            Self { url: format!("http://{address}"), process, log, http: crate::http(), folder };
        daemon.await_ready().await;
        daemon
    }

    /// Kills the process as `kill -9` does and starts it anew on the same data.
    pub async fn kill_and_restart(self) -> Self {
        let Self { mut process, folder, .. } = self;
        process.kill();
        Self::serve(folder).await
    }

    async fn await_ready(&mut self) {
        let ready = format!("{}/-/ready", self.url);
        let end = tokio::time::Instant::now() + Duration::from_secs(30);
        let mut tick = tokio::time::interval(Duration::from_millis(50));
        loop {
            tick.tick().await;
            let answer = self.http.get(&ready).send().await;
            if answer.is_ok_and(|answer| answer.status().is_success()) {
                return;
            }
            assert!(self.process.is_running(), "plimsoll ended early:\n{}", self.log());
            assert!(tokio::time::Instant::now() < end, "plimsoll isn't ready:\n{}", self.log());
        }
    }

    /// Returns what it has written so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Returns the address of the demo service's own metrics, which its welcome names.
    pub async fn metrics_address(&self) -> String {
        let url = wait::until("the welcome", Duration::from_secs(60), || async {
            let log = self.log();
            let line = log.lines().find(|line| line.ends_with("/metrics"))?;
            line.split_whitespace().last().map(str::to_owned)
        })
        .await;
        url.trim_start_matches("http://").trim_end_matches("/metrics").to_owned()
    }

    /// Returns the folder that it was started in.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Asks its API.
    pub async fn get(&self, path: &str) -> Value {
        let url = format!("{}{path}", self.url);
        let answer =
            self.http.get(&url).send().await.unwrap_or_else(|error| panic!("{url}: {error}"));
        answer.json().await.unwrap_or_else(|error| panic!("{url}: {error}"))
    }

    /// Returns the SLO with this name, of the first label set that it has.
    pub async fn slo(&self, name: &str) -> Option<Value> {
        let body = self.get("/api/v1/slos").await;
        body["slos"].as_array()?.iter().find(|slo| slo["slo"] == name).cloned()
    }

    /// Returns the alerts of the SLO with this name and severity, resolved ones included.
    pub async fn alert(&self, slo: &str, severity: &str) -> Option<Value> {
        let body = self.get("/api/v1/alerts").await;
        let alerts = body["alerts"].as_array()?;
        let is_it = |alert: &&Value| alert["labels"]["slo"] == slo && alert["severity"] == severity;
        alerts.iter().find(is_it).cloned()
    }

    /// Waits until an alert is in `state`.
    pub async fn await_alert(
        &self,
        slo: &str,
        severity: &str,
        state: &str,
        limit: Duration,
    ) -> Value {
        let what = format!("{slo} to be {state} as a {severity}");
        wait::until(&what, limit, || async {
            self.alert(slo, severity).await.filter(|alert| alert["state"] == state)
        })
        .await
    }
}
