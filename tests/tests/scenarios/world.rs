//! One case's world: the service, and the engine that scrapes it: decode, ingest, assess, alert,
//! in the daemon's order, at times that the script sets.

use super::script::{Case, Expectation, Step, What};
use super::service::Service;
use super::slo_file;
use super::verdict;
use plimsoll_exposition::Format;
use plimsoll_exposition::decode::Decoder;
use plimsoll_model::{SeriesIndex, SeriesKey, TimeMs};
use plimsoll_runtime::clock::{Clock, ManualClock, StepWatch};
use plimsoll_slo::{AlertName, Alerts, Assessment, Slo, assess, length_name};
use plimsoll_spec::Fault;
use plimsoll_store::{Archive, Limits, Store, Target, TargetIndex};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

pub(crate) struct World {
    clock: ManualClock,
    watch: StepWatch,
    pub(crate) begin: TimeMs,
    interval: Duration,
    slos: Vec<Arc<Slo>>,
    pub(crate) warnings: Vec<Fault>,
    pub(crate) faults: Vec<Fault>,
    pub(crate) store: Store,
    target: Target,
    pub(crate) index: TargetIndex,
    decoder: Decoder,
    names: HashMap<SeriesIndex, SeriesKey>,
    archive: Archive,
    pub(crate) alerts: BTreeMap<String, Alerts>,
    pub(crate) ever_fired: HashSet<(String, AlertName)>,
    pub(crate) clock_steps: Vec<i64>,
    service: Service,
    is_begun: bool,
    always: Vec<Expectation>,
    _folder: tempfile::TempDir,
}

impl World {
    pub(crate) fn new(case: &Case) -> Result<Self, String> {
        let (slos, warnings, faults) = match slo_file::read(case) {
            Ok(file) => (file.slos.into_iter().map(Arc::new).collect(), file.warnings, Vec::new()),
            Err(faults) => (Vec::new(), Vec::new(), faults),
        };
        let clock = ManualClock::new(case.begin);
        let target = Target {
            job: "shop".into(),
            instance: "shop:8080".into(),
            labels: Default::default(),
            relabeling: Default::default(),
            interval: case.interval,
            honor_labels: false,
        };
        let folder = plimsoll_tests::scratch();
        let mut store = new_store(&slos, case.interval)?;
        Ok(Self {
            watch: StepWatch::new(&clock),
            clock,
            begin: case.begin,
            interval: case.interval,
            index: store.add_target(target.clone()),
            store,
            slos,
            warnings,
            faults,
            target,
            decoder: Decoder::new(1_000),
            names: HashMap::new(),
            archive: Archive::open(folder.path()).map_err(|error| error.to_string())?,
            alerts: BTreeMap::new(),
            ever_fired: HashSet::new(),
            clock_steps: Vec::new(),
            service: Service::started_at(case.begin),
            is_begun: false,
            always: Vec::new(),
            _folder: folder,
        })
    }

    pub(crate) fn take(&mut self, step: &Step) -> Result<(), String> {
        if !self.faults.is_empty() && !is_about_the_file(step) {
            let faults: Vec<String> = self.faults.iter().map(ToString::to_string).collect();
            return Err(format!("the SLO file is refused: {}", faults.join("; ")));
        }
        match step {
            Step::Service(change) => self.service.take(change, self.wall()),
            Step::Relabel { label, value } => self.relabel(label, value)?,
            Step::Clock(by_ms) => self.clock.step_wall(*by_ms),
            Step::Advance(length) => return self.advance(*length),
            Step::Expect(expectation) => return verdict::hold(self, expectation),
            Step::Always(expectation) => self.always.push(expectation.clone()),
        }
        Ok(())
    }

    /// Returns the time of the last step.
    pub(crate) fn now(&self) -> TimeMs {
        self.clock.now()
    }

    fn wall(&self) -> TimeMs {
        TimeMs(self.clock.now().0 + self.clock.wall_offset_ms())
    }

    fn advance(&mut self, length: Duration) -> Result<(), String> {
        if !self.is_begun {
            self.is_begun = true;
            self.step()?;
        }
        let (length_ms, interval_ms) = (length.as_millis(), self.interval.as_millis());
        if length_ms % interval_ms != 0 {
            return Err(format!("time goes on in steps of {}", length_name(self.interval)));
        }
        for _ in 0..length_ms / interval_ms {
            self.service.work(self.interval);
            self.clock.advance(self.interval);
            self.step()?;
        }
        Ok(())
    }

    /// Scrapes and takes one step, as the daemon's engine does.
    fn step(&mut self) -> Result<(), String> {
        let now = self.clock.now();
        self.clock_steps.extend(self.watch.observe_step(&self.clock));
        let body = self.service.body(self.wall());
        if self.service.answers {
            let scrape = self.decoder.decode(body.as_bytes(), Format::Text);
            let scrape = scrape.map_err(|error| format!("{error:?} in {body}"))?.clone();
            for series in self.decoder.series() {
                let key = series.key().map_err(|error| error.to_string())?;
                self.names.insert(series.index(), key);
            }
            let names = &self.names;
            self.store.ingest(self.index, now, &scrape, |series| names.get(&series).cloned());
        } else {
            self.store.miss(self.index, now);
        }
        self.store.advance(now);
        for (id, assessment) in self.assessments() {
            let alerts = self.alerts.entry(id.clone()).or_default();
            alerts.step(now, &assessment);
            let firing = AlertName::ALL.into_iter().filter(|name| alerts.firing(*name).is_some());
            self.ever_fired.extend(firing.map(|name| (id.clone(), name)));
        }
        for expectation in &self.always {
            let at = length_name(now.since(self.begin));
            verdict::hold(self, expectation).map_err(|fault| format!("at {at}: {fault}"))?;
        }
        Ok(())
    }

    fn assessments(&self) -> Vec<(String, Assessment)> {
        let ledgers = self.store.ledgers().iter();
        ledgers
            .map(|ledger| (ledger.id().to_owned(), assess(ledger.slo(), ledger, self.now())))
            .collect()
    }

    /// Reloads with another label on the target, over the archive as a reload does.
    fn relabel(&mut self, label: &str, value: &str) -> Result<(), String> {
        let text = |error: &dyn std::fmt::Display| error.to_string();
        self.archive.flush(self.store.checkpoint()).map_err(|error| text(&error))?;
        let mut store = new_store(&self.slos, self.interval)?;
        self.archive.load(&mut store).map_err(|error| text(&error))?;
        self.target.labels = self.target.labels.with(label, value).map_err(|error| text(&error))?;
        self.index = store.add_target(self.target.clone());
        self.store = store;
        Ok(())
    }

    /// Returns the SLO's id and assessment; the first one's without a name.
    pub(crate) fn assessed(&self, slo: Option<&str>) -> Result<(String, Assessment), String> {
        let is = |id: &str| slo.is_none_or(|name| id == format!("shop/{name}"));
        let mut assessments = self.assessments().into_iter();
        let found = assessments.find(|(id, _)| is(id));
        found.ok_or_else(|| format!("no SLO is called {}", slo.unwrap_or("anything")))
    }
}

fn new_store(slos: &[Arc<Slo>], slice: Duration) -> Result<Store, String> {
    Store::new(slos.to_vec(), Limits { slice }).map_err(|error| error.to_string())
}

fn is_about_the_file(step: &Step) -> bool {
    matches!(step, Step::Expect(Expectation { what: What::Fault(_), .. }))
}
