//! An instrumented checkout service with a switch for every fault, a seeded load, and the daemon
//! that watches it over HTTP. [`outside`] does the same with a service that has no instrumentation.

#![forbid(unsafe_code)]

mod answers;
mod control;
mod daemon;
pub mod fault;
mod load;
pub mod outside;
mod service;
mod summary;
mod truth;

use answers::Answers;
use daemon::Watch;
use fault::{ScheduledFault, Switches};
use load::{Load, Stream, Target};
use plimsoll_runtime::admin;
use plimsoll_runtime::clock::{Clock, SystemClock};
use plimsoll_runtime::ready::Readiness;
use plimsoll_runtime::shutdown::{self, Stop, Stopper};
use service::Service;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use summary::Board;
pub use summary::Summary;
use tokio::runtime::Runtime;
use tokio::task::{JoinHandle, JoinSet};
use truth::Witness;

/// The SLOs of the checkout service, as they are shipped under `examples/`.
const SLOS: (&str, &str) = ("slos.yaml", include_str!("../../../examples/demo/slos.yaml"));

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
                slos: &[SLOS],
                alertmanagers: &options.alertmanagers,
            },
            clock.clone(),
        )?;
        runtime.block_on(watch.await_first_scrape())?;
        let (stop_load, stop) = shutdown::channel();
        let load = Load::start(streams(address, &witness), options.seed, stop)?;
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
        let (signal, signals) = listen(&self.runtime)?;
        for breaks in fault::schedule(&self.options.faults, &self.switches, &self.clock) {
            self.tasks.spawn_on(breaks, self.runtime.handle());
        }
        self.runtime.block_on(until_over(self.options.duration, &signal));
        self.stop_load.drain();
        self.load.finish();
        let board = Board::new(self.runtime.block_on(self.watch.settled(&*self.clock))?);
        let summary = Summary::new(board, self.witness.so_far());
        self.stop_service.drain();
        signals.abort();
        self.runtime.shutdown_timeout(Duration::from_secs(2));
        self.watch.stop()?;
        self.admin.stop();
        Ok(summary)
    }
}

/// Returns what is asked of the service.
fn streams(service: SocketAddr, witness: &Witness) -> Vec<Stream> {
    let stream = |path, per_second, at_once, answers| Stream {
        per_second,
        at_once,
        target: Target::new(service, path, answers),
    };
    vec![
        stream("/authorize", 200.0, 1, witness.authorized()),
        stream("/orders", 60.0, 1, Answers::default()),
        stream("/charges", 10.0, 4, Answers::default()),
    ]
}

async fn serve(service: Service, stop: Stop) {
    if let Err(error) = service.run(stop).await {
        tracing::error!(%error, "the demo's service ended");
    }
}

/// Waits for Ctrl-C and SIGTERM from now on: what they stop, and the task to end with the demo.
fn listen(runtime: &Runtime) -> std::io::Result<(Stop, JoinHandle<()>)> {
    let (signalled, signal) = shutdown::channel();
    let _within = runtime.enter();
    Ok((signal, tokio::spawn(shutdown::on_signals(signalled)?)))
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
