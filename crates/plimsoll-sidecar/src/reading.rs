use crate::process::{Cycle, Waited};
use plimsoll_model::{Family, Labels, LevelPart, Series, Signal, Value};
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

    /// Adds one series of a level; the value is of the part's kind.
    pub fn level_part(
        &mut self,
        signal: &'static Signal,
        part: LevelPart,
        labels: &Labels,
        value: Value,
    ) {
        let series = Series { labels: labels.clone(), value };
        let name = part.family_name(signal);
        match self.families.iter_mut().find(|family| family.name == name) {
            Some(family) => family.series.push(series),
            None => self.families.push(Family {
                name: Cow::Owned(name),
                help: Cow::Owned(part.help(signal)),
                unit: part.prometheus_unit(),
                kind: part.family_kind(),
                series: vec![series],
            }),
        }
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

    /// Returns the families, no name twice.
    pub fn families(&self) -> &[Family] {
        &self.families
    }

    fn add(&mut self, signal: &'static Signal, labels: &Labels, value: Value) {
        let kind = value.family_kind();
        let series = Series { labels: labels.clone(), value };
        match self.families.iter_mut().find(|family| family.name == signal.name) {
            Some(family) => family.series.push(series),
            None => self.families.push(Family {
                name: Cow::Borrowed(signal.name),
                help: Cow::Borrowed(signal.help),
                unit: signal.prometheus_unit(),
                kind,
                series: vec![series],
            }),
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
