//! A real Prometheus.

use crate::process::Process;
use crate::{free_port, scratch, wait, write};
use serde_json::Value;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

/// A running Prometheus server.
pub struct Prometheus {
    /// Its address, as `http://127.0.0.1:9090`.
    pub url: String,
    http: reqwest::Client,
    _process: Process,
    _folder: tempfile::TempDir,
}

/// Which Prometheus is to run, and what it is told besides its targets.
#[derive(Clone, Copy, Debug)]
pub struct Make<'a> {
    /// The program.
    pub program: &'a Path,
    /// More arguments.
    pub arguments: &'a [&'a str],
    /// More keys of each scrape configuration, as `honor_labels: true`.
    pub scrape: &'a str,
    /// More lines of the configuration, as `remote_write: […]`.
    pub config: &'a str,
    /// OpenMetrics text of the past, which becomes its first blocks.
    pub past: Option<&'a Path>,
}

impl Default for Make<'_> {
    /// Debian's, told nothing.
    fn default() -> Self {
        Self {
            program: Path::new("prometheus"),
            arguments: &[],
            scrape: "",
            config: "",
            past: None,
        }
    }
}

impl Prometheus {
    /// Starts one that scrapes `targets` (job and address) each second and loads `rules`.
    pub async fn start(targets: &[(&str, &str)], rules: &[&Path]) -> Self {
        Self::start_as(Make::default(), targets, rules).await
    }

    /// Starts one as `make` says, otherwise as [`Prometheus::start`] does.
    pub async fn start_as(make: Make<'_>, targets: &[(&str, &str)], rules: &[&Path]) -> Self {
        let folder = scratch();
        let more = make.scrape;
        let jobs: String = targets
            .iter()
            .map(|(job, address)| {
                format!(
                    "- {{job_name: {job}, static_configs: [{{targets: ['{address}']}}]{more}}}\n"
                )
            })
            .collect();
        let files: Vec<String> = rules.iter().map(|path| format!("'{}'", path.display())).collect();
        let config = write(
            folder.path(),
            "prometheus.yml",
            &format!(
                "global: {{scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}}\n\
                 rule_files: [{}]\n{}scrape_configs:\n{jobs}",
                files.join(", "),
                make.config,
            ),
        );
        if let Some(past) = make.past {
            create_blocks(past, &folder.path().join("data"));
        }
        let address = format!("127.0.0.1:{}", free_port());
        let mut command = Command::new(make.program);
        command
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.tsdb.path={}", folder.path().join("data").display()))
            .arg(format!("--web.listen-address={address}"))
            .arg("--log.level=warn")
            // The past may lie years back.
            .arg("--storage.tsdb.retention.time=100y")
            .args(make.arguments);
        let process = Process::start("prometheus", &mut command, &folder.path().join("log"));
        let server = Self {
            url: format!("http://{address}"),
            http: crate::http(),
            _process: process,
            _folder: folder,
        };
        wait::until("Prometheus to be ready", Duration::from_secs(30), || server.is_ready()).await;
        server
    }

    async fn is_ready(&self) -> Option<()> {
        let answer = self.http.get(format!("{}/-/ready", self.url)).send().await.ok()?;
        answer.status().is_success().then_some(())
    }

    /// Evaluates `expression` now and returns its series.
    ///
    /// # Panics
    /// Prometheus refuses the expression.
    pub async fn query(&self, expression: &str) -> Vec<Value> {
        let data = self.data("query", &[("query", expression)]).await;
        data["result"].as_array().cloned().unwrap_or_default()
    }

    /// Returns the labels and the value of every exemplar of `selector`.
    pub async fn exemplars(&self, selector: &str) -> Vec<(Value, String)> {
        let ever = [("query", selector), ("start", "0"), ("end", "9999999999")];
        let data = self.data("query_exemplars", &ever).await;
        let series = data.as_array().cloned().unwrap_or_default();
        let all = series.iter().filter_map(|series| series["exemplars"].as_array()).flatten();
        all.map(|one| (one["labels"].clone(), one["value"].as_str().unwrap_or("").to_owned()))
            .collect()
    }

    /// Returns the alerts that are active now.
    pub async fn alerts(&self) -> Vec<Value> {
        let data = self.data("alerts", &[]).await;
        data["alerts"].as_array().cloned().unwrap_or_default()
    }

    /// Asks its API and returns what it answers with.
    async fn data(&self, what: &str, query: &[(&str, &str)]) -> Value {
        let request = self.http.get(format!("{}/api/v1/{what}", self.url)).query(query);
        let answer = request.send().await.expect("an answer");
        let mut answer: Value = answer.json().await.expect("JSON");
        assert_eq!(answer["status"], "success", "{what} {query:?}: {answer}");
        answer["data"].take()
    }
}

/// Makes blocks of samples that have times.
fn create_blocks(past: &Path, data: &Path) {
    let output = Command::new("promtool")
        .args(["tsdb", "create-blocks-from", "openmetrics", "--quiet"])
        .args([past, data])
        .output()
        .expect("promtool is installed");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Has this `promtool` look over a text of metrics.
///
/// # Panics
/// It has something to say.
pub fn check_metrics(promtool: &Path, text: &str) {
    let folder = scratch();
    let path = write(folder.path(), "metrics", text);
    let output = Command::new(promtool)
        .args(["check", "metrics"])
        .stdin(std::fs::File::open(path).expect("the file"))
        .stdout(Stdio::piped())
        .output()
        .expect("promtool is installed");
    let said = [output.stdout, output.stderr].concat();
    assert_eq!(String::from_utf8_lossy(&said), "", "promtool has something to say");
    assert!(output.status.success());
}
