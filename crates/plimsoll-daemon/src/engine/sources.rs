//! Everything that tells of SLOs: targets that are scraped, targets that push, servers that count.

use super::pushed::{Pushed, Room};
use super::targets::Targets;
use crate::backend::{self, Answers};
use crate::config::Config;
use crate::source::{Arrival, Heard};
use crate::view::{LevelView, TargetView};
use plimsoll_model::TimeMs;
use plimsoll_slo::{Backend, Slo};
use plimsoll_store::{Store, TargetIndex};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

/// The sources of one configuration.
#[derive(Debug)]
pub(super) struct Sources {
    targets: Targets,
    pushed: Pushed,
    /// What servers answered, by the SLO's id.
    answers: HashMap<String, Answers>,
}

impl Sources {
    pub(super) fn new(
        config: &Config,
        arrivals: Vec<Arrival>,
        (slice, now): (Duration, TimeMs),
    ) -> Self {
        let limits = config.limits;
        let room =
            Room { series: limits.series_per_target, label_sets: limits.label_sets_per_family };
        let asked = config.slos.iter().filter(|slo| slo.backend != Backend::Own);
        let answers = |slo: &Arc<Slo>| {
            (format!("{}/{}", slo.service, slo.name), Answers::new(slo, slice, now))
        };
        Self {
            targets: Targets::new(arrivals),
            pushed: Pushed::new(config.pushed.clone(), room, now),
            answers: asked.map(answers).collect(),
        }
    }

    /// Makes the known targets known to the store.
    pub(super) fn add_to(&mut self, store: &mut Store) {
        self.targets.add_to(store);
    }

    /// Takes one piece of news in.
    pub(super) fn take(&mut self, news: Heard, store: &mut Store) {
        match news {
            Heard::Come(arrival) => self.targets.come(*arrival, store),
            Heard::Gone(number) => self.targets.go(number, store),
            Heard::Report(report) => self.targets.take(report, store),
            Heard::Answered(heard) => self.hear(heard),
            Heard::Pushed(batch) => self.pushed.take(batch, store),
            Heard::Trouble { target, said } => self.targets.doubt(target, said),
            Heard::Discovery { job, error } => self.targets.note(job, error),
        }
    }

    fn hear(&mut self, heard: backend::Heard) {
        for answered in heard.answers {
            if let Some(answers) = self.answers.get_mut(answered.slo()) {
                answers.take(heard.at, answered);
            }
        }
    }

    /// Moves time on, and with it the store.
    pub(super) fn advance(&mut self, now: TimeMs, store: &mut Store) {
        self.pushed.step(now, store);
        store.advance(now);
        self.answers.values_mut().for_each(|answers| answers.advance(now));
    }

    /// Hands on all that there is, because nothing will follow it.
    pub(super) fn finish(&mut self, now: TimeMs, store: &mut Store) {
        self.pushed.finish(now, store);
    }

    /// Returns what a server answered about an SLO; `None` for one that the store counts.
    pub(super) fn answers(&self, slo_id: &str) -> Option<&Answers> {
        self.answers.get(slo_id)
    }

    pub(super) fn targets(&self, now: TimeMs, store: &Store) -> Vec<TargetView> {
        let mut targets = self.targets.views(store);
        targets.extend(self.pushed.views(now, store));
        targets
    }

    pub(super) fn levels(&self, store: &Store) -> Vec<LevelView> {
        let level = |level: plimsoll_store::LevelView| {
            let (job, instance) = self.label(level.target);
            LevelView { job, instance, level }
        };
        store.levels().into_iter().map(level).collect()
    }

    fn label(&self, target: TargetIndex) -> (String, String) {
        self.pushed.label(target).unwrap_or_else(|| self.targets.label(target))
    }

    /// Returns why there may be more targets than are known, by job.
    pub(super) fn trouble(&self) -> Vec<(String, String)> {
        let pushed = self.pushed.trouble().map(|error| ("pushed".to_owned(), error));
        self.targets.trouble().into_iter().chain(pushed).collect()
    }
}
