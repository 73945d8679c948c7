use crate::outcome::POINTS_MAX;
use crate::recording::{no_labels, scrape};
use crate::{Fired, Outcome, Past, Point, Recording, RecordingError, SloOutcome, Stretch};
use plimsoll_model::TimeMs;
use plimsoll_slo::{
    AlertName, Alerts, Assessment, Change, Slo, Transition, Windows, assess, is_quiet,
};
use plimsoll_store::{Ledger, Limits, Relabeling, Store, StoreError, Target, TargetIndex};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// A target that said nothing for so many intervals missed a scrape.
const INTERVALS_MISSED: f64 = 1.5;

/// Why a replay couldn't be done.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// Nothing to replay.
    #[error(transparent)]
    Recording(#[from] RecordingError),
    /// An SLO that can't be counted.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// None of the SLOs reads what was recorded.
    #[error(
        "no series that an SLO reads was recorded; recorded are: {0}; look at the names and labels"
    )]
    NoSeries(String),
}

/// Runs the past through SLOs.
#[derive(Clone, Debug)]
pub struct Replay {
    /// What it is called beside another.
    pub name: String,
    /// The SLOs.
    pub slos: Vec<Arc<Slo>>,
    /// The scrape interval, which is also the time between two looks.
    pub step: Duration,
}

impl Replay {
    /// Replays recorded samples. `tell` hears the part that is done, from 0 to 1; a replay that it
    /// answers `false` ends there.
    ///
    /// # Errors
    /// Nothing was recorded, nothing of it is read, or an SLO can't be counted.
    pub fn samples(
        &self,
        recording: &Recording,
        mut tell: impl FnMut(f64) -> bool,
    ) -> Result<Outcome, ReplayError> {
        let (from, to) = recording.span()?;
        let mut store = Store::new(self.slos.clone(), Limits { slice: self.step })?;
        store.advance(before(from));
        let mut feeds: Vec<Feed<'_>> = recording
            .targets
            .iter()
            .map(|((job, instance), scrapes)| Feed {
                target: store.add_target(self.target(job, instance)),
                scrapes: scrapes.iter().peekable(),
                heard: None,
            })
            .collect();
        let mut watch = Watch::new(from, to, self.step);
        let step_ms = millis(self.step).max(1);
        let mut now = from.0;
        loop {
            for feed in &mut feeds {
                feed.run(now, step_ms, recording, &mut store);
            }
            store.advance(TimeMs(now));
            for ledger in store.ledgers() {
                watch.look(ledger.id(), ledger.slo(), ledger, TimeMs(now));
            }
            if now >= to.0 || !tell(part(now, from.0, to.0)) {
                break;
            }
            now = now.saturating_add(step_ms).min(to.0);
        }
        if store.ledgers().iter().all(|ledger| Windows::last_known(ledger).is_none()) {
            return Err(ReplayError::NoSeries(recording.names().join(", ")));
        }
        let end = TimeMs(now);
        let ledgers = store.ledgers().iter();
        let each = |ledger: &Ledger| {
            watch.finish(ledger.id(), ledger.slo(), &assess(ledger.slo(), ledger, end))
        };
        let slos = ledgers.map(each).collect();
        Ok(Outcome { name: self.name.clone(), from, to: end, step: self.step, slos })
    }

    /// Replays the daemon's own counts: of each SLO and label set by its id, its stretches of one
    /// step each, oldest first.
    ///
    /// # Errors
    /// There is none.
    pub fn counts(
        &self,
        pasts: &[(String, Arc<Slo>, Vec<Stretch>)],
    ) -> Result<Outcome, ReplayError> {
        let times = || pasts.iter().flat_map(|(_, _, stretches)| stretches.iter());
        let from = times().map(|stretch| stretch.at).min().ok_or(RecordingError::Empty)?;
        let to = times().map(|stretch| stretch.at).max().ok_or(RecordingError::Empty)?;
        let to = TimeMs(to.0.saturating_add(millis(self.step)));
        let mut slos = Vec::new();
        for (id, slo, stretches) in pasts {
            let Some(first) = stretches.first() else { continue };
            let mut watch = Watch::new(from, to, self.step);
            let mut past = Past::new(slo, self.step, first.at, to);
            for stretch in stretches {
                past.push(*stretch);
                watch.look(id, slo, &past, past.now());
            }
            slos.push(watch.finish(id, slo, &assess(slo, &past, past.now())));
        }
        Ok(Outcome { name: self.name.clone(), from, to, step: self.step, slos })
    }

    fn target(&self, job: &str, instance: &str) -> Target {
        Target {
            job: job.into(),
            instance: instance.into(),
            labels: no_labels(),
            interval: self.step,
            honor_labels: true,
            relabeling: Relabeling::default(),
        }
    }
}

/// One target's scrapes, and how far they were replayed.
struct Feed<'r> {
    target: TargetIndex,
    scrapes: std::iter::Peekable<
        std::collections::btree_map::Iter<'r, i64, Vec<plimsoll_model::Sample>>,
    >,
    heard: Option<i64>,
}

