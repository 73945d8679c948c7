//! A daemon in this process, and what it talks to.

use plimsoll_daemon::{Config, Daemon, RunError};
use plimsoll_runtime::clock::{Clock, SystemClock};
use plimsoll_runtime::shutdown::{self, Stopper};
use serde_json::Value;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;

/// How long anything may take before a test gives up.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A directory of its own for each test.
pub(crate) struct Folder(pub(crate) PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("plimsoll-daemon-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).expect("a directory");
        Self(path)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        std::fs::write(self.0.join(name), text).expect("written");
    }

    pub(crate) fn config(&self) -> Config {
        let read = Config::read(&self.0.join("plimsoll.yml"));
        read.unwrap_or_else(|faults| panic!("{faults:#?}"))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

/// One SLO of events for each job, over an hour, so that the policy's windows are seconds.
pub(crate) fn slos(jobs: &[&str]) -> String {
    let slo = |job: &&str| {
        format!(
            "  - name: {job}\n    objective: 99%\n    window: 1h\n    \
             sli: {{events: {{total: 'requests_total{{job=\"{job}\"}}', \
             bad: 'failures_total{{job=\"{job}\"}}'}}}}\n    \
             alerting: {{runbook: 'https://runbooks.test/{job}', page: {{labels: {{channel: oncall}}}}}}\n"
        )
    };
    let each: String = jobs.iter().map(slo).collect();
    format!("apiVersion: plimsoll/v1\nservice: shop\nlabels: {{team: payments}}\nslos:\n{each}")
}

/// A configuration with these jobs, ten scrapes a second; `more` is appended.
pub(crate) fn config(jobs: &[(&str, SocketAddr)], more: &str) -> String {
    let job = |(name, address): &(&str, SocketAddr)| {
        format!("  - {{job_name: {name}, static_configs: [{{targets: ['{address}']}}]}}\n")
    };
    let each: String = jobs.iter().map(job).collect();
    format!(
        "listen: 127.0.0.1:0\ndata_dir: state\n\
         global: {{scrape_interval: 100ms, scrape_timeout: 100ms, external_labels: {{region: eu}}}}\n\
         scrape_configs:\n{each}slo_files: ['slo*.yml']\n{more}"
    )
}

/// The same configuration with one scrape a second.
pub(crate) fn slowed(config: &str) -> String {
    config.replace("100ms, scrape_timeout: 100ms", "1s, scrape_timeout: 900ms")
}

/// A daemon that runs, in a runtime of its own, so that it can be killed with all that it began.
pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    stopper: Stopper,
    ended: JoinHandle<Result<(), RunError>>,
    runtime: Option<Runtime>,
    client: reqwest::Client,
}

impl Running {
    pub(crate) fn start(config: Config) -> Self {
        Self::start_with(config, SystemClock::start())
    }

    pub(crate) fn start_with(config: Config, clock: impl Clock) -> Self {
        let bound = Daemon::bind(config, Arc::new(clock)).expect("bound");
        let (stopper, stop) = shutdown::channel();
        let address = bound.address();
        let client = reqwest::Client::builder().tls_certs_only([]).no_proxy();
        let client = client.build().expect("a client");
        let runtime = Runtime::new().expect("a runtime");
        let ended = runtime.spawn(bound.run(stop));
        Self { address, stopper, ended, runtime: Some(runtime), client }
    }

    pub(crate) async fn stop(mut self) {
        self.stopper.drain();
        let ended = tokio::time::timeout(PATIENCE, &mut self.ended).await.expect("it ends in time");
        ended.expect("no panic").expect("it ends well");
    }

    /// Ends it as a crash would: whatever isn't on disk is lost.
    pub(crate) async fn kill(mut self) {
        let runtime = self.runtime.take().expect("it runs");
        let killed = tokio::task::spawn_blocking(move || runtime.shutdown_timeout(PATIENCE));
        killed.await.expect("killed");
    }

    pub(crate) async fn get(&self, path: &str) -> reqwest::Response {
        let url = format!("http://{}{path}", self.address);
        self.client.get(url).send().await.expect("an answer")
    }

    pub(crate) async fn json(&self, path: &str) -> Value {
        self.get(path).await.json().await.expect("JSON")
    }

    pub(crate) fn post(&self, path: &str) -> reqwest::RequestBuilder {
        self.client.post(format!("http://{}{path}", self.address))
    }

    pub(crate) async fn slo(&self, id: &str) -> Value {
        self.json(&format!("/api/v1/slos/{}", id.replace('/', "%2F"))).await
    }

    /// Waits until what is known now is on disk: a checkpoint that began later is.
    pub(crate) async fn on_disk(&self) {
        // Without the letter at its end, text sorts as time does, whatever its fraction.
        let time = |value: &Value| value.as_str().map(|text| text.trim_end_matches('Z').to_owned());
        let now = time(&self.json("/api/v1/status").await["now"]);
        assert!(now.is_some(), "a status says what time it is");
        self.until("/api/v1/status", |status| time(&status["flushed_at"]) > now).await;
    }

    /// Reads `path` until `found` says that it holds what is waited for.
    pub(crate) async fn until(&self, path: &str, found: impl Fn(&Value) -> bool) -> Value {
        let poll = async {
            let mut ticks = tokio::time::interval(Duration::from_millis(50));
            loop {
                ticks.tick().await;
                let value = self.json(path).await;
                if found(&value) {
                    return value;
                }
            }
        };
        match tokio::time::timeout(PATIENCE, poll).await {
            Ok(value) => value,
            Err(_) => panic!("{path} never came to it: {:#}", self.json(path).await),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // A runtime may not be dropped where tasks run; nobody waits for this one any more.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
