//! Owns the store: takes reports in, steps time on, assesses, and shows what came out.
//!
//! One task, so that no lock stands between a sample and a verdict. It never waits for a disk, a
//! target, a sink or a reader.

mod alerts;
mod flush;
mod kept;
mod targets;

use crate::config::Config;
use crate::corrections::Corrections;
use crate::keeper::{KeepError, Keeper};
use crate::lens::Stage;
use crate::links::Links;
use crate::notify::{AlertList, Composer, Tally};
use crate::source::{Arrival, Heard, JobError};
use crate::timeline::Timeline;
use crate::view::{LevelView, SloView, View};
use alerts::AlertBook;
use flush::Flusher;
use plimsoll_model::TimeMs;
use plimsoll_runtime::clock::{Clock, StepWatch};
use plimsoll_runtime::ready::Hold;
use plimsoll_runtime::shutdown::Stop;
use plimsoll_slo::{Change, Transition, assess, is_quiet};
use plimsoll_store::{ArchiveError, Ledger, Limits, Mark, Store, StoreError};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use targets::Targets;
use tokio::sync::{mpsc, watch};
use tokio::time::MissedTickBehavior;

/// The step of a daemon without any target: nothing happens, and the page says so each second.
const IDLE_STEP: Duration = Duration::from_secs(1);

