//! Owns the store: takes reports in, steps time on, assesses, and shows what came out.
//!
//! One task, so that no lock stands between a sample and a verdict. It never waits for a disk, a
//! target, a sink or a reader.

mod alerts;
mod bands;
mod flush;
mod importing;
mod in_flight;
mod kept;
mod kept_resolved;
mod pushed;
mod sources;
mod targets;

use crate::config::Config;
use crate::corrections::Corrections;
use crate::imports::Imports;
use crate::inbox::Inbox;
use crate::keeper::{KeepError, Keeper};
use crate::lens::Stage;
use crate::links::Links;
use crate::notify::{AlertList, Composer, Tally};
use crate::own_series::OwnSeries;
use crate::source::{Arrival, Heard, InFlight, JobError, ProbeError};
use crate::timeline::Timeline;
use crate::view::{SloView, View};
use alerts::AlertBook;
use bands::EveryBand;
use flush::Flusher;
use importing::Importing;
use plimsoll_exposition::Interest;
use plimsoll_model::TimeMs;
use plimsoll_runtime::clock::{Clock, StepWatch};
use plimsoll_runtime::ready::Hold;
use plimsoll_runtime::shutdown::Stop;
use plimsoll_slo::{Backend, Change, Sli, Transition, Windows, assess, is_quiet};
use plimsoll_store::{ArchiveError, Ledger, Limits, Mark, Store, StoreError};
use sources::Sources;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::time::MissedTickBehavior;

