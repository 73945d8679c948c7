//! A real Thanos on loopback: three receivers in a hash ring, a querier, a ruler.

use crate::process::Process;
use crate::{free_port, http, wait, write};
use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

const RECEIVERS: usize = 3;

/// A running Thanos.
pub struct Thanos {
    /// Where Prometheus writes to.
    pub write_url: String,
    /// The querier, which speaks Prometheus's API.
    pub query_url: String,
    /// The ruler.
    pub rule_url: String,
    receivers: Vec<Process>,
    _others: [Process; 2],
}

struct Ports {
    grpc: u16,
    http: u16,
}

impl Ports {
    fn free() -> Self {
        Self { grpc: free_port(), http: free_port() }
    }

    fn arguments(&self) -> [String; 2] {
        let Self { grpc, http } = self;
        [format!("--grpc-address=127.0.0.1:{grpc}"), format!("--http-address=127.0.0.1:{http}")]
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.http)
    }
}

impl Thanos {
    /// Starts one in `folder` whose ruler loads `rules`, and waits until all of it is ready.
    pub async fn start(program: &Path, folder: &Path, rules: &Path) -> Self {
        let rings: Vec<Ports> = (0..RECEIVERS).map(|_| Ports::free()).collect();
        let (query, rule) = (Ports::free(), Ports::free());
        let endpoints: Vec<String> =
            rings.iter().map(|ports| format!("127.0.0.1:{}", ports.grpc)).collect();
        let ring = json!([{"endpoints": endpoints}]).to_string();
        let ring = write(folder, "hashrings.json", &ring);
        let (mut receivers, mut write_url) = (Vec::new(), String::new());
        for (number, ports) in rings.iter().enumerate() {
            let remote_write = free_port();
            write_url = format!("http://127.0.0.1:{remote_write}/api/v1/receive");
            let mut command = Command::new(program);
            command.arg("receive").args(ports.arguments()).args([
                format!("--remote-write.address=127.0.0.1:{remote_write}"),
                format!("--receive.capnproto-address=127.0.0.1:{}", free_port()),
                format!("--receive.local-endpoint=127.0.0.1:{}", ports.grpc),
                format!("--receive.hashrings-file={}", ring.display()),
                format!("--tsdb.path={}", folder.join(format!("receive{number}")).display()),
                format!("--label=receiver=\"{number}\""),
            ]);
            let log = folder.join(format!("receive{number}.log"));
            receivers.push(Process::start("thanos receive", &mut command, &log));
        }
        let mut command = Command::new(program);
        command.arg("query").args(query.arguments());
        command.args(["--query.replica-label=receiver", "--query.replica-label=ruler"]);
        command.args(endpoints.iter().map(|endpoint| format!("--endpoint-strict={endpoint}")));
        command.arg(format!("--endpoint-strict=127.0.0.1:{}", rule.grpc));
        let querier = Process::start("thanos query", &mut command, &folder.join("query.log"));
        let mut command = Command::new(program);
        command.arg("rule").args(rule.arguments()).args([
            format!("--query={}", query.url()),
            format!("--rule-file={}", rules.display()),
            format!("--data-dir={}", folder.join("rule").display()),
            "--eval-interval=1s".into(),
            "--label=ruler=\"0\"".into(),
        ]);
        let ruler = Process::start("thanos rule", &mut command, &folder.join("rule.log"));
        let (query_url, rule_url) = (query.url(), rule.url());
        let thanos = Self { write_url, query_url, rule_url, receivers, _others: [querier, ruler] };
        for ports in rings.iter().chain([&query, &rule]) {
            let ready = format!("{}/-/ready", ports.url());
            wait::until(&ready, Duration::from_secs(60), || is_ready(&ready)).await;
        }
        thanos
    }

    /// Kills one receiver, and with it a third of the series.
    pub fn kill_a_receiver(&mut self) {
        self.receivers.pop();
    }

    /// Asks the querier, which answers whole or not at all.
    ///
    /// # Errors
    /// What the querier says when a part of the answer is missing.
    pub async fn query(&self, expression: &str) -> Result<Vec<Value>, String> {
        let url = format!("{}/api/v1/query", self.query_url);
        let form = [("query", expression), ("partial_response", "false")];
        let answer = http().get(url).query(&form).send().await.expect("an answer");
        let mut answer: Value = answer.json().await.expect("JSON");
        match answer["data"]["result"].take() {
            Value::Array(series) if answer["warnings"].is_null() => Ok(series),
            _ => Err(answer["error"].as_str().unwrap_or("a warning").to_owned()),
        }
    }

    /// Returns the state of the alert of that name, if the ruler has one.
    pub async fn alert(&self, name: &str) -> Option<String> {
        let url = format!("{}/api/v1/alerts", self.rule_url);
        let answer = http().get(url).send().await.expect("an answer");
        let answer: Value = answer.json().await.expect("JSON");
        // Thanos spells this key otherwise than Prometheus, and has null for none.
        assert!(answer["data"].get("Alerts").is_some(), "{answer}");
        let alerts = answer["data"]["Alerts"].as_array()?;
        let alert = alerts.iter().find(|alert| alert["labels"]["alertname"] == name)?;
        alert["state"].as_str().map(str::to_owned)
    }
}

async fn is_ready(url: &str) -> Option<()> {
    let answer = http().get(url).send().await.ok()?;
    answer.status().is_success().then_some(())
}
