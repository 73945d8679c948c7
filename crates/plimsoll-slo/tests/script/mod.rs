//! Windows over a list of minutes, summed anew for each question: the truth that the crate is held
//! against shares no code with the store.

// Each test binary compiles this file for itself and uses its own part of it.
#![allow(dead_code)]

use plimsoll_model::{Counts, Labels, MatchOp, Matcher, Selector, TimeMs, WindowCounts};
use plimsoll_slo::{
    Alerting, Assessment, Backend, Carried, EventsPart, LevelBound, Objective, Period, Policy, Sli,
    Slo, Windows, assess,
};
use std::time::Duration;

pub(crate) const MINUTE: Duration = Duration::from_secs(60);
pub(crate) const HOUR: Duration = Duration::from_secs(3_600);
pub(crate) const DAY: Duration = Duration::from_secs(86_400);

/// What one minute held.
#[derive(Clone, Copy, Debug, Default)]
struct Minute {
    counts: Counts,
    known: bool,
    rate_unknown: bool,
}

/// Minutes that are known only together.
#[derive(Clone, Copy, Debug)]
struct Gap {
    from: usize,
    to: usize,
    counts: Counts,
}

/// A service's life, minute by minute from the epoch on, with one target.
#[derive(Clone, Debug, Default)]
pub(crate) struct Script {
    minutes: Vec<Minute>,
    gaps: Vec<Gap>,
    /// The SLO's period, where it isn't 30 days.
    pub(crate) period: Option<Duration>,
}

impl Script {
    /// Goes on for `minutes` with so many good and bad events in each.
    pub(crate) fn run(&mut self, minutes: usize, good: u64, bad: u64) -> &mut Self {
        let counts = Counts { good, bad, unknown: 0 };
        self.extend(minutes, Minute { counts, known: true, rate_unknown: false })
    }

    /// Goes on for `minutes` in which nobody looked, and which a last scrape told of as a whole.
    pub(crate) fn gap(&mut self, minutes: usize, good: u64, bad: u64) -> &mut Self {
        let from = self.minutes.len();
        let counts = Counts { good, bad, unknown: 0 };
        self.gaps.push(Gap { from, to: from + minutes, counts });
        self.extend(minutes, Minute { known: true, ..Minute::default() })
    }

    /// Goes on for `minutes` with the target down; `rate` is what is known to happen in a minute.
    pub(crate) fn down(&mut self, minutes: usize, rate: Option<u64>) -> &mut Self {
        let counts = Counts { unknown: rate.unwrap_or(0), ..Counts::default() };
        self.extend(minutes, Minute { counts, known: false, rate_unknown: rate.is_none() })
    }

    fn extend(&mut self, minutes: usize, minute: Minute) -> &mut Self {
        self.minutes.extend(std::iter::repeat_n(minute, minutes));
        self
    }

    /// Returns the time after the last minute.
    pub(crate) fn now(&self) -> TimeMs {
        at(self.minutes.len())
    }

    pub(crate) fn assess(&self, slo: &Slo) -> Assessment {
        assess(slo, self, self.now())
    }
}

impl Windows for Script {
    fn slice(&self) -> Duration {
        MINUTE
    }

    fn window(&self, length: Duration) -> WindowCounts {
        let end = self.minutes.len();
        let minutes = usize::try_from(length.as_secs() / 60).unwrap_or(usize::MAX);
        let start = end.saturating_sub(minutes);
        let mut held = WindowCounts::default();
        for minute in self.minutes.iter().skip(start) {
            held.counts += minute.counts;
            held.rate_unknown |= minute.rate_unknown;
            held.known += if minute.known { MINUTE } else { Duration::ZERO };
            held.expected += MINUTE;
        }
        for gap in self.gaps.iter().filter(|gap| gap.to <= end && gap.to > start) {
            if gap.from >= start {
                held.counts += gap.counts;
            } else {
                held.cut += gap.counts;
            }
        }
        held
    }

    fn period(&self) -> WindowCounts {
        self.window(self.period.unwrap_or(30 * DAY))
    }

    fn observed(&self) -> WindowCounts {
        self.period()
    }

    fn excluded_until(&self) -> Option<TimeMs> {
        None
    }

    fn watched_since(&self) -> TimeMs {
        at(0)
    }

    fn last_known(&self) -> Option<TimeMs> {
        self.minutes.iter().rposition(|minute| minute.known).map(|last| at(last + 1))
    }
}

/// Returns the time after so many minutes.
pub(crate) fn at(minutes: usize) -> TimeMs {
    TimeMs::default() + MINUTE * u32::try_from(minutes).unwrap_or(u32::MAX)
}

/// An SLO on events over 30 days with the workbook's policy.
pub(crate) fn slo(objective_ppm: u32) -> Slo {
    let Some(objective) = Objective::from_ppm(objective_ppm) else { panic!("no objective") };
    let selector = |matchers| Selector { name: "requests_total".into(), matchers };
    let bad = Matcher { label: "code".into(), op: MatchOp::Matches, value: "5..".into() };
    Slo {
        service: "checkout".into(),
        name: "auth".into(),
        labels: Labels::default(),
        objective,
        description: String::new(),
        period: Period::Rolling(30 * DAY),
        backend: Backend::Own,
        exclusions: Vec::new(),
        sli: Sli::Events {
            total: selector(Vec::new()).into(),
            part: EventsPart::Bad(selector(vec![bad]).into()),
            unknown: None,
        },
        by: Vec::new(),
        max_groups: 1,
        alerting: Alerting {
            policy: Policy::workbook(),
            runbook: None,
            name: None,
            page: Carried::default(),
            ticket: Carried::default(),
            off: Vec::new(),
            min_bad: 5,
            no_data_after: 5 * MINUTE,
        },
    }
}

/// The same on milliseconds of a level.
pub(crate) fn level_slo(objective_ppm: u32) -> Slo {
    let signal = Selector { name: "queue_depth".into(), matchers: Vec::new() };
    Slo { sli: Sli::Level { signal, bound: LevelBound::BelowLimit }, ..slo(objective_ppm) }
}

/// Asserts that two figures agree to the digits that the expectation was written with.
#[track_caller]
pub(crate) fn assert_close(actual: Option<f64>, expected: f64, tolerance: f64) {
    let is_close = actual.is_some_and(|actual| (actual - expected).abs() <= tolerance);
    assert!(is_close, "{actual:?} is not {expected} within {tolerance}");
}
