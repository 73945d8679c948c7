use crate::config::{Config, Job, ScrapeTarget};
use crate::source::Report;
use crate::view::{LastScrape, TargetView, refusals};
use plimsoll_model::{SeriesIndex, SeriesKey};
use plimsoll_store::{Relabeling, Store, Target, TargetIndex};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Every target of a configuration, in its order.
#[derive(Debug)]
pub(super) struct Targets(Vec<Entry>);

/// One target and what was last heard of it.
#[derive(Debug)]
struct Entry {
    target: Target,
    url: String,
    index: Option<TargetIndex>,
    /// What its series are called, because the store asks again when the process restarts.
    names: HashMap<SeriesIndex, SeriesKey>,
    last: Option<LastScrape>,
    dropped: Arc<AtomicU64>,
}

impl Targets {
    pub(super) fn new(config: &Config, dropped: Vec<Arc<AtomicU64>>) -> Self {
        let all =
            config.jobs.iter().flat_map(|job| job.targets.iter().map(move |each| (job, each)));
        let entry = |((job, target), dropped): ((&Job, &ScrapeTarget), _)| Entry {
            target: Target {
                job: job.name.clone(),
                instance: target.instance.clone(),
                labels: target.labels.clone(),
                interval: job.interval,
                honor_labels: job.honor_labels,
                relabeling: Relabeling::default(),
            },
            url: target.url.to_string(),
            index: None,
            names: HashMap::new(),
            last: None,
            dropped,
        };
        Self(all.zip(dropped).map(entry).collect())
    }

    /// Makes them known to the store.
    pub(super) fn add_to(&mut self, store: &mut Store) {
        for entry in &mut self.0 {
            entry.index = Some(store.add_target(entry.target.clone()));
        }
    }

    /// Hands one report on to the store.
    pub(super) fn take(&mut self, report: Report, store: &mut Store) {
        let Report { target, at, took, outcome } = report;
        let Some(entry) = self.0.get_mut(target) else { return };
        let Some(index) = entry.index else { return };
        let outcome = outcome.map(|scraped| {
            entry.names.extend(scraped.named);
            store.ingest(index, at, &scraped.scrape, |series| entry.names.get(&series).cloned());
            entry.forget_gone(&scraped.scrape);
            scraped.scrape.samples.len()
        });
        if outcome.is_err() {
            store.miss(index, at);
        }
        entry.last = Some(LastScrape { at, took, outcome });
    }

    pub(super) fn views(&self, store: &Store) -> Vec<TargetView> {
        self.0.iter().map(|entry| entry.view(store)).collect()
    }

    /// Returns job and instance of a target of the store.
    pub(super) fn label(&self, index: TargetIndex) -> (String, String) {
        let found = self.0.iter().find(|entry| entry.index == Some(index));
        found
            .map(|entry| (entry.target.job.clone(), entry.target.instance.clone()))
            .unwrap_or_default()
    }

    /// Returns the shortest interval, which is the length of a slice.
    pub(super) fn interval_min(config: &Config) -> Option<Duration> {
        config.jobs.iter().map(|job| job.interval).min()
    }
}

impl Entry {
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
            refused: refusals(refused, self.dropped.load(Ordering::Relaxed)),
            slos: fed.into_iter().map(str::to_owned).collect(),
        }
    }
}