/// Why a faultless configuration couldn't be built.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BuildError {
    #[error(transparent)]
    Job(#[from] JobError),
    #[error(transparent)]
    Access(#[from] crate::client::AccessError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Archive(#[from] ArchiveError),
}

/// What every generation shares.
#[derive(Clone)]
pub(crate) struct Surroundings {
    pub(crate) clock: Timeline,
    pub(crate) keeper: Keeper,
    pub(crate) tally: Arc<Tally>,
    pub(crate) corrections: Corrections,
}

/// Where the engine's findings go; clones lead to the same places.
#[derive(Clone)]
pub(crate) struct Outlets {
    pub(crate) stage: Arc<Stage>,
    /// Marks that charts shall show; one that finds the queue full is lost and logged.
    pub(crate) marks: mpsc::Sender<Mark>,
    /// Held until the first step.
    pub(crate) hold: Arc<Mutex<Option<Hold>>>,
}

/// The engine of one configuration.
pub(crate) struct Engine {
    store: Store,
    targets: Targets,
    alerts: AlertBook,
    /// What the last step found to tell.
    told: AlertList,
    flusher: Flusher,
    keeper: Keeper,
    corrections: Corrections,
    clock: Timeline,
    /// When the last step was.
    stepped: TimeMs,
    steps: StepWatch,
    slice: Duration,
    links: Arc<Links>,
}

impl Engine {
    /// Builds the engine; reads no archive yet.
    pub(crate) fn new(
        config: &Config,
        arrivals: Vec<Arrival>,
        around: &Surroundings,
    ) -> Result<Self, BuildError> {
        let slice = config.jobs.iter().map(|job| job.interval).min().unwrap_or(IDLE_STEP);
        let links = Arc::new(Links::new(config));
        Ok(Self {
            store: Store::new(config.slos.clone(), Limits { slice })?,
            targets: Targets::new(arrivals),
            alerts: AlertBook::new(Composer::new(config, links.clone())),
            told: AlertList::default(),
            flusher: Flusher::new(around.keeper.clone()),
            keeper: around.keeper.clone(),
            corrections: around.corrections.clone(),
            steps: StepWatch::new(&around.clock),
            clock: around.clock.clone(),
            stepped: around.clock.now(),
            slice,
            links,
        })
    }

    /// Takes up what the archive keeps, and begins to expect the targets.
    pub(crate) fn restore(&mut self) -> Result<(), BuildError> {
        let records = self.keeper.load(&mut self.store)?;
        self.alerts.restore(records);
        self.alerts.keep_only(self.store.ledgers().iter().map(Ledger::id));
        self.targets.add_to(&mut self.store);
        Ok(())
    }

    /// Returns what is known before the first step, so that nobody is shown an empty daemon.
    pub(crate) fn first_view(&mut self) -> View {
        let now = self.clock.now();
        let loud = self.loud(now);
        self.told = self.alerts.list(now, &loud);
        self.view(now)
    }

    /// Runs until `stop`, then writes the last checkpoint.
    pub(crate) async fn run(
        mut self,
        mut heard: mpsc::Receiver<Heard>,
        alerts: watch::Sender<AlertList>,
        outlets: Outlets,
        stop: Stop,
    ) -> Result<(), KeepError> {
        let mut ticks = tokio::time::interval(self.slice);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            tokio::select! {
                () = stop.stopped() => break,
                () = self.flusher.ended() => {}
                Some(news) = heard.recv() => self.take(news),
                () = outlets.stage.wanted() => outlets.stage.show(self.view(self.stepped)),
                _ = ticks.tick() => self.step(&alerts, &outlets),
            }
        }
        // Sources have stopped, but what they sent last is still here.
        while let Ok(news) = heard.try_recv() {
            self.take(news);
        }
        self.step(&alerts, &outlets);
        let mut checkpoint = self.store.checkpoint();
        checkpoint.alerts = Some(self.alerts.records());
        self.flusher.finish(checkpoint).await
    }

    fn take(&mut self, news: Heard) {
        match news {
            Heard::Come(arrival) => self.targets.come(*arrival, &mut self.store),
            Heard::Gone(number) => self.targets.go(number, &mut self.store),
            Heard::Report(report) => self.targets.take(report, &mut self.store),
            Heard::Discovery { job, error } => self.targets.note(job, error),
        }
    }

    fn step(&mut self, alerts: &watch::Sender<AlertList>, outlets: &Outlets) {
        let now = self.clock.now();
        if let Some(step_ms) = self.steps.observe_step(&self.clock) {
            tracing::warn!(step_ms, "the wall clock was set; windows go on by the monotonic clock");
        }
        self.corrections.apply_to(&mut self.store);
        self.store.advance(now);
        let loud = self.loud(now);
        for (position, transition) in self.alerts.step(now, &loud) {
            mark(&loud, position, &transition, outlets);
        }
        self.told = self.alerts.list(now, &loud);
        alerts.send_if_modified(|told| {
            let is_news = !same_phases(told, &self.told);
            // The numbers are kept fresh for whoever is told again, and wake nobody.
            *told = self.told.clone();
            is_news
        });
        if self.flusher.is_due(now) {
            // What is owed stays bounded: everything takes its place.
            let mut checkpoint = match self.flusher.error() {
                Some(_) => self.store.checkpoint(),
                None => self.store.progress(),
            };
            checkpoint.alerts = Some(self.alerts.records());
            self.flusher.start(now, checkpoint);
        }
        self.stepped = now;
        outlets.stage.stepped(now);
        drop(outlets.hold.lock().unwrap_or_else(PoisonError::into_inner).take());
    }

    /// Assesses the SLOs that aren't quiet, or have an alert that goes on.
    fn loud(&self, now: TimeMs) -> Vec<SloView> {
        let is_loud = |ledger: &&Ledger| {
            !is_quiet(ledger.slo(), *ledger, now) || self.alerts.goes_on(ledger.id())
        };
        self.store.ledgers().iter().filter(is_loud).map(|ledger| self.slo(ledger, now)).collect()
    }

    fn slo(&self, ledger: &Ledger, now: TimeMs) -> SloView {
        SloView {
            id: ledger.id().to_owned(),
            slo: ledger.slo().clone(),
            group: ledger.group().clone(),
            assessment: assess(ledger.slo(), ledger, now),
            counted: ledger.counted(),
            alerts: self.alerts.of(ledger.id()),
            recent: ledger.recent(),
            feeds: Vec::new(),
            groups_refused: self.groups_refused(ledger.slo()),
            between_edges: ledger.between_edges(),
        }
    }

    fn groups_refused(&self, slo: &plimsoll_slo::Slo) -> u64 {
        if slo.by.is_empty() {
            return 0;
        }
        self.store.groups_refused(&format!("{}/{}", slo.service, slo.name))
    }

    fn view(&self, now: TimeMs) -> View {
        let ledgers = self.store.ledgers().iter();
        let mut slos: Vec<SloView> = ledgers.map(|ledger| self.slo(ledger, now)).collect();
        let targets = self.targets.views(&self.store);
        let by_id: HashMap<&str, usize> =
            self.store.ledgers().iter().enumerate().map(|(at, ledger)| (ledger.id(), at)).collect();
        for (position, target) in targets.iter().enumerate() {
            for id in &target.slos {
                if let Some(slo) = by_id.get(id.as_str()).and_then(|at| slos.get_mut(*at)) {
                    slo.feeds.push(position);
                }
            }
        }
        let level = |level: plimsoll_store::LevelView| {
            let (job, instance) = self.targets.label(level.target);
            LevelView { job, instance, level }
        };
        View {
            at: now,
            slos,
            alerts: self.told.clone(),
            levels: self.store.levels().into_iter().map(level).collect(),
            targets,
            discovery: self.targets.trouble(),
            flushed_at: self.flusher.written(),
            flush_error: self.flusher.error().map(str::to_owned),
            links: self.links.clone(),
        }
    }
}

fn same_phases(one: &AlertList, other: &AlertList) -> bool {
    let key = |alert: &crate::notify::Alert| (alert.id.clone(), alert.since, alert.phase());
    one.len() == other.len() && one.iter().map(key).eq(other.iter().map(key))
}

/// What fires and what is over shows on the charts.
fn mark(slos: &[SloView], position: usize, transition: &Transition, outlets: &Outlets) {
    let Some(slo) = slos.get(position) else { return };
    let what = match transition.change {
        Change::Fired => "fires",
        Change::Resolved => "is resolved",
        Change::Pended | Change::Lapsed => return,
    };
    let mark = Mark {
        kind: "alert".into(),
        service: slo.slo.service.clone(),
        at: slo.assessment.at,
        text: format!("{} {what}: {}", transition.alert.name.as_str(), slo.id),
    };
    if outlets.marks.try_send(mark).is_err() {
        tracing::warn!("too many marks at once: one is not kept");
    }
}
