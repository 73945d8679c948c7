use crate::{Budget, Reason, WindowBurn};
use plimsoll_model::Interval;
use std::time::Duration;

/// When the budget ends if it goes on being spent as in one window.
///
/// What a rolling period gives back while old events leave it isn't counted on.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Forecast {
    /// Seconds until nothing remains; 0 once nothing does.
    pub exhaustion_seconds: Interval,
    /// Why a bound is missing, if one is.
    pub reason: Option<Reason>,
}

impl Forecast {
    /// `seen` is how much of the window lies within the time that was watched.
    pub(crate) fn new(budget: &Budget, window: &WindowBurn, seen: Duration) -> Self {
        let share = budget.share(window);
        let seconds = |remaining: Option<f64>, share: Option<f64>| match (remaining?, share?) {
            (remaining, _) if remaining <= 0.0 => Some(0.0),
            (_, share) if share <= 0.0 => None,
            (remaining, share) => Some(remaining / share * seen.as_secs_f64()),
        };
        let exhaustion_seconds = Interval {
            low: seconds(budget.remaining.low, share.high),
            high: seconds(budget.remaining.high, share.low),
        };
        let is_whole = exhaustion_seconds.low.is_some() && exhaustion_seconds.high.is_some();
        let reason = match (is_whole, budget.reason.or(window.reason)) {
            (true, _) => None,
            (false, None | Some(Reason::NoDemand)) => Some(Reason::NotBurning),
            (false, reason) => reason,
        };
        Self { exhaustion_seconds, reason }
    }
}