impl Feed<'_> {
    /// Replays what lies up to `now`; a target that should have been heard by then missed.
    fn run(&mut self, now: i64, step_ms: i64, recording: &Recording, store: &mut Store) {
        while let Some((at, samples)) = self.scrapes.next_if(|(at, _)| **at <= now) {
            let lookup = |series: plimsoll_model::SeriesIndex| {
                recording.keys.get(series.0 as usize).cloned()
            };
            store.ingest(self.target, TimeMs(*at), &scrape(samples), lookup);
            self.heard = Some(*at);
        }
        let late = (step_ms as f64 * INTERVALS_MISSED) as i64;
        if let Some(heard) = self.heard.filter(|heard| now.saturating_sub(*heard) > late) {
            store.miss(self.target, TimeMs(now.max(heard)));
        }
    }
}

/// Follows alerts and collects points.
struct Watch {
    step_points: i64,
    from: TimeMs,
    slos: BTreeMap<String, Seen>,
}

#[derive(Default)]
struct Seen {
    alerts: Alerts,
    fired: Vec<Fired>,
    points: Vec<Point>,
    worst: Option<f64>,
}

impl Watch {
    fn new(from: TimeMs, to: TimeMs, step: Duration) -> Self {
        let points = i64::try_from(POINTS_MAX).unwrap_or(i64::MAX);
        let step_points = (to.0.saturating_sub(from.0) / points).max(millis(step)).max(1);
        Self { step_points, from, slos: BTreeMap::new() }
    }

    fn look(&mut self, id: &str, slo: &Slo, windows: &impl Windows, now: TimeMs) {
        let Some(seen) = self.slos.get_mut(id) else {
            self.slos.insert(id.to_owned(), Seen::default());
            return self.look_at(id, slo, windows, now);
        };
        let place = i64::try_from(seen.points.len()).unwrap_or(i64::MAX);
        let is_point = now.0.saturating_sub(self.from.0) >= place.saturating_mul(self.step_points);
        let goes_on = seen.alerts.iter().any(|alert| alert.resolved_at.is_none());
        if is_point || goes_on || !is_quiet(slo, windows, now) {
            self.look_at(id, slo, windows, now);
        }
    }

    fn look_at(&mut self, id: &str, slo: &Slo, windows: &impl Windows, now: TimeMs) {
        let assessment = assess(slo, windows, now);
        let Some(seen) = self.slos.get_mut(id) else { return };
        let transitions = seen.alerts.step(now, &assessment);
        transitions.iter().for_each(|transition| seen.note(transition, now));
        seen.keep_shares();
        seen.worst = larger(seen.worst, burn(&assessment));
        let place = i64::try_from(seen.points.len()).unwrap_or(i64::MAX);
        if now.0.saturating_sub(self.from.0) >= place.saturating_mul(self.step_points) {
            let remaining = assessment.budget.remaining.low;
            seen.points.push(Point { at: now, burn: seen.worst.take(), remaining });
        }
    }

    fn finish(&self, id: &str, slo: &Arc<Slo>, assessment: &Assessment) -> SloOutcome {
        let seen = self.slos.get(id);
        SloOutcome {
            id: id.to_owned(),
            slo: slo.clone(),
            counts: assessment.counts,
            spent: assessment.budget.spent,
            coverage: assessment.coverage,
            fired: seen.map(|seen| seen.fired.clone()).unwrap_or_default(),
            points: seen.map(|seen| seen.points.clone()).unwrap_or_default(),
        }
    }
}

impl Seen {
    fn note(&mut self, transition: &Transition, now: TimeMs) {
        let name = transition.alert.name;
        match transition.change {
            Change::Fired => {
                let share = transition.alert.share.low;
                self.fired.push(Fired { name, from: now, to: None, share });
            }
            Change::Resolved => {
                if let Some(fired) = self.open(name) {
                    fired.to = Some(now);
                }
            }
            Change::Pended | Change::Lapsed => {}
        }
    }

    fn keep_shares(&mut self) {
        let shares: Vec<(AlertName, Option<f64>)> =
            self.alerts.iter().map(|alert| (alert.name, alert.share.low)).collect();
        for (name, share) in shares {
            if let Some(fired) = self.open(name) {
                fired.share = larger(fired.share, share);
            }
        }
    }

    fn open(&mut self, name: AlertName) -> Option<&mut Fired> {
        self.fired.iter_mut().rev().find(|fired| fired.name == name && fired.to.is_none())
    }
}

/// Returns the least burn of the fastest row's long window.
fn burn(assessment: &Assessment) -> Option<f64> {
    let fastest = assessment.rows.iter().map(|row| row.long).min_by_key(|long| long.length);
    fastest.and_then(|long| long.burn.low)
}

fn larger(one: Option<f64>, other: Option<f64>) -> Option<f64> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.max(other)),
        (one, other) => one.or(other),
    }
}

/// Nothing is known before the first scrape, and that isn't held against anybody.
fn before(from: TimeMs) -> TimeMs {
    TimeMs(from.0.saturating_sub(1))
}

fn part(now: i64, from: i64, to: i64) -> f64 {
    (now.saturating_sub(from)) as f64 / (to.saturating_sub(from)).max(1) as f64
}

fn millis(length: Duration) -> i64 {
    i64::try_from(length.as_millis()).unwrap_or(i64::MAX)
}