/// Why a faultless configuration couldn't be built.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BuildError {
    #[error(transparent)]
    Job(#[from] JobError),
    #[error(transparent)]
    Prober(#[from] ProbeError),
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
    pub(crate) imports: Imports,
    pub(crate) own: OwnSeries,
}

/// Where the engine's findings go; clones lead to the same places.
#[derive(Clone)]
pub(crate) struct Outlets {
    pub(crate) stage: Arc<Stage>,
    /// Where pushed bodies come in.
    pub(crate) inbox: Arc<Inbox>,
    /// Marks that charts shall show; one that finds the queue full is lost and logged.
    pub(crate) marks: mpsc::Sender<Mark>,
    /// Held until the first step.
    pub(crate) hold: Arc<Mutex<Option<Hold>>>,
}

/// The engine of one configuration.
pub(crate) struct Engine {
    store: Store,
    sources: Sources,
    alerts: AlertBook,
    /// What the last step found to tell.
    told: AlertList,
    flusher: Flusher,
    keeper: Keeper,
    corrections: Corrections,
    importing: Importing,
    clock: Timeline,
    /// When the last step was.
    stepped: TimeMs,
    steps: StepWatch,
    slice: Duration,
    links: Arc<Links>,
    /// Who is told how many are in flight.
    in_flight: Vec<Arc<InFlight>>,
}

impl Engine {
    /// Builds the engine; reads no archive yet.
    pub(crate) fn new(
        config: &Config,
        arrivals: Vec<Arrival>,
        around: &Surroundings,
    ) -> Result<Self, BuildError> {
        let slice = config.slice();
        let links = Arc::new(Links::new(config));
        Ok(Self {
            store: Store::new(bands::with_every_band(&config.slos), Limits { slice })?,
            sources: Sources::new(config, arrivals, (slice, around.clock.now())),
            alerts: AlertBook::new(Composer::new(config, links.clone())),
            told: AlertList::default(),
            flusher: Flusher::new(around.keeper.clone()),
            keeper: around.keeper.clone(),
            corrections: around.corrections.clone(),
            importing: Importing::new(around.imports.clone()),
            steps: StepWatch::new(&around.clock),
            clock: around.clock.clone(),
            stepped: around.clock.now(),
            slice,
            links,
            in_flight: Vec::new(),
        })
    }

    /// Makes it tell probers how many are in flight, at each step.
    pub(crate) fn telling(self, in_flight: Vec<Arc<InFlight>>) -> Self {
        Self { in_flight, ..self }
    }

    /// Returns what of a pushed body is of use.
    pub(crate) fn interest(&self, config: &Config) -> Interest {
        let mut interest = Interest::new();
        interest.add(pushed::UP);
        self.store.names().for_each(|name| interest.add(&name));
        for slo in config.slos.iter().filter(|slo| slo.backend == Backend::Own) {
            if let Sli::Within { histogram, within, .. } = &slo.sli {
                interest.add_threshold(&histogram.name, within.as_secs_f64());
            }
        }
        interest
    }

    /// Returns the length of a slice.
    pub(crate) fn slice(&self) -> Duration {
        self.slice
    }

    /// Takes up what the archive keeps, and begins to expect the targets.
    pub(crate) fn restore(&mut self) -> Result<(), BuildError> {
        let records = self.keeper.load(&mut self.store)?;
        self.alerts.restore(records);
        self.alerts.keep_only(self.store.ledgers().iter().map(Ledger::id));
        self.sources.add_to(&mut self.store);
        Ok(())
    }

    /// Runs until `stop`, then writes the last checkpoint.
    pub(crate) async fn run(
        mut self,
        mut heard: mpsc::Receiver<Heard>,
        alerts: watch::Sender<AlertList>,
        outlets: Outlets,
        stop: Stop,
    ) -> Result<(), KeepError> {
        // Before anything else, so that nobody is shown an empty daemon.
        self.step(&alerts, &outlets);
        let mut ticks = tokio::time::interval(self.slice);
        ticks.reset();
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            tokio::select! {
                () = stop.stopped() => break,
                () = self.flusher.ended() => self.importing.tell(&self.flusher),
                Some(news) = heard.recv() => self.sources.take(news, &mut self.store),
                () = outlets.stage.wanted() => outlets.stage.show(self.view(self.stepped)),
                _ = ticks.tick() => self.step(&alerts, &outlets),
            }
        }
        // Sources have stopped, but what they sent last is still here.
        while let Ok(news) = heard.try_recv() {
            self.sources.take(news, &mut self.store);
        }
        self.sources.finish(self.clock.now(), &mut self.store);
        self.step(&alerts, &outlets);
        let mut checkpoint = self.store.checkpoint();
        checkpoint.alerts = Some(self.alerts.records());
        let written = self.flusher.finish(checkpoint).await;
        self.importing.finish(&written);
        written
    }

    fn step(&mut self, alerts: &watch::Sender<AlertList>, outlets: &Outlets) {
        let now = self.clock.now();
        if let Some(step_ms) = self.steps.observe_step(&self.clock) {
            tracing::warn!(step_ms, "the wall clock was set; windows go on by the monotonic clock");
        }
        self.corrections.apply_to(&mut self.store);
        self.sources.advance(now, &mut self.store);
        in_flight::tell(&self.in_flight, &self.store, now, self.slice);
        self.importing.step(now, &mut self.store);
        self.told = self.step_alerts(now, outlets);
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

    /// Assesses the SLOs that aren't quiet, or have an alert that goes on. One after the other: an
    /// assessment is large, and a fleet that wasn't scraped yet is loud as a whole.
    fn step_alerts(&mut self, now: TimeMs, outlets: &Outlets) -> AlertList {
        let mut list = self.alerts.begin(now);
        for position in 0..self.store.ledgers().len() {
            let Some(ledger) = self.store.ledgers().get(position) else { continue };
            if bands::is_of_every_band(ledger.slo()) {
                continue;
            }
            let is_quiet = match self.sources.answers(ledger.id()) {
                Some(answers) => is_quiet(ledger.slo(), answers, now),
                None => is_quiet(ledger.slo(), ledger, now),
            };
            if is_quiet && !self.alerts.goes_on(ledger.id()) {
                continue;
            }
            let slo = self.slo(ledger, now);
            for transition in self.alerts.step(now, &slo) {
                mark(&slo, &transition, outlets);
            }
            self.alerts.tell(&slo, &mut list);
        }
        self.alerts.end(now, list)
    }

    fn slo(&self, ledger: &Ledger, now: TimeMs) -> SloView {
        let answers = self.sources.answers(ledger.id());
        let assessment = match answers {
            Some(answers) => assess(ledger.slo(), answers, now),
            None => assess(ledger.slo(), ledger, now),
        };
        SloView {
            id: ledger.id().to_owned(),
            slo: ledger.slo().clone(),
            group: ledger.group().clone(),
            assessment,
            backend_error: answers.map(|answers| answers.error().map(str::to_owned)),
            counted: ledger.counted(),
            alerts: self.alerts.of(ledger.id()),
            recent: ledger.recent(),
            watched_since: Windows::watched_since(ledger),
            feeds: Vec::new(),
            groups_refused: self.groups_refused(ledger.slo()),
            between_edges: ledger.between_edges(),
            band: None,
        }
    }

    fn groups_refused(&self, slo: &plimsoll_slo::Slo) -> u64 {
        if slo.by.is_empty() {
            return 0;
        }
        self.store.groups_refused(&format!("{}/{}", slo.service, slo.name))
    }

    fn view(&self, now: TimeMs) -> View {
        let every_band = EveryBand::of(self.store.ledgers());
        let ledgers = self.store.ledgers().iter();
        let ledgers: Vec<&Ledger> =
            ledgers.filter(|ledger| !bands::is_of_every_band(ledger.slo())).collect();
        let of_ledger =
            |ledger: &&Ledger| SloView { band: every_band.share(ledger), ..self.slo(ledger, now) };
        let mut slos: Vec<SloView> = ledgers.iter().map(of_ledger).collect();
        let mut targets = self.sources.targets(now, &self.store);
        targets.iter_mut().for_each(|of| of.slos.retain(|id| !bands::is_id_of_every_band(id)));
        let by_id: HashMap<&str, usize> =
            ledgers.iter().enumerate().map(|(at, ledger)| (ledger.id(), at)).collect();
        for (position, target) in targets.iter().enumerate() {
            for id in &target.slos {
                if let Some(slo) = by_id.get(id.as_str()).and_then(|at| slos.get_mut(*at)) {
                    slo.feeds.push(position);
                }
            }
        }
        View {
            at: now,
            slos,
            alerts: self.told.clone(),
            levels: self.sources.levels(&self.store),
            targets,
            discovery: self.sources.trouble(),
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
fn mark(slo: &SloView, transition: &Transition, outlets: &Outlets) {
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
