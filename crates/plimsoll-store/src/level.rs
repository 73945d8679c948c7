//! The levels that the page shows live.

use crate::TargetIndex;
use plimsoll_model::{FamilyKind, Kind, Labels, LevelPart, TimeMs, catalog};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

/// The most levels of one process that are shown, those that came and went included.
const LEVELS_MAX: u32 = 10_000;

/// Means are taken over one to two of these.
const MEAN_OVER: Duration = Duration::from_secs(5);

/// One level of one target as it was last scraped; a part that isn't exposed is `None`.
#[derive(Clone, Debug, PartialEq)]
pub struct LevelView {
    /// The target that exposed it.
    pub target: TargetIndex,
    /// The level's name in the catalog.
    pub name: &'static str,
    /// Its labels, as the target exposed them.
    pub labels: Labels,
    /// The level now.
    pub now: Option<f64>,
    /// Its configured limit.
    pub limit: Option<f64>,
    /// The highest level within the last 60 s.
    pub peak: Option<f64>,
    /// The exact mean over the last 5 to 10 s, from the integral.
    pub mean: Option<f64>,
    /// The part of the last 5 to 10 s that was spent at or above the limit.
    pub saturated_ratio: Option<f64>,
    /// The age of the oldest still in it, in seconds.
    pub oldest_age_seconds: Option<f64>,
    /// When it was scraped.
    pub at: TimeMs,
}

/// The sample names of every level of the catalog.
#[derive(Clone, Debug)]
pub(crate) struct LevelNames(Arc<HashMap<String, (&'static str, LevelPart)>>);

impl LevelNames {
    pub(crate) fn new() -> Self {
        let levels = catalog::ALL.iter().filter(|signal| signal.kind == Kind::Level);
        let names = levels.flat_map(|signal| {
            LevelPart::ALL.iter().filter(|part| **part != LevelPart::TimeWeighted).map(|part| {
                let family = part.family_name(signal);
                let counter = part.family_kind() == FamilyKind::Counter;
                let name = if counter { format!("{family}_total") } else { family };
                (name, (signal.name, *part))
            })
        });
        Self(Arc::new(names.collect()))
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    pub(crate) fn find(&self, name: &str) -> Option<(&'static str, LevelPart)> {
        self.0.get(name).copied()
    }
}

/// A counter of seconds, and two older values of it.
#[derive(Clone, Copy, Debug, Default)]
struct Integral {
    now: Option<(TimeMs, f64)>,
    newer: Option<(TimeMs, f64)>,
    older: Option<(TimeMs, f64)>,
}

impl Integral {
    fn set(&mut self, at: TimeMs, value: f64) {
        let fell = self.now.is_some_and(|(_, before)| value < before);
        let (last, newer) = (self.now.replace((at, value)), self.newer);
        if fell || newer.is_none() {
            (self.newer, self.older) = (self.now, None);
        } else if newer.is_some_and(|(since, _)| at.since(since) > MEAN_OVER) {
            (self.older, self.newer) = (newer, last);
        }
    }

    /// Returns its rate of change over the last stretch that is known.
    fn rate(&self) -> Option<f64> {
        let ((at, value), (since, before)) = self.now.zip(self.older.or(self.newer))?;
        let seconds = at.since(since).as_secs_f64();
        (seconds > 0.0).then(|| (value - before) / seconds)
    }
}

/// One level of one target.
#[derive(Clone, Debug)]
struct Level {
    name: &'static str,
    labels: Labels,
    now: Option<f64>,
    limit: Option<f64>,
    peak: Option<f64>,
    time: Integral,
    saturated: Integral,
    oldest_age: Option<f64>,
    at: TimeMs,
}

impl Level {
    fn new(name: &'static str, labels: Labels) -> Self {
        let (time, saturated) = (Integral::default(), Integral::default());
        let at = TimeMs::default();
        Self {
            name,
            labels,
            now: None,
            limit: None,
            peak: None,
            time,
            saturated,
            oldest_age: None,
            at,
        }
    }
}

/// Every level of one target.
#[derive(Clone, Debug, Default)]
pub(crate) struct LevelBoard {
    levels: Vec<Level>,
    numbers: HashMap<(&'static str, Labels), u32>,
}

impl LevelBoard {
    /// Returns the number of a level, which is made when it is new; `None` past the bound.
    pub(crate) fn number(&mut self, name: &'static str, labels: &Labels) -> Option<u32> {
        let place = (name, labels.clone());
        if let Some(number) = self.numbers.get(&place) {
            return Some(*number);
        }
        let next = u32::try_from(self.levels.len()).ok().filter(|next| *next < LEVELS_MAX)?;
        self.levels.push(Level::new(name, labels.clone()));
        self.numbers.insert(place, next);
        Some(next)
    }

    pub(crate) fn set(&mut self, number: u32, part: LevelPart, at: TimeMs, value: f64) {
        let Some(level) = self.levels.get_mut(number as usize) else { return };
        level.at = at;
        let value_now = value.is_finite().then_some(value);
        match part {
            LevelPart::Now => level.now = value_now,
            LevelPart::Limit => level.limit = value_now,
            LevelPart::Peak => level.peak = value_now,
            LevelPart::OldestAge => level.oldest_age = value_now,
            LevelPart::Time if value.is_finite() => level.time.set(at, value),
            LevelPart::Saturated if value.is_finite() => level.saturated.set(at, value),
            LevelPart::Time | LevelPart::Saturated | LevelPart::TimeWeighted => {}
        }
    }

    /// Iterates over the levels that the scrape at `at` held.
    pub(crate) fn views(
        &self,
        target: TargetIndex,
        at: Option<TimeMs>,
    ) -> impl Iterator<Item = LevelView> {
        self.levels.iter().filter(move |level| Some(level.at) == at).map(move |level| LevelView {
            target,
            name: level.name,
            labels: level.labels.clone(),
            now: level.now,
            limit: level.limit,
            peak: level.peak,
            mean: level.time.rate(),
            saturated_ratio: level.saturated.rate().map(|ratio| ratio.clamp(0.0, 1.0)),
            oldest_age_seconds: level.oldest_age,
            at: level.at,
        })
    }
}
