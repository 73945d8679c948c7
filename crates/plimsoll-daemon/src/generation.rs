//! Everything that one configuration runs: sources, engine, sinks. A reload makes the next one.

use crate::backend::Asker;
use crate::backoff::mix;
use crate::config::Config;
use crate::engine::{BuildError, Engine, Outlets, Surroundings};
use crate::inbox::{Door, Inbox};
use crate::keeper::KeepError;
use crate::notify::{AlertList, Notifier};
use crate::source::{Heard, JobSource, Numbers, ProberSource};
use plimsoll_exposition::Interest;
use plimsoll_runtime::clock::Clock;
use plimsoll_runtime::shutdown::{self, Stopper};
use plimsoll_slo::{Backend, Slo};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinHandle, JoinSet};

/// Pieces of news that wait for the engine at most; what comes on top is dropped and counted.
const NEWS: usize = 1_024;

/// A generation that is built and doesn't run yet.
pub(crate) struct Built {
    engine: Engine,
    jobs: Vec<JobSource>,
    probers: Vec<ProberSource>,
    askers: Vec<Asker>,
    notifier: Notifier,
    interest: Arc<Interest>,
    body_bytes: usize,
}

/// A generation that runs.
pub(crate) struct Running {
    stopper: Stopper,
    engine: JoinHandle<Result<(), KeepError>>,
    engine_stopper: Stopper,
    tasks: JoinSet<()>,
    inbox: Arc<Inbox>,
}

impl Built {
    /// Builds everything that may fail, and nothing that runs or reads the archive.
    pub(crate) fn new(config: &Config, around: &Surroundings) -> Result<Self, BuildError> {
        let numbers = Numbers::default();
        let job = |job| JobSource::new(job, numbers.clone());
        let jobs = config.jobs.iter().map(job).collect::<Result<Vec<_>, _>>()?;
        let notifier = Notifier::new(config, around.tally.clone())?;
        let probers = probers(config, &numbers, around)?;
        let arrivals = jobs.iter().flat_map(JobSource::arrivals);
        let arrivals = arrivals.chain(probers.iter().map(ProberSource::arrival)).collect();
        let in_flight = probers.iter().filter_map(ProberSource::in_flight).collect();
        let engine = Engine::new(config, arrivals, around)?.telling(in_flight);
        let askers = askers(config, engine.slice())?;
        let interest = Arc::new(engine.interest(config));
        let jobs = jobs.into_iter().map(|job| job.only(&interest)).collect();
        let probers = probers.into_iter().map(|prober| prober.only(&interest)).collect();
        let body_bytes = usize::try_from(config.limits.body_bytes).unwrap_or(usize::MAX);
        Ok(Self { engine, jobs, probers, askers, notifier, interest, body_bytes })
    }

    /// Takes up what the archive keeps. The generation before has to have stopped.
    pub(crate) fn restore(&mut self) -> Result<(), BuildError> {
        self.engine.restore()
    }

    /// Starts the tasks.
    pub(crate) fn start(self, around: &Surroundings, outlets: Outlets) -> Running {
        let (stopper, stop) = shutdown::channel();
        let (engine_stopper, engine_stop) = shutdown::channel();
        let (news, received) = mpsc::channel::<Heard>(NEWS);
        let (alerts, heard) = watch::channel(AlertList::default());
        let mut tasks = JoinSet::new();
        let clock = &around.clock;
        for job in self.jobs {
            job.spawn(&mut tasks, news.clone(), clock.clone(), stop.clone());
        }
        around.own.replace(self.probers.iter().map(ProberSource::registry).collect());
        for prober in self.probers {
            prober.spawn(&mut tasks, news.clone(), clock.clone(), stop.clone());
        }
        for asker in self.askers {
            asker.spawn(&mut tasks, news.clone(), clock.clone(), stop.clone());
        }
        let inbox = outlets.inbox.clone();
        inbox.open(Door::new(news, self.interest, self.body_bytes));
        self.notifier.spawn(&mut tasks, &heard, clock, &stop);
        let engine = tokio::spawn(self.engine.run(received, alerts, outlets, engine_stop));
        Running { stopper, engine, engine_stopper, tasks, inbox }
    }
}

/// One for each system of record. What makes its markers differs from one start to the next.
fn probers(
    config: &Config,
    numbers: &Numbers,
    around: &Surroundings,
) -> Result<Vec<ProberSource>, BuildError> {
    let now = around.clock.now();
    let start = mix(now.0.unsigned_abs() ^ (u64::from(std::process::id()) << 40)) >> 1;
    let prober =
        |(seed, prober)| Ok(ProberSource::new(prober, numbers, config.limits, (now, seed))?);
    (start..).zip(&config.probers).map(prober).collect()
}

/// One for each server that some SLO asks for.
fn askers(config: &Config, slice: Duration) -> Result<Vec<Asker>, BuildError> {
    let asker = |(name, server)| {
        let asks = |slo: &&Arc<Slo>| slo.backend == Backend::Prometheus(String::clone(name));
        let slos = config.slos.iter().filter(asks);
        Ok(Asker::new(server, slos, slice)?)
    };
    config.backends.iter().map(asker).collect()
}

impl Running {
    /// Stops the sources first, so that the engine's last checkpoint holds all that was scraped,
    /// while the sinks get their last word.
    pub(crate) async fn stop(mut self) -> Result<(), KeepError> {
        self.inbox.close();
        self.stopper.drain();
        while self.tasks.join_next().await.is_some() {}
        self.engine_stopper.drain();
        (&mut self.engine).await?
    }
}

impl Running {
    /// Returns when the engine has ended by itself, which only a fault of ours can make it do.
    pub(crate) async fn failed(&mut self) -> KeepError {
        match (&mut self.engine).await {
            Ok(Ok(())) => KeepError::Ended,
            Ok(Err(error)) => error,
            Err(error) => KeepError::Thread(error),
        }
    }
}

impl Drop for Running {
    /// An abort drops the generation where it is; its tasks may not outlive it.
    fn drop(&mut self) {
        self.engine.abort();
    }
}
