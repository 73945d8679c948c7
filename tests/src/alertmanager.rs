//! A real Alertmanager, and the receiver that it notifies.

use crate::process::Process;
use crate::{free_port, scratch, wait, write};
use axum::{Json, Router, extract::State, routing::post};
use serde_json::Value;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A running Alertmanager whose every notification is kept.
pub struct Alertmanager {
    /// Its host and port.
    pub address: String,
    received: Arc<Mutex<Vec<Value>>>,
    http: reqwest::Client,
    receiver: tokio::task::JoinHandle<()>,
    _process: Process,
    _folder: tempfile::TempDir,
}

impl Alertmanager {
    /// Starts one that groups by alert name, service and SLO and notifies at once.
    pub async fn start() -> Self {
        Self::start_with(|hook| {
            format!(
                "route: {{receiver: test, group_by: [alertname, service, slo], group_wait: 0s, \
                 group_interval: 1s, repeat_interval: 1h}}\n\
                 receivers: [{{name: test, webhook_configs: [{{url: '{hook}'}}]}}]\n"
            )
        })
        .await
    }

    /// Starts one on the configuration that `config` gives for the URL of its webhooks.
    pub async fn start_with(config: impl FnOnce(&str) -> String) -> Self {
        let folder = scratch();
        let received: Arc<Mutex<Vec<Value>>> = Arc::default();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let hook = listener.local_addr().expect("its address");
        let router = Router::new().route("/", post(keep)).with_state(received.clone());
        let receiver = tokio::spawn(async move {
            axum::serve(listener, router).await.expect("the receiver serves");
        });
        let config = config(&format!("http://{hook}/"));
        let config = write(folder.path(), "alertmanager.yml", &config);
        let address = format!("127.0.0.1:{}", free_port());
        let mut command = Command::new("prometheus-alertmanager");
        command
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.path={}", folder.path().join("data").display()))
            .arg(format!("--web.listen-address={address}"))
            .arg("--cluster.listen-address=");
        let process = Process::start("alertmanager", &mut command, &folder.path().join("log"));
        let server = Self {
            address,
            received,
            http: crate::http(),
            receiver,
            _process: process,
            _folder: folder,
        };
        wait::until("Alertmanager to be ready", Duration::from_secs(30), || server.is_ready())
            .await;
        server
    }

    async fn is_ready(&self) -> Option<()> {
        let url = format!("http://{}/-/ready", self.address);
        self.http.get(url).send().await.ok()?.status().is_success().then_some(())
    }

    /// Returns the alerts that it holds, by its own API.
    pub async fn alerts(&self) -> Vec<Value> {
        let url = format!("http://{}/api/v2/alerts", self.address);
        let answer = self.http.get(url).send().await.expect("an answer");
        answer.json().await.expect("JSON")
    }

    /// Returns how many alerts were posted to it that are `status`, repeated ones included.
    pub async fn posted(&self, status: &str) -> u64 {
        let url = format!("http://{}/metrics", self.address);
        let text = self.http.get(url).send().await.expect("an answer").text().await.expect("text");
        let of_status = format!("status=\"{status}\"");
        text.lines()
            .filter(|line| line.starts_with("alertmanager_alerts_received_total{"))
            .filter(|line| line.contains(&of_status))
            .filter_map(|line| line.split_whitespace().last()?.parse::<u64>().ok())
            .sum()
    }

    /// Returns every notification so far, oldest first.
    pub fn notifications(&self) -> Vec<Value> {
        self.received.lock().expect("no one panicked").clone()
    }

    /// Returns every alert of every notification so far, oldest first.
    pub fn notified(&self) -> Vec<Value> {
        let alerts = |body: Value| body["alerts"].as_array().cloned().unwrap_or_default();
        self.notifications().into_iter().flat_map(alerts).collect()
    }
}

impl Drop for Alertmanager {
    fn drop(&mut self) {
        self.receiver.abort();
    }
}

async fn keep(State(received): State<Arc<Mutex<Vec<Value>>>>, Json(body): Json<Value>) {
    received.lock().expect("no one panicked").push(body);
}
