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
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;

/// The SLOs of the checkout service, as they are shipped under `examples/`.
const SLOS: &str = include_str!("../../../examples/demo/slos.yaml");

/// How often the daemon scrapes the service.
pub(crate) const SCRAPED_EVERY: Duration = Duration::from_millis(100);

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
    pub(crate) metrics: SocketAddr,
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

    /// Ends the daemon.
    ///
    /// # Errors
    /// It ended with one itself.
    pub(crate) fn stop(self) -> anyhow::Result<()> {
        self.stopper.drain();
        self.runtime.block_on(self.running)?
    }
}

/// Writes what the daemon reads into `home` and reads it back as `plimsoll serve` does.
fn configure(setup: &Setup<'_>, home: &Path) -> anyhow::Result<Config> {
    std::fs::create_dir_all(home)?;
    std::fs::write(home.join("slos.yaml"), SLOS)?;
    let alertmanagers: Vec<String> =
        setup.alertmanagers.iter().map(|address| format!("'{address}'")).collect();
    let text = format!(
        "listen: '{}'\n\
         data_dir: '{}'\n\
         global: {{scrape_interval: {interval}ms, scrape_timeout: {interval}ms}}\n\
         scrape_configs:\n\
         - {{job_name: checkout, static_configs: [{{targets: ['{}']}}]}}\n\
         slo_files: ['slos.yaml']\n\
         alerting: {{alertmanagers: [{{static_configs: [{{targets: [{}]}}]}}]}}\n",
        setup.listen,
        home.join("state").display(),
        setup.metrics,
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
