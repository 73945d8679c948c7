use crate::{Milli, Objective, Reason};
use plimsoll_model::{Interval, WindowCounts};
use std::time::Duration;

/// So many bad of so many: an error ratio that is compared without a division.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadOf {
    /// The bad ones.
    pub bad: u64,
    /// All of them.
    pub total: u64,
}

impl BadOf {
    /// Returns the ratio; 0 of 0 is 0.
    pub fn ratio(self) -> f64 {
        if self.total == 0 { 0.0 } else { self.bad as f64 / self.total as f64 }
    }

    /// Returns the burn: the ratio over what the objective allows.
    pub fn burn(self, objective: Objective) -> f64 {
        self.ratio() * 1e6 / f64::from(objective.allowed_ppm())
    }

    /// Says whether it burns faster than the threshold: bad ÷ total > burn × allowed.
    pub fn is_over(self, burn: Milli, objective: Objective) -> bool {
        self.scaled() > self.threshold(burn, objective)
    }

    /// Says whether it burns slower than the threshold; without demand nothing burns.
    pub fn is_under(self, burn: Milli, objective: Objective) -> bool {
        self.total == 0 || self.scaled() < self.threshold(burn, objective)
    }

    /// Says whether at least `percent` of all are bad.
    pub(crate) fn reaches_percent(self, percent: u32) -> bool {
        u128::from(self.bad) * 100 >= u128::from(self.total) * u128::from(percent)
    }

    /// Thousandths of a burn times parts per million of an objective make 10⁹ of a ratio.
    fn scaled(self) -> u128 {
        u128::from(self.bad) * 1_000_000_000
    }

    fn threshold(self, burn: Milli, objective: Objective) -> u128 {
        u128::from(burn.0)
            .saturating_mul(objective.allowed_ppm().into())
            .saturating_mul(self.total.into())
    }
}

/// How fast one window burns.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WindowBurn {
    /// The window's length.
    pub length: Duration,
    /// What it held.
    pub held: WindowCounts,
    /// The part of the expected target-time that is known; `None` when none was expected.
    pub coverage: Option<f64>,
    /// The error ratio.
    pub ratio: Interval,
    /// The error ratio over what the objective allows.
    pub burn: Interval,
    /// Why a bound is missing, if one is.
    pub reason: Option<Reason>,
    low: Option<BadOf>,
    high: Option<BadOf>,
}

impl WindowBurn {
    /// Reads the bounds of a window's ratio: everything unknown good, and everything unknown bad.
    ///
    /// What a cut gap held lies between none and all inside, so the low bound takes only its good
    /// ones in, the high bound only its bad ones.
    pub(crate) fn new(length: Duration, held: WindowCounts, objective: Objective) -> Self {
        let (sure, cut) = (held.counts, held.cut);
        let total = sure.known().saturating_add(sure.unknown);
        let maybe_bad = cut.bad.saturating_add(cut.unknown);
        let low = BadOf {
            bad: sure.bad,
            total: total.saturating_add(cut.good).saturating_add(cut.unknown),
        };
        let high = BadOf {
            bad: sure.bad.saturating_add(sure.unknown).saturating_add(maybe_bad),
            total: total.saturating_add(maybe_bad),
        };
        let reason = reason_of(&held, low.total == 0 && high.total == 0);
        let low = matches!(reason, None | Some(Reason::RateUnknown)).then_some(low);
        let low = low.filter(|low| low.total > 0 || high.total > 0);
        let high = reason.is_none().then_some(high);
        let interval = |of: fn(BadOf, Objective) -> f64| Interval {
            low: low.map(|low| of(low, objective)),
            high: high.map(|high| of(high, objective)),
        };
        Self {
            length,
            held,
            coverage: coverage(&held),
            ratio: interval(|bad_of, _| bad_of.ratio()),
            burn: interval(BadOf::burn),
            reason,
            low,
            high,
        }
    }

    /// Returns what is surely bad of what may have been; nothing of nothing when not even that is
    /// known.
    pub fn low(&self) -> BadOf {
        self.low.unwrap_or(BadOf { bad: 0, total: 0 })
    }

    /// Returns what is bad at most; `None` when nobody knows.
    pub(crate) fn high(&self) -> Option<BadOf> {
        self.high
    }

