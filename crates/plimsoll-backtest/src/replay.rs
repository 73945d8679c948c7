use crate::outcome::POINTS_MAX;
use crate::{Fired, Outcome, Past, Player, Point, Recording, RecordingError, SloOutcome, Stretch};
use plimsoll_model::TimeMs;
use plimsoll_slo::{
    AlertName, Alerts, Assessment, Change, Slo, Transition, Windows, assess, is_quiet,
};
use plimsoll_store::{Ledger, Limits, Store, StoreError};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// So many steps are played before what the store would write to a disk is let go of.
const PIECE_STEPS: u32 = 1_000;

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
    /// Replays recorded samples. `tell` hears how far it is; a replay that it answers `false` ends
    /// there.
    ///
    /// # Errors
    /// Nothing was recorded, nothing of it is read, or an SLO can't be counted.
    pub fn samples(
        &self,
        recording: &Recording,
        tell: impl FnMut(TimeMs) -> bool,
    ) -> Result<Outcome, ReplayError> {
        let (from, to) = recording.span()?;
        let mut run = self.begin(from, to)?;
        run.play(recording, tell);
        run.finish(&recording.names())
    }

    /// Begins a replay of recordings that follow each other, from `from` to `to` at most.
    ///
    /// # Errors
    /// An SLO can't be counted.
    pub fn begin(&self, from: TimeMs, to: TimeMs) -> Result<Run, ReplayError> {
        let store = Store::new(self.slos.clone(), Limits { slice: self.step })?;
        let player = Player::new(store, self.step);
        Ok(Run { replay: self.clone(), player, watch: Watch::new(from, to, self.step) })
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
}

/// A replay that has begun.
pub struct Run {
    replay: Replay,
    player: Player,
    watch: Watch,
}

impl Run {
    /// Plays the next recording, to its end. `tell` hears how far it is; where it answers `false`, it
    /// ends there.
    pub fn play(&mut self, recording: &Recording, mut tell: impl FnMut(TimeMs) -> bool) {
        let Ok((mut until, to)) = recording.span() else { return };
        let step = self.replay.step.max(Duration::from_millis(1));
        let (piece, mut goes_on) = (step.saturating_mul(PIECE_STEPS), true);
        while goes_on {
            until = (until + piece).min(to);
            self.player.play(recording, until, |store, now| {
                for ledger in store.ledgers() {
                    self.watch.look(ledger.id(), ledger.slo(), ledger, now);
                }
                goes_on = tell(now);
                goes_on
            });
            // What a restart would need, and nobody will.
            drop(self.player.store_mut().checkpoint());
            goes_on &= until < to;
        }
    }

    /// Says what came out. `names` are those of the recorded series, for whoever looks for one.
    ///
    /// # Errors
    /// Nothing of what was recorded is read.
    pub fn finish(self, names: &[&str]) -> Result<Outcome, ReplayError> {
        let Self { replay, player, watch } = self;
        let ledgers = player.store().ledgers();
        if ledgers.iter().all(|ledger| Windows::last_known(ledger).is_none()) {
            return Err(ReplayError::NoSeries(names.join(", ")));
        }
        let to = player.now().ok_or(RecordingError::Empty)?;
        let each = |ledger: &Ledger| {
            watch.finish(ledger.id(), ledger.slo(), &assess(ledger.slo(), ledger, to))
        };
        let slos = ledgers.iter().map(each).collect();
        Ok(Outcome { name: replay.name, from: watch.from, to, step: replay.step, slos })
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

fn millis(length: Duration) -> i64 {
    i64::try_from(length.as_millis()).unwrap_or(i64::MAX)
}
