//! Recorded samples into a store, as the daemon's scrapes would have been.

use crate::Recording;
use crate::recording::{Recorded, TargetName, scrape};
use plimsoll_model::{Labels, SeriesIndex, TimeMs};
use plimsoll_store::{Relabeling, Store, Target, TargetIndex};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// A target that said nothing for so many intervals missed a scrape.
const INTERVALS_MISSED: f64 = 1.5;

/// A target whose failed scrapes would be told, and of which nothing is while so many intervals of
/// its job's other targets went by, isn't scraped any more.
const INTERVALS_UNTIL_GONE: i64 = 2;

/// Plays recordings into a store, piece after piece.
#[derive(Debug)]
pub struct Player {
    store: Store,
    step: Duration,
    /// The first step: a process that began later is seen from its beginning.
    began: Option<TimeMs>,
    now: Option<TimeMs>,
    feeds: BTreeMap<TargetName, Feed>,
    /// What was let go: if it comes back, nobody has watched it meanwhile.
    gone: BTreeSet<TargetName>,
    /// By job: when one of its targets was scraped last.
    scraped: BTreeMap<String, i64>,
}

/// One target, and how far it was played.
#[derive(Debug)]
struct Feed {
    target: TargetIndex,
    interval_ms: i64,
    heard_ms: i64,
    tells_failures: bool,
}

impl Player {
    /// Begins with a store that is at its beginning, or where an earlier player left it. `step` is the
    /// time between two looks.
    pub fn new(store: Store, step: Duration) -> Self {
        Self {
            store,
            step,
            began: None,
            now: None,
            feeds: BTreeMap::new(),
            gone: BTreeSet::new(),
            scraped: BTreeMap::new(),
        }
    }

    /// Returns the store as it is by now.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Returns the time of the last step.
    pub fn now(&self) -> Option<TimeMs> {
        self.now
    }

    /// Returns the store, of which the targets that are left aren't expected any more.
    pub fn into_store(mut self) -> Store {
        let targets = self.feeds.values().map(|feed| feed.target);
        targets.for_each(|target| self.store.remove_target(target));
        self.store
    }

    /// Returns the store for a checkpoint of it.
    pub fn store_mut(&mut self) -> &mut Store {
        &mut self.store
    }

    /// Plays a recording up to `until`, step by step; what lies before the last step is too late.
    /// `look` sees the store after each step; where it answers `false`, the play ends.
    pub fn play(
        &mut self,
        recording: &Recording,
        until: TimeMs,
        mut look: impl FnMut(&Store, TimeMs) -> bool,
    ) {
        let step_ms = millis(self.step).max(1);
        let mut now = match (self.now, recording.span()) {
            (Some(before), _) => before.0.saturating_add(step_ms),
            (None, Ok((first, _))) => {
                // Nothing is known before the first scrape, and that isn't held against anybody.
                self.store.advance(first);
                self.began = Some(first);
                first.0
            }
            (None, Err(_)) => return,
        };
        let mut done: BTreeMap<&TargetName, i64> = BTreeMap::new();
        while self.now.is_none_or(|before| before < until) {
            now = now.min(until.0);
            for (name, recorded) in &recording.targets {
                let after = done.insert(name, now).unwrap_or(i64::MIN);
                self.feed(name, recorded, recording, (after, now));
            }
            self.let_go(now);
            self.store.advance(TimeMs(now));
            self.now = Some(TimeMs(now));
            if !look(&self.store, TimeMs(now)) {
                break;
            }
            now = now.saturating_add(step_ms);
        }
    }

    /// Plays what lies after `after` and up to `now`; a target that should have been heard by then
    /// missed.
    fn feed(
        &mut self,
        name: &TargetName,
        recorded: &Recorded,
        recording: &Recording,
        (after, now): (i64, i64),
    ) {
        let lookup = |series: SeriesIndex| recording.keys.get(series.0 as usize).cloned();
        let start = after.saturating_add(1).min(now);
        for (at, samples) in recorded.scrapes.range(start..=now) {
            let feed = match self.feeds.get_mut(name) {
                Some(feed) => feed,
                None => {
                    let interval = recorded.interval().unwrap_or(self.step);
                    let watched = self.began.filter(|_| !self.gone.contains(name)).or(self.now);
                    let target = self.store.add_target_since(target(name, interval), watched);
                    let (interval_ms, tells_failures) = (millis(interval), recorded.tells_failures);
                    let feed = Feed { target, interval_ms, heard_ms: *at, tells_failures };
                    self.feeds.entry(name.clone()).or_insert(feed)
                }
            };
            match samples.is_empty() {
                true => self.store.miss(feed.target, TimeMs(*at)),
                false => self.store.ingest(feed.target, TimeMs(*at), &scrape(samples), lookup),
            }
            (feed.heard_ms, feed.tells_failures) = (*at, recorded.tells_failures);
            match self.scraped.get_mut(&name.0) {
                Some(scraped) => *scraped = (*scraped).max(*at),
                None => drop(self.scraped.insert(name.0.clone(), *at)),
            }
        }
        let Some(feed) = self.feeds.get(name) else { return };
        let late_ms = (feed.interval_ms as f64 * INTERVALS_MISSED) as i64;
        if now.saturating_sub(feed.heard_ms) > late_ms {
            self.store.miss(feed.target, TimeMs(now));
        }
    }

    /// Expects nothing more of targets that aren't scraped while others of their job are.
    fn let_go(&mut self, now: i64) {
        let Self { store, feeds, scraped, gone, .. } = self;
        feeds.retain(|name, feed| {
            let gone_ms = feed.heard_ms + INTERVALS_UNTIL_GONE * feed.interval_ms;
            let is_gone = feed.tells_failures
                && now > gone_ms
                && scraped.get(&name.0).is_some_and(|scraped| *scraped > gone_ms);
            if is_gone {
                store.remove_target(feed.target);
                gone.insert(name.clone());
            }
            !is_gone
        });
    }
}

fn target((job, instance): &TargetName, interval: Duration) -> Target {
    Target {
        job: job.clone(),
        instance: instance.clone(),
        // The series have them all.
        labels: Labels::default(),
        interval,
        honor_labels: true,
        relabeling: Relabeling::default(),
    }
}

fn millis(length: Duration) -> i64 {
    i64::try_from(length.as_millis()).unwrap_or(i64::MAX)
}