    /// Returns [`Self::low`] of the window extended to the start of a gap that its edge cuts.
    pub fn low_extended(&self) -> BadOf {
        let mut whole = self.held.counts;
        whole += self.held.cut;
        BadOf { bad: whole.bad, total: whole.known().saturating_add(whole.unknown) }
    }

    /// Says whether it surely burns slower than the threshold: no demand does, blindness doesn't.
    pub fn is_surely_under(&self, burn: Milli, objective: Objective) -> bool {
        match (self.high, self.reason) {
            (Some(high), _) => high.is_under(burn, objective),
            (None, reason) => matches!(reason, Some(Reason::NoDemand | Reason::NoTarget)),
        }
    }
}

pub(crate) fn coverage(held: &WindowCounts) -> Option<f64> {
    let (known, expected) = (held.known.as_secs_f64(), held.expected.as_secs_f64());
    (expected > 0.0).then(|| (known / expected).min(1.0))
}

fn reason_of(held: &WindowCounts, is_empty: bool) -> Option<Reason> {
    if held.rate_unknown {
        return Some(Reason::RateUnknown);
    }
    match (is_empty, held.expected.is_zero(), held.known.is_zero()) {
        (false, ..) => None,
        (true, true, _) => Some(Reason::NoTarget),
        (true, false, true) => Some(Reason::NoData),
        (true, false, false) => Some(Reason::NoDemand),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use plimsoll_model::Counts;

    fn objective() -> Objective {
        Objective::from_ppm(999_000).expect("valid")
    }

    fn burn(counts: Counts, cut: Counts, known_s: u64, rate_unknown: bool) -> WindowBurn {
        let (known, expected) = (Duration::from_secs(known_s), Duration::from_secs(300));
        let held = WindowCounts { counts, cut, rate_unknown, known, expected };
        WindowBurn::new(expected, held, objective())
    }

    fn counts(good: u64, bad: u64, unknown: u64) -> Counts {
        Counts { good, bad, unknown }
    }

    #[test]
    fn the_threshold_is_compared_without_rounding() {
        let exactly = BadOf { bad: 144, total: 10_000 };
        assert!(!exactly.is_over(Milli(14_400), objective()), "1.44 % is 14.4 times, not over it");
        assert!(!exactly.is_under(Milli(14_400), objective()));
        assert!(BadOf { bad: 145, total: 10_000 }.is_over(Milli(14_400), objective()));
        let huge = BadOf { bad: u64::MAX, total: u64::MAX };
        assert!(huge.is_over(Milli(14_400), objective()));
    }

    #[test]
    fn unknown_events_widen_the_bounds() {
        let burn = burn(counts(880, 20, 100), Counts::default(), 270, false);
        assert_eq!(burn.ratio, Interval { low: Some(0.02), high: Some(0.12) });
        assert_eq!(burn.coverage, Some(0.9));
    }

    #[test]
    fn a_cut_gap_widens_the_bounds_and_extends_a_paging_window() {
        // 100 good surely inside; the gap held 80 good and 20 bad, of which none to all is inside.
        let burn = burn(counts(100, 0, 0), counts(80, 20, 0), 300, false);
        assert_eq!(burn.ratio, Interval { low: Some(0.0), high: Some(20.0 / 120.0) });
        assert_eq!(burn.low_extended(), BadOf { bad: 20, total: 200 });
    }

    #[test]
    fn nothing_is_told_apart_from_unknown() {
        let none = Counts::default();
        let idle = burn(none, none, 300, false);
        assert_eq!((idle.reason, idle.ratio), (Some(Reason::NoDemand), Interval::default()));
        assert!(idle.is_surely_under(Milli(1), objective()));
        let blind = burn(none, none, 0, false);
        assert_eq!((blind.reason, blind.ratio), (Some(Reason::NoData), Interval::default()));
        assert!(!blind.is_surely_under(Milli(1_000_000), objective()));
        let no_rate = burn(counts(90, 10, 0), none, 150, true);
        assert_eq!(no_rate.ratio, Interval { low: Some(0.1), high: None });
        assert!(!no_rate.is_surely_under(Milli(1_000_000), objective()));
    }
}
