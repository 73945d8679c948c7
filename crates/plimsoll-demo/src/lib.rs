//! An instrumented checkout service with a switch for every fault, a seeded load, and the daemon
//! that watches it over HTTP.

#![forbid(unsafe_code)]

mod daemon;
pub mod fault;
mod load;
mod service;
mod summary;
mod truth;

use daemon::Watch;
use fault::{ScheduledFault, Switches};
use load::Load;
use plimsoll_runtime::admin;
use plimsoll_runtime::clock::{Clock, SystemClock};
use plimsoll_runtime::ready::Readiness;
use plimsoll_runtime::shutdown::{self, Stop, Stopper};
use service::Service;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
pub use summary::Summary;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;
use truth::Witness;

/// How long the daemon may take to see the end of the load.
const SETTLED_WITHIN: Duration = Duration::from_secs(5);

/// What the command line asks for.
#[derive(Clone, Debug)]
pub struct Options {
    /// Address of the daemon's page.
    pub listen: SocketAddr,
    /// Where the daemon keeps its state; a temporary folder when there is none.
    pub data_dir: Option<PathBuf>,
    /// Seed of the load.
    pub seed: u64,
    /// When to end; never by itself when there is none.
    pub duration: Option<Duration>,
    /// What breaks, and when.
    pub faults: Vec<ScheduledFault>,
    /// Alertmanagers to notify.
    pub alertmanagers: Vec<String>,
}

/// A running demo.
pub struct Demo {
    options: Options,
    clock: Arc<dyn Clock>,
    service: SocketAddr,
    metrics: SocketAddr,
    switches: Switches,
    witness: Witness,
    watch: Watch,
    load: Load,
    stop_load: Stopper,
    stop_service: Stopper,
    admin: admin::Admin,
    tasks: JoinSet<()>,
    runtime: Runtime,
}

impl Demo {
    /// Starts the service, the daemon and, once the daemon sees the service, the load.
    ///
    /// # Errors
    /// A port is in use, the data folder can't be used, or the daemon doesn't come up.
    pub fn start(options: Options) -> anyhow::Result<Self> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::start());
        let switches = Switches::default();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("demo-service")
            .enable_all()
            .build()?;
        let service = runtime.block_on(Service::bind(switches.clone(), clock.clone()))?;
        let (address, witness) = (service.address()?, service.witness());
        let registry = plimsoll::Registry::global().clone();
        let admin =
            admin::spawn((std::net::Ipv4Addr::LOCALHOST, 0).into(), registry, Readiness::new())?;
        let (stop_service, stop) = shutdown::channel();
        let mut tasks = JoinSet::new();
        tasks.spawn_on(serve(service, stop), runtime.handle());
        let watch = Watch::start(
            &daemon::Setup {
                listen: options.listen,
                data_dir: options.data_dir.as_deref(),
                metrics: admin.address(),
                alertmanagers: &options.alertmanagers,
            },
            clock.clone(),
        )?;
        runtime.block_on(await_first_scrape(&watch))?;
        let (stop_load, stop) = shutdown::channel();
        let load = Load::start(address, options.seed, witness.clone(), stop)?;
        Ok(Self {
            metrics: admin.address(),
            service: address,
            options,
            clock,
            switches,
            witness,
            watch,
            load,
            stop_load,
            stop_service,
            admin,
            tasks,
            runtime,
        })
    }

    /// Returns what to look at and what to try.
    pub fn welcome(&self) -> String {
        let (page, service) = (self.watch.address(), self.service);
        format!(
            "The page:   http://{page}/\n\
             Its API:    http://{page}/api/v1/slos\n\
             The service's own metrics: http://{metrics}/metrics\n\n\
             Break something and watch a row turn red (Ctrl-C ends the demo):\n  \
             curl -X POST 'http://{service}/faults/slow-dependency?for=20s'\n  \
             curl -X POST 'http://{service}/faults/lock-hog?for=20s'\n  \
             curl -X POST 'http://{service}/faults/stalled-consumer?for=20s'\n  \
             curl -X POST 'http://{service}/faults/stale-snapshot?for=20s'\n  \
             curl -X POST 'http://{service}/faults/queue-flood?for=20s'\n  \
             curl -X POST 'http://{service}/faults/unguarded-commits?for=20s'\n  \
             curl -X POST 'http://{service}/faults/deadlock?for=20s'\n\
             Ask why:    plimsoll explain checkout/auth-latency --url http://{page}\n\
             Who waits:  curl http://{metrics}/debug/cycles\n",
            metrics = self.metrics,
        )
    }

    /// Runs until the duration is over or Ctrl-C, and returns what it came to.
    ///
    /// # Errors
    /// The daemon failed.
    pub fn run_to_end(mut self) -> anyhow::Result<Summary> {
        let (signalled, signal) = shutdown::channel();
        let signals = {
            let _within = self.runtime.enter();
            tokio::spawn(shutdown::on_signals(signalled)?)
        };
        for scheduled in &self.options.faults {
            let ScheduledFault { fault, start, length } = *scheduled;
            let (switches, clock) = (self.switches.clone(), self.clock.clone());
            let break_later = async move {
                tokio::time::sleep(start).await;
                fault::hold(switches, fault, length, clock).await;
            };
            self.tasks.spawn_on(break_later, self.runtime.handle());
        }
        self.runtime.block_on(until_over(self.options.duration, &signal));
        self.stop_load.drain();
        self.load.finish();
        let summary = self.runtime.block_on(settle(&self.watch, &self.witness, &*self.clock))?;
        self.stop_service.drain();
        signals.abort();
        self.runtime.shutdown_timeout(Duration::from_secs(2));
        self.watch.stop()?;
        self.admin.stop();
        Ok(summary)
    }
}

