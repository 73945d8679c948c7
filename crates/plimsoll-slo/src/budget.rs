use crate::wide::compare_products;
use crate::{Milli, Reason, Slo, WindowBurn, Windows};
use plimsoll_model::{Interval, TimeMs, WindowCounts};
use std::time::Duration;

/// The error budget of one period, as parts of the whole.
///
/// The budget is what the objective allows of the events expected in a period, E = observed total
/// × period ÷ known time, so that a young or a gappy period isn't measured by its few first events.
/// Excluded time belongs to neither the period nor its known time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Budget {
    /// Events, or milliseconds, expected in a whole period; `None` before anything was seen.
    pub expected: Option<f64>,
    /// The part that is spent; more than 1 once it is overdrawn.
    pub spent: Interval,
    /// The part that remains; below 0 once it is overdrawn.
    pub remaining: Interval,
    /// Why a bound is missing, if one is.
    pub reason: Option<Reason>,
    bad_min: u64,
    bad_max: Option<u64>,
    scale: BudgetScale,
}

/// The integers that turn bad events into parts of the budget.
#[derive(Clone, Copy, Debug, PartialEq)]
struct BudgetScale {
    total: u64,
    known_ms: u64,
    period_ms: u64,
    allowed_ppm: u32,
}

impl Budget {
    /// Makes the budget that decisions are made on.
    pub(crate) fn new(slo: &Slo, windows: &impl Windows, now: TimeMs) -> Self {
        Self::of(
            slo,
            &windows.period(),
            windows.observed().expected,
            Elapsed::new(slo, windows, now),
        )
    }

    /// Makes the budget as if there were no exclusions and no corrections.
    pub(crate) fn observed(slo: &Slo, windows: &impl Windows, now: TimeMs) -> Self {
        let held = windows.observed();
        Self::of(slo, &held, held.expected, Elapsed::new(slo, windows, now))
    }

    /// `expected` is the target-time of `held` and of what was excluded.
    fn of(slo: &Slo, held: &WindowCounts, expected: Duration, elapsed: Elapsed) -> Self {
        let whole = WindowBurn::new(slo.period.longest(), *held, slo.objective);
        let excluded = expected.saturating_sub(held.expected);
        let excluded_ms = part_of(elapsed.watched, excluded, expected);
        let scale = BudgetScale {
            total: held.counts.known(),
            known_ms: part_of(elapsed.watched, held.known, expected),
            period_ms: millis(elapsed.period).saturating_sub(excluded_ms),
            allowed_ppm: slo.objective.allowed_ppm(),
        };
        let reason = match whole.reason {
            // Without demand nothing was spent, and that is known.
            Some(Reason::NoDemand) => None,
            reason => reason,
        };
        let spent = scale.share(&whole);
        Self {
            expected: scale.expected(),
            spent,
            remaining: Interval {
                low: spent.high.map(|spent| 1.0 - spent),
                high: spent.low.map(|spent| 1.0 - spent),
            },
            reason,
            bad_min: whole.held.counts.bad,
            bad_max: bad_max(&whole),
            scale,
        }
    }

    /// Returns the part of the budget that a window spent.
    pub fn share(&self, window: &WindowBurn) -> Interval {
        self.scale.share(window)
    }

    /// Says whether so many bad ones are at least the part of the budget that burning `burn` times
    /// as fast as allowed spends in `length`.
    pub fn is_share_reached(&self, bad: u64, burn: Milli, length: Duration) -> bool {
        // bad ÷ (allowed × total × period ÷ known) ≥ burn × length ÷ period, without a division.
        let (scale, wide) = (&self.scale, |value: u64| u128::from(value));
        let spent = [wide(bad) * 1_000_000_000, scale.known_ms.into()];
        let allowed = wide(burn.0) * u128::from(scale.allowed_ppm);
        let threshold = [allowed, wide(millis(length)) * wide(scale.total)];
        bad > 0 && compare_products(spent, threshold).is_ge()
    }

    /// Returns how long the period is, without what was excluded.
    pub fn period(&self) -> Duration {
        Duration::from_millis(self.scale.period_ms)
    }

    /// Says whether surely all of it is spent.
    pub fn is_exhausted(&self) -> bool {
        self.is_whole(self.bad_min)
    }

    /// Says whether all of it may be spent, as far as anybody knows.
    pub fn may_be_exhausted(&self) -> bool {
        self.bad_max.is_none_or(|bad| self.is_whole(bad))
    }

    fn is_whole(&self, bad: u64) -> bool {
        self.is_share_reached(bad, Milli(1_000), Duration::from_millis(self.scale.period_ms))
    }
}

/// How long the period is, and how much of it was watched so far.
#[derive(Clone, Copy, Debug)]
struct Elapsed {
    watched: Duration,
    period: Duration,
}

impl Elapsed {
    fn new(slo: &Slo, windows: &impl Windows, now: TimeMs) -> Self {
        let period = slo.period.span(now);
        let since = windows.watched_since().max(period.start);
        Self { watched: now.since(since), period: period.length() }
    }
}

impl BudgetScale {
    fn expected(&self) -> Option<f64> {
        (self.known_ms > 0)
            .then(|| self.total as f64 * self.period_ms as f64 / self.known_ms as f64)
    }

    fn share(&self, window: &WindowBurn) -> Interval {
        let Some(expected) = self.expected() else { return Interval::default() };
        let allowed = expected * f64::from(self.allowed_ppm) / 1e6;
        let share = |bad: u64| match (bad, allowed > 0.0) {
            (0, _) => Some(0.0),
            (bad, true) => Some(bad as f64 / allowed),
            // Something may be bad where nothing was expected: how much of the budget, none can say.
            (_, false) => None,
        };
        Interval { low: share(window.held.counts.bad), high: bad_max(window).and_then(share) }
    }
}

/// Returns how many may be bad at most: everything unknown, and all that a cut gap held.
fn bad_max(window: &WindowBurn) -> Option<u64> {
    let (sure, cut) = (window.held.counts, window.held.cut);
    let more = [sure.unknown, cut.bad, cut.unknown];
    let most = more.iter().fold(sure.bad, |most, more| most.saturating_add(*more));
    (!window.held.rate_unknown).then_some(most)
}

/// Returns that part of `length` that `known` is of `expected`, in whole milliseconds.
fn part_of(length: Duration, known: Duration, expected: Duration) -> u64 {
    let expected_ms = expected.as_millis();
    if expected_ms == 0 {
        return 0;
    }
    let part = length.as_millis().saturating_mul(known.as_millis()) / expected_ms;
    u64::try_from(part).unwrap_or(u64::MAX).min(millis(length))
}

pub(crate) fn millis(length: Duration) -> u64 {
    u64::try_from(length.as_millis()).unwrap_or(u64::MAX)
}
