//! Everything that one configuration runs: sources, engine, sinks. A reload makes the next one.

use crate::config::Config;
use crate::engine::{BuildError, Engine, Outlets, Surroundings};
use crate::keeper::KeepError;
use crate::notify::{AlertList, Notifier};
use crate::source::{Heard, JobSource, Numbers};
use crate::view::View;
use plimsoll_runtime::shutdown::{self, Stopper};
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinHandle, JoinSet};

/// Pieces of news that wait for the engine at most; what comes on top is dropped and counted.
const NEWS: usize = 1_024;

/// A generation that is built and doesn't run yet.
pub(crate) struct Built {
    engine: Engine,
    jobs: Vec<JobSource>,
    notifier: Notifier,
}

/// A generation that runs.
pub(crate) struct Running {
    stopper: Stopper,
    engine: JoinHandle<Result<(), KeepError>>,
    engine_stopper: Stopper,
    tasks: JoinSet<()>,
}

impl Built {
    /// Builds everything that may fail, and nothing that runs or reads the archive.
    pub(crate) fn new(config: &Config, around: &Surroundings) -> Result<Self, BuildError> {
        let numbers = Numbers::default();
        let job = |job| JobSource::new(job, numbers.clone());
        let jobs = config.jobs.iter().map(job).collect::<Result<Vec<_>, _>>()?;
        let notifier = Notifier::new(config, around.tally.clone())?;
        let arrivals = jobs.iter().flat_map(JobSource::arrivals).collect();
        let engine = Engine::new(config, arrivals, around)?;
        Ok(Self { engine, jobs, notifier })
    }

    /// Takes up what the archive keeps. The generation before has to have stopped.
    pub(crate) fn restore(&mut self) -> Result<(), BuildError> {
        self.engine.restore()
    }

    /// Returns what is known before anything runs.
    pub(crate) fn first_view(&mut self) -> View {
        self.engine.first_view()
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
        self.notifier.spawn(&mut tasks, &heard, clock, &stop);
        let engine = tokio::spawn(self.engine.run(received, alerts, outlets, engine_stop));
        Running { stopper, engine, engine_stopper, tasks }
    }
}

impl Running {
    /// Stops the sources first, so that the engine's last checkpoint holds all that was scraped,
    /// while the sinks get their last word.
    pub(crate) async fn stop(mut self) -> Result<(), KeepError> {
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