async fn serve(service: Service, stop: Stop) {
    if let Err(error) = service.run(stop).await {
        tracing::error!(%error, "the demo's service ended");
    }
}

async fn until_over(duration: Option<Duration>, signal: &Stop) {
    let over = async {
        match duration {
            Some(duration) => tokio::time::sleep(duration).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        () = over => {}
        () = signal.stopped() => {}
    }
}

/// Waits until the daemon has scraped the service once, so that every count starts at zero before
/// its eyes.
async fn await_first_scrape(watch: &Watch) -> anyhow::Result<()> {
    let deadline = tokio::time::Instant::now() + SETTLED_WITHIN;
    let mut tick = tokio::time::interval(Duration::from_millis(20));
    loop {
        tick.tick().await;
        let targets = watch.get("/api/v1/targets").await;
        if targets.is_ok_and(|targets| targets["targets"][0]["state"] == "up") {
            break;
        }
        anyhow::ensure!(
            tokio::time::Instant::now() < deadline,
            "the daemon doesn't see the service"
        );
    }
    let version = env!("CARGO_PKG_VERSION");
    let text = format!("checkout {version} deployed");
    watch.mark(&serde_json::json!({"kind": "deploy", "service": "checkout", "text": text})).await
}

/// Waits until the daemon's numbers are younger than the last answer, then takes them.
async fn settle(watch: &Watch, witness: &Witness, clock: &dyn Clock) -> anyhow::Result<Summary> {
    // Two scrapes later, because one may have been under way when the last answer came.
    let settled = clock.now() + 2 * daemon::SCRAPED_EVERY;
    let deadline = tokio::time::Instant::now() + SETTLED_WITHIN;
    let mut tick = tokio::time::interval(Duration::from_millis(50));
    loop {
        tick.tick().await;
        let truth = witness.so_far();
        let slos = watch.get("/api/v1/slos").await?;
        let alerts = watch.get("/api/v1/alerts").await?;
        let is_settled = as_of_ms(&slos).is_some_and(|as_of| as_of > settled.0);
        if is_settled || tokio::time::Instant::now() >= deadline {
            return Ok(Summary::new(&slos, &alerts, truth));
        }
    }
}

/// Returns the time that the daemon's numbers stand for, of the SLO that is furthest behind.
fn as_of_ms(slos: &serde_json::Value) -> Option<i64> {
    let times = slos["slos"].as_array()?.iter().map(|slo| {
        let text = slo["as_of"].as_str()?;
        let time = OffsetDateTime::parse(text, &Rfc3339).ok()?;
        i64::try_from(time.unix_timestamp_nanos() / 1_000_000).ok()
    });
    times.min().flatten()
}
