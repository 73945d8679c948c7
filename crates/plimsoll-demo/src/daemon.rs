//! The daemon that watches the service: on a runtime of its own, configured by the same files that
//! `plimsoll serve` reads, and connected to the service by HTTP alone.

use plimsoll_daemon::{Config, Daemon};
use plimsoll_runtime::clock::Clock;
use plimsoll_runtime::shutdown::{self, Stopper};
use serde_json::Value;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// How often the daemon scrapes the service.
pub(crate) const SCRAPED_EVERY: Duration = Duration::from_millis(100);

/// How long the daemon may take to see its target, and the end of the load.
const SETTLED_WITHIN: Duration = Duration::from_secs(5);

/// A running daemon.
pub(crate) struct Watch {
    address: SocketAddr,
    client: reqwest::Client,
    stopper: Stopper,
    running: JoinHandle<anyhow::Result<()>>,
    runtime: Runtime,
    _folder: Option<tempfile::TempDir>,
}

/// What the daemon is to be told.
pub(crate) struct Setup<'a> {
    pub(crate) listen: SocketAddr,
    pub(crate) data_dir: Option<&'a Path>,
    /// What it scrapes.
    pub(crate) metrics: SocketAddr,
    /// The SLOs, each file by its name, as they are shipped under `examples/`.
    pub(crate) slos: &'a [(&'static str, &'static str)],
    pub(crate) alertmanagers: &'a [String],
}

impl Watch {
    /// Writes the configuration and starts the daemon on it.
    ///
    /// # Errors
    /// The files can't be written, or the daemon can't be bound; the message says what to do.
    pub(crate) fn start(setup: &Setup<'_>, clock: Arc<dyn Clock>) -> anyhow::Result<Self> {
        let folder = match setup.data_dir {
            Some(_) => None,
            None => Some(tempfile::Builder::new().prefix("plimsoll-demo-").tempdir()?),
        };
        let home: PathBuf = match (&folder, setup.data_dir) {
            (Some(folder), _) => folder.path().to_owned(),
            (None, Some(path)) => path.to_owned(),
            (None, None) => PathBuf::from("."),
        };
        let config = configure(setup, &home)?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("demo-daemon")
            .enable_all()
            .build()?;
        let bound = runtime.block_on(async { Daemon::bind(config, clock) })?;
        let address = bound.address();
        let (stopper, stop) = shutdown::channel();
        let running = runtime.spawn(async move { Ok(bound.run(stop).await?) });
        let client = reqwest::Client::new();
        Ok(Self { address, client, stopper, running, runtime, _folder: folder })
    }

    /// Returns the address of the page.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Asks the daemon's API.
    ///
    /// # Errors
    /// The daemon doesn't answer.
    pub(crate) async fn get(&self, path: &str) -> anyhow::Result<Value> {
        let url = format!("http://{}{path}", self.address);
        Ok(self.client.get(url).send().await?.json().await?)
    }

    /// Puts a mark on the charts.
    ///
    /// # Errors
    /// The daemon refuses it or doesn't answer.
    pub(crate) async fn mark(&self, mark: &Value) -> anyhow::Result<()> {
        let url = format!("http://{}/api/v1/events", self.address);
        self.client.post(url).json(mark).send().await?.error_for_status()?;
        Ok(())
    }

    /// Waits until the daemon has scraped its target once, so that every count starts at zero before its
    /// eyes, and marks the deployment on the charts.
    ///
    /// # Errors
    /// It doesn't see the target.
    pub(crate) async fn await_first_scrape(&self) -> anyhow::Result<()> {
        let deadline = Instant::now() + SETTLED_WITHIN;
        let mut tick = tokio::time::interval(Duration::from_millis(20));
        loop {
            tick.tick().await;
            let targets = self.get("/api/v1/targets").await;
            if targets.is_ok_and(|targets| targets["targets"][0]["state"] == "up") {
                break;
            }
            anyhow::ensure!(Instant::now() < deadline, "the daemon doesn't see the service");
        }
        let version = env!("CARGO_PKG_VERSION");
        let text = format!("checkout {version} deployed");
        self.mark(&serde_json::json!({"kind": "deploy", "service": "checkout", "text": text})).await
    }

    /// Waits until the daemon's numbers are younger than the last answer, then takes them: what
    /// `/api/v1/slos` and `/api/v1/alerts` say.
    ///
    /// # Errors
    /// The daemon doesn't answer.
    pub(crate) async fn settled(&self, clock: &dyn Clock) -> anyhow::Result<[Value; 2]> {
        // Two scrapes later, because one may have been under way when the last answer came.
        let settled = clock.now() + 2 * SCRAPED_EVERY;
        let deadline = Instant::now() + SETTLED_WITHIN;
        let mut tick = tokio::time::interval(Duration::from_millis(50));
        loop {
            tick.tick().await;
            let slos = self.get("/api/v1/slos").await?;
            let alerts = self.get("/api/v1/alerts").await?;
            let is_settled = as_of_ms(&slos).is_some_and(|as_of| as_of > settled.0);
            if is_settled || Instant::now() >= deadline {
                return Ok([slos, alerts]);
            }
        }
    }

    /// Ends the daemon.
    ///
    /// # Errors
    /// It ended with one itself.
    pub(crate) fn stop(self) -> anyhow::Result<()> {
        self.stopper.drain();
        self.runtime.block_on(self.running)?
    }
}

/// Returns the time that the daemon's numbers stand for, of the SLO that is furthest behind.
fn as_of_ms(slos: &Value) -> Option<i64> {
    let times = slos["slos"].as_array()?.iter().map(|slo| {
        let text = slo["as_of"].as_str()?;
        let time = OffsetDateTime::parse(text, &Rfc3339).ok()?;
        i64::try_from(time.unix_timestamp_nanos() / 1_000_000).ok()
    });
    times.min().flatten()
}

/// Writes what the daemon reads into `home` and reads it back as `plimsoll serve` does.
fn configure(setup: &Setup<'_>, home: &Path) -> anyhow::Result<Config> {
    std::fs::create_dir_all(home)?;
    for (name, text) in setup.slos {
        std::fs::write(home.join(name), text)?;
    }
    let files: Vec<String> = setup.slos.iter().map(|(name, _)| format!("'{name}'")).collect();
    let alertmanagers: Vec<String> =
        setup.alertmanagers.iter().map(|address| format!("'{address}'")).collect();
    let text = format!(
        "listen: '{}'\n\
         data_dir: '{}'\n\
         global: {{scrape_interval: {interval}ms, scrape_timeout: {interval}ms}}\n\
         scrape_configs:\n\
         - {{job_name: checkout, static_configs: [{{targets: ['{}']}}]}}\n\
         slo_files: [{}]\n\
         alerting: {{alertmanagers: [{{static_configs: [{{targets: [{}]}}]}}]}}\n",
        setup.listen,
        home.join("state").display(),
        setup.metrics,
        files.join(", "),
        alertmanagers.join(", "),
        interval = SCRAPED_EVERY.as_millis(),
    );
    let path = home.join("plimsoll.yml");
    std::fs::write(&path, text)?;
    Config::read(&path).map_err(|faults| {
        let lines: Vec<String> = faults.iter().map(ToString::to_string).collect();
        anyhow::anyhow!("the demo's own configuration is refused:\n{}", lines.join("\n"))
    })
}
