//! Targets that push: what they send is put together by its own time, and then taken in as if it
//! had been scraped.

use crate::source::PushedBatch;
use crate::view::{LastScrape, TargetView, refusals};
use frame::Frames;
use plimsoll_exposition::push::{Point, PointValue};
use plimsoll_model::{RefusalReason, TimeMs};
use plimsoll_store::{Relabeling, Store, Target, TargetIndex};
pub(super) use series::Room;
use series::Series;
use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

mod frame;
mod series;

/// The most targets that push.
const SOURCES_MAX: usize = 10_000;

/// A target that nobody said how often to expect is expected so often: what the SDKs of
/// OpenTelemetry do when nobody tells them.
const EXPECTED_EVERY: Duration = Duration::from_secs(60);

/// A target that said nothing for so long, or for ten of its intervals, is expected no longer.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(600);

/// What Prometheus calls the series that says whether a scrape of its own went well.
pub(super) const UP: &str = "up";

/// Every target that pushes.
#[derive(Debug)]
pub(super) struct Pushed {
    /// By job and instance.
    sources: BTreeMap<(String, String), Source>,
    /// By job.
    expected: HashMap<String, Duration>,
    room: Room,
    /// Since when pushes are taken: what began later counts from zero.
    since: TimeMs,
    /// Points of targets that there was no room for.
    surplus: u64,
}

/// One target that pushes.
#[derive(Debug)]
struct Source {
    target: Target,
    index: TargetIndex,
    via: &'static str,
    series: Series,
    frames: Frames,
    heard: TimeMs,
    last: Option<LastScrape>,
    refused: BTreeMap<&'static str, u64>,
    /// Its sender said that it is gone.
    is_over: bool,
}

impl Pushed {
    pub(super) fn new(expected: HashMap<String, Duration>, room: Room, since: TimeMs) -> Self {
        Self { sources: BTreeMap::new(), expected, room, since, surplus: 0 }
    }

    /// Takes in what one body held; times in it are those of the daemon's clock.
    pub(super) fn take(&mut self, batch: PushedBatch, store: &mut Store) {
        let PushedBatch { via, at, points, _room } = batch;
        for mut point in points {
            let labels = &point.key.labels;
            let get = |name: &str| labels.get(name).unwrap_or_default().to_owned();
            let owner = (get("job"), get("instance"));
            point.key.labels = labels.filtered(|name| name != "job" && name != "instance");
            match self.source(owner, via, at, store) {
                Some(source) => {
                    source.take(point, at);
                    if source.frames.is_full() {
                        source.hand_on(at, false, store);
                    }
                }
                None => self.surplus += 1,
            }
        }
    }

    fn source(
        &mut self,
        owner: (String, String),
        via: &'static str,
        at: TimeMs,
        store: &mut Store,
    ) -> Option<&mut Source> {
        if !self.sources.contains_key(&owner) {
            if self.sources.len() >= SOURCES_MAX {
                return None;
            }
            let interval = self.expected.get(&owner.0).copied().unwrap_or(EXPECTED_EVERY);
            let target = Target {
                job: owner.0.clone(),
                instance: owner.1.clone(),
                labels: Default::default(),
                interval,
                honor_labels: false,
                relabeling: Relabeling::default(),
            };
            let index = store.add_target_since(target.clone(), Some(self.since));
            self.sources.insert(owner.clone(), Source::new(target, index, (via, at), self.room));
        }
        self.sources.get_mut(&owner)
    }

    /// Hands on what is complete, and forgets who is gone.
    pub(super) fn step(&mut self, now: TimeMs, store: &mut Store) {
        self.sources.retain(|_, source| {
            source.hand_on(now, false, store);
            let stays = !source.is_gone(now);
            if !stays {
                store.remove_target(source.index);
            }
            stays
        });
    }

