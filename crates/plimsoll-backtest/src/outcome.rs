use plimsoll_model::{Counts, Interval, TimeMs};
use plimsoll_slo::{AlertName, Slo};
use std::sync::Arc;
use std::time::Duration;

/// What SLOs made of the past.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// What the SLO files and policy are called, where two are compared.
    pub name: String,
    /// When the replay began.
    pub from: TimeMs,
    /// When it ended.
    pub to: TimeMs,
    /// The time between two looks.
    pub step: Duration,
    /// Every SLO, or label set of one.
    pub slos: Vec<SloOutcome>,
}

/// What one SLO made of the past.
#[derive(Clone, Debug)]
pub struct SloOutcome {
    /// `service/slo`, or `service/slo{k="v"}`.
    pub id: String,
    /// The SLO.
    pub slo: Arc<Slo>,
    /// What the last period of the replay held.
    pub counts: Counts,
    /// The part of the budget of that period that is spent.
    pub spent: Interval,
    /// The part of that period that is known.
    pub coverage: Option<f64>,
    /// Every alert that fired, oldest first.
    pub fired: Vec<Fired>,
    /// Points for a chart, a few hundred at most, oldest first.
    pub points: Vec<Point>,
}

/// The most points of a chart.
pub(crate) const POINTS_MAX: usize = 400;

/// An alert that fired.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fired {
    /// Which.
    pub name: AlertName,
    /// Since when.
    pub from: TimeMs,
    /// Until when; `None` when it still fired at the end.
    pub to: Option<TimeMs>,
    /// The largest part of the budget that it stood for.
    pub share: Option<f64>,
}

impl Fired {
    /// Returns how long it fired, up to `end` if it still did.
    pub fn lasted(&self, end: TimeMs) -> Duration {
        self.to.unwrap_or(end).since(self.from)
    }
}

/// What a chart shows of one time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// When.
    pub at: TimeMs,
    /// The least burn of the shortest long window since the point before.
    pub burn: Option<f64>,
    /// The part of the budget that is left.
    pub remaining: Option<f64>,
}

impl Outcome {
    /// Counts the alerts of one name.
    pub fn count(&self, name: AlertName) -> usize {
        let all = self.slos.iter().flat_map(|slo| &slo.fired);
        all.filter(|fired| fired.name == name).count()
    }
}
