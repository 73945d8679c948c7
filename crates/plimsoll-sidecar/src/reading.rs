use crate::process::{Cycle, Waited};
use plimsoll_model::{Family, Labels, LevelPart, Series, Signal, Snapshot, Value};
use std::borrow::Cow;
use std::fmt::Display;

/// What a collector knows after one round: all of its series, at one instant.
#[derive(Clone, Debug, Default)]
pub struct Reading {
    families: Vec<Family>,
    notes: Vec<String>,
    waited: Vec<Waited>,
    cycles: Vec<Cycle>,
}

/// More notes say nothing more to a person.
const NOTES_MAX: usize = 20;

impl Reading {
    /// Adds a gauge. A value that isn't a finite number isn't known, and is left out.
    pub fn gauge(&mut self, signal: &'static Signal, labels: &Labels, value: f64) {
        if value.is_finite() {
            self.add(signal, labels, Value::Gauge(value));
        }
    }

    /// Adds a counter of events, which must not fall while what it counts lives.
    pub fn count(&mut self, signal: &'static Signal, labels: &Labels, total: u64) {
        self.add(signal, labels, Value::Count(total));
    }

    /// Adds a counter of seconds, in nanoseconds.
    pub fn seconds(&mut self, signal: &'static Signal, labels: &Labels, total_ns: u128) {
        self.add(signal, labels, Value::SecondsNs(total_ns));
    }

    /// Adds a level as one look found it: how high it is, and its limit if it has one. A number that isn't
    /// finite isn't known, and is left out.
    pub fn level(
        &mut self,
        signal: &'static Signal,
        labels: &Labels,
        now: f64,
        limit: Option<f64>,
    ) {
        let parts = [(LevelPart::Now, Some(now)), (LevelPart::Limit, limit)];
        for (part, value) in parts {
            if let Some(value) = value.filter(|value| value.is_finite()) {
                self.level_part(signal, part, labels, Value::Gauge(value));
            }
        }
    }

    /// Adds one series of a level; the value is of the part's kind.
    pub fn level_part(
        &mut self,
        signal: &'static Signal,
        part: LevelPart,
        labels: &Labels,
        value: Value,
    ) {
        let name = part.family_name(signal);
        let series = Series { labels: labels.clone(), value };
        self.push(&name, series, || Family {
            name: Cow::Owned(name.clone()),
            help: Cow::Owned(part.help(signal)),
            unit: part.prometheus_unit(),
            kind: part.family_kind(),
            series: Vec::new(),
        });
    }

    /// Keeps so many series of each family at most; returns how many were dropped.
    pub(crate) fn keep(&mut self, series_max: usize) -> usize {
        let mut dropped = 0;
        for family in &mut self.families {
            dropped += family.series.len().saturating_sub(series_max);
            family.series.truncate(series_max);
        }
        dropped
    }

    /// Adds the label `server` to every series that hasn't one.
    pub(crate) fn name_server(&mut self, server: &str) {
        let series = self.families.iter_mut().flat_map(|family| &mut family.series);
        for series in series.filter(|series| series.labels.get("server").is_none()) {
            if let Ok(labels) = series.labels.with("server", server) {
                series.labels = labels;
            }
        }
    }

    /// Adds a sentence for the page: what this reading is without, and why, or what was found that no
    /// number says. No secret may stand in it. Beyond 20, notes are dropped.
    pub fn note(&mut self, note: impl Display) {
        let note = note.to_string();
        if self.notes.len() < NOTES_MAX && !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }

    /// Returns the sentences for the page.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Adds a lock that threads wait for, for `/debug/waits`.
    pub(crate) fn wait_for(&mut self, lock: Waited) {
        self.waited.push(lock);
    }

    /// Adds a deadlock: for the page, and for `/debug/cycles`.
    pub(crate) fn deadlock(&mut self, cycle: Cycle) {
        self.note(&cycle);
        self.cycles.push(cycle);
    }

    /// Returns the locks that threads wait for.
    pub(crate) fn waited(&self) -> &[Waited] {
        &self.waited
    }

    /// Returns the deadlocks.
    pub(crate) fn cycles(&self) -> &[Cycle] {
        &self.cycles
    }

    /// Returns how many series there are.
    pub fn len(&self) -> usize {
        self.families.iter().map(|family| family.series.len()).sum()
    }

    /// Says whether there is no series at all.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Adds every series to a snapshot, and returns how many were there already.
    pub(crate) fn add_to(&self, snapshot: &mut Snapshot) -> usize {
        self.families.iter().map(|family| snapshot.add(family.clone())).sum()
    }

    /// Returns the families, no name twice.
    pub fn families(&self) -> &[Family] {
        &self.families
    }

    fn add(&mut self, signal: &'static Signal, labels: &Labels, value: Value) {
        let kind = value.family_kind();
        let series = Series { labels: labels.clone(), value };
        self.push(signal.name, series, || Family {
            name: Cow::Borrowed(signal.name),
            help: Cow::Borrowed(signal.help),
            unit: signal.prometheus_unit(),
            kind,
            series: Vec::new(),
        });
    }

    /// Adds a series to its family, which is made if there is none yet.
    fn push(&mut self, name: &str, series: Series, new: impl FnOnce() -> Family) {
        match self.families.iter_mut().find(|family| family.name == name) {
            Some(family) => family.series.push(series),
            None => self.families.push(Family { series: vec![series], ..new() }),
        }
    }
}

/// Makes labels whose names are written in the code. A name that Prometheus wouldn't take makes none,
/// which the first test of the series shows. One without a value is left out, which is the same to whoever
/// reads it.
pub(crate) fn labelled<const N: usize>(pairs: [(&str, &str); N]) -> Labels {
    let pairs = pairs.into_iter().filter(|(_, value)| !value.is_empty());
    Labels::new(pairs).unwrap_or_default()
}