    /// Hands on all that there is, because nothing will follow it.
    pub(super) fn finish(&mut self, now: TimeMs, store: &mut Store) {
        self.sources.values_mut().for_each(|source| source.hand_on(now, true, store));
    }

    pub(super) fn views(&self, now: TimeMs, store: &Store) -> Vec<TargetView> {
        self.sources.values().map(|source| source.view(now, store)).collect()
    }

    /// Returns job and instance of a target of the store.
    pub(super) fn label(&self, index: TargetIndex) -> Option<(String, String)> {
        let found = self.sources.iter().find(|(_, source)| source.index == index);
        found.map(|(owner, _)| owner.clone())
    }

    /// Says, once there is no room for another target, how much was let go.
    pub(super) fn trouble(&self) -> Option<String> {
        let surplus = self.surplus;
        (surplus > 0).then(|| {
            format!("more than {SOURCES_MAX} targets push: {surplus} points of others are refused")
        })
    }
}

impl Source {
    fn new(
        target: Target,
        index: TargetIndex,
        (via, heard): (&'static str, TimeMs),
        room: Room,
    ) -> Self {
        Self {
            frames: Frames::new(target.interval),
            target,
            index,
            via,
            series: Series::new(room),
            heard,
            last: None,
            refused: BTreeMap::new(),
            is_over: false,
        }
    }

    fn take(&mut self, point: Point, at: TimeMs) {
        self.heard = self.heard.max(at);
        if let Some(reason) = self.frames.refusal(point.at_ms, at) {
            return self.refuse(reason);
        }
        if &*point.key.name == UP {
            match point.value {
                PointValue::Stale => self.is_over = true,
                PointValue::Number(up) => self.frames.note_up(point.at_ms, at, up != 0.0),
                PointValue::Histogram { .. } => {}
            }
            return;
        }
        self.is_over = false;
        let at_ms = point.at_ms;
        match self.series.samples(point) {
            Ok(samples) => self.frames.add(at_ms, at, samples),
            Err(reason) => self.refuse(reason),
        }
    }

    fn refuse(&mut self, reason: RefusalReason) {
        *self.refused.entry(reason.as_str()).or_default() += 1;
    }

    /// Hands on the frames that are complete at `now`, or all when it is the last chance.
    fn hand_on(&mut self, now: TimeMs, is_last: bool, store: &mut Store) {
        while let Some(frame) = self.frames.next(now, is_last) {
            let took = Duration::ZERO;
            let outcome = if frame.is_down {
                store.miss(self.index, frame.at);
                Err("its own scraper found it down".to_owned())
            } else {
                let scrape = frame.scrape();
                let series = &self.series;
                store.ingest(self.index, frame.at, &scrape, |index| series.name(index));
                Ok(scrape.count())
            };
            self.last = Some(LastScrape { at: frame.at, took, outcome });
        }
    }

    fn is_gone(&self, now: TimeMs) -> bool {
        let silent = now.since(self.heard);
        let is_forgotten = silent >= FORGOTTEN_AFTER.max(self.target.interval * 10);
        is_forgotten || (self.is_over && self.frames.is_empty())
    }

    fn view(&self, now: TimeMs, store: &Store) -> TargetView {
        let mut refused = refusals(store.refused(self.index), 0);
        refused.extend(self.refused.iter().map(|(reason, count)| (*reason, *count)));
        let silent = now.since(self.heard);
        let mut last = self.last.clone();
        if let Some(last) = last.as_mut().filter(|_| silent > self.target.interval * 2) {
            let every = plimsoll_slo::length_name(self.target.interval);
            let seconds = silent.as_secs();
            last.outcome = Err(format!("pushed nothing for {seconds} s; expected every {every}"));
        }
        TargetView {
            job: self.target.job.clone(),
            instance: self.target.instance.clone(),
            url: self.via.to_owned(),
            interval: self.target.interval,
            last,
            doubt: None,
            refused,
            slos: store.fed_by(self.index).into_iter().map(str::to_owned).collect(),
        }
    }
}
