use crate::source::{Arrival, Report, TargetNumber};
use crate::view::{LastScrape, TargetView, refusals};
use plimsoll_model::{SeriesIndex, SeriesKey};
use plimsoll_store::{Store, Target, TargetIndex};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Every target that is expected, and why there may be more.
#[derive(Debug, Default)]
pub(super) struct Targets {
    known: BTreeMap<TargetNumber, Entry>,
    /// By job.
    trouble: BTreeMap<String, String>,
}

/// One target and what was last heard of it.
#[derive(Debug)]
struct Entry {
    target: Target,
    url: String,
    index: Option<TargetIndex>,
    /// What its series are called, because the store asks again when the process restarts.
    names: HashMap<SeriesIndex, SeriesKey>,
    last: Option<LastScrape>,
    /// What isn't known although it answers.
    doubt: Option<String>,
    dropped: Arc<AtomicU64>,
}

impl Targets {
    /// Takes in targets that the store isn't told of before [`Targets::add_to`].
    pub(super) fn new(arrivals: impl IntoIterator<Item = Arrival>) -> Self {
        let entry = |arrival: Arrival| (arrival.number, Entry::new(arrival));
        let known = arrivals.into_iter().map(entry).collect();
        Self { known, trouble: BTreeMap::new() }
    }

    /// Makes them known to the store.
    pub(super) fn add_to(&mut self, store: &mut Store) {
        for entry in self.known.values_mut() {
            entry.index = Some(store.add_target(entry.target.clone()));
        }
    }

    /// Begins to expect a target.
    pub(super) fn come(&mut self, arrival: Arrival, store: &mut Store) {
        let number = arrival.number;
        let mut entry = Entry::new(arrival);
        entry.index = Some(store.add_target(entry.target.clone()));
        self.known.insert(number, entry);
    }

    /// Expects a target no longer.
    pub(super) fn go(&mut self, number: TargetNumber, store: &mut Store) {
        if let Some(index) = self.known.remove(&number).and_then(|entry| entry.index) {
            store.remove_target(index);
        }
    }

    /// Notes why discovery doesn't give all targets of a job, or that it does.
    pub(super) fn note(&mut self, job: String, error: Option<String>) {
        match error {
            Some(error) => {
                tracing::warn!(%job, %error, "discovery: what was known of it stays in force");
                self.trouble.insert(job, error);
            }
            None => drop(self.trouble.remove(&job)),
        }
    }

    /// Notes what of a target isn't known although it answers, or that all is.
    pub(super) fn doubt(&mut self, number: TargetNumber, said: Option<String>) {
        let Some(entry) = self.known.get_mut(&number) else { return };
        let Target { job, instance, .. } = &entry.target;
        match &said {
            Some(said) => tracing::warn!(%job, %instance, %said, "not all of it is known"),
            None => tracing::info!(%job, %instance, "all of it is known again"),
        }
        entry.doubt = said;
    }

    /// Returns why the targets of a job aren't all that there are, by job.
    pub(super) fn trouble(&self) -> Vec<(String, String)> {
        self.trouble.iter().map(|(job, error)| (job.clone(), error.clone())).collect()
    }

    /// Hands one report on to the store.
    pub(super) fn take(&mut self, report: Report, store: &mut Store) {
        let Report { target, at, took, outcome } = report;
        let Some(entry) = self.known.get_mut(&target) else { return };
        let Some(index) = entry.index else { return };
        let outcome = outcome.map(|scraped| {
            entry.names.extend(scraped.named);
            store.ingest(index, at, &scraped.scrape, |series| entry.names.get(&series).cloned());
            entry.forget_gone(&scraped.scrape);
            scraped.scrape.count()
        });
        if outcome.is_err() {
            store.miss(index, at);
        }
        entry.last = Some(LastScrape { at, took, outcome });
    }

    pub(super) fn views(&self, store: &Store) -> Vec<TargetView> {
        self.known.values().map(|entry| entry.view(store)).collect()
    }

    /// Returns job and instance of a target of the store.
    pub(super) fn label(&self, index: TargetIndex) -> (String, String) {
        let found = self.known.values().find(|entry| entry.index == Some(index));
        found
            .map(|entry| (entry.target.job.clone(), entry.target.instance.clone()))
            .unwrap_or_default()
    }
}

impl Entry {
    fn new(arrival: Arrival) -> Self {
        let Arrival { target, url, dropped, .. } = arrival;
        Self { target, url, index: None, names: HashMap::new(), last: None, doubt: None, dropped }
    }

    /// A target whose series come and go may not fill the memory with their names.
    fn forget_gone(&mut self, scrape: &plimsoll_model::Scrape) {
        if self.names.len() > 2 * scrape.samples.len() + 64 {
            let here: std::collections::HashSet<SeriesIndex> =
                scrape.samples.iter().map(|sample| sample.series).collect();
            self.names.retain(|series, _| here.contains(series));
        }
    }

    fn view(&self, store: &Store) -> TargetView {
        let refused = self.index.map(|index| store.refused(index)).unwrap_or_default();
        let fed = self.index.map(|index| store.fed_by(index)).unwrap_or_default();
        TargetView {
            job: self.target.job.clone(),
            instance: self.target.instance.clone(),
            url: self.url.clone(),
            interval: self.target.interval,
            last: self.last.clone(),
            doubt: self.doubt.clone(),
            refused: refusals(refused, self.dropped.load(Ordering::Relaxed)),
            slos: fed.into_iter().map(str::to_owned).collect(),
        }
    }
}
