//! What was answered, as windows that an assessment reads.

use super::question::Aspect;
use plimsoll_model::{Counts, TimeMs, WindowCounts};
use plimsoll_rules::slo::{Counted, counted};
use plimsoll_slo::{EventsPart, Period, Slo, Windows};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

/// After so many of its intervals an answer is too old.
const MISSED_MAX: u32 = 2;

/// How long a server may take on top.
const GRACE: Duration = Duration::from_secs(10);

/// One answer, or why there is none, in words for the page.
#[derive(Clone, Debug)]
pub(crate) struct Answered {
    pub(super) slo: Arc<str>,
    pub(super) window: Duration,
    pub(super) aspect: Aspect,
    pub(super) every: Duration,
    /// `None` is an empty answer.
    pub(super) value: Result<Option<f64>, String>,
}

impl Answered {
    /// Returns the id of the SLO that it is about.
    pub(crate) fn slo(&self) -> &str {
        &self.slo
    }
}

/// What one round of questions gave.
#[derive(Debug)]
pub(crate) struct Heard {
    /// When the questions were asked.
    pub(crate) at: TimeMs,
    pub(crate) answers: Vec<Answered>,
}

/// Everything that was answered about one SLO.
#[derive(Clone, Debug)]
pub(crate) struct Answers {
    slo: Arc<Slo>,
    is_bad_counted: bool,
    is_part_optional: bool,
    slice: Duration,
    now: TimeMs,
    since: TimeMs,
    windows: HashMap<Duration, Window>,
    coverage: Latest,
    last_known: Option<TimeMs>,
    error: Option<String>,
}

/// What was answered about one window.
#[derive(Clone, Copy, Debug, Default)]
struct Window {
    total: Latest,
    part: Latest,
}

/// The last good answer, and until when it stands.
#[derive(Clone, Copy, Debug, Default)]
struct Latest(Option<(TimeMs, Option<f64>)>);

impl Latest {
    fn at(self, now: TimeMs) -> Option<Option<f64>> {
        self.0.filter(|(until, _)| now <= *until).map(|(_, value)| value)
    }
}

impl Answers {
    /// Makes what is known before anything was answered.
    pub(crate) fn new(slo: &Arc<Slo>, slice: Duration, now: TimeMs) -> Self {
        let counted = counted(slo, slice, slice);
        let is = |holds: fn(&Counted) -> bool| counted.as_ref().is_some_and(holds);
        Self {
            is_bad_counted: is(|counted| matches!(counted.part, EventsPart::Bad(_))),
            is_part_optional: is(|counted| counted.is_part_optional),
            slo: slo.clone(),
            slice,
            now,
            since: now,
            windows: HashMap::new(),
            coverage: Latest::default(),
            last_known: None,
            error: None,
        }
    }

    /// Takes one answer in, which was asked for at `at`.
    pub(crate) fn take(&mut self, at: TimeMs, answered: Answered) {
        let Answered { window, aspect, every, value, .. } = answered;
        let latest = match &value {
            Ok(value) => Latest(Some((self.stands_until(at, window, every), *value))),
            Err(_) => Latest(None),
        };
        match aspect {
            Aspect::Total => self.windows.entry(window).or_default().total = latest,
            Aspect::Part => self.windows.entry(window).or_default().part = latest,
            Aspect::Coverage => self.coverage = latest,
        }
        match value {
            Err(error) => self.error = Some(error),
            Ok(Some(_)) if aspect == Aspect::Total => {
                self.last_known = self.last_known.max(Some(at));
                self.error = None;
            }
            Ok(_) => {}
        }
    }

    /// Moves time on: answers grow old.
    pub(crate) fn advance(&mut self, now: TimeMs) {
        self.now = now;
    }

    /// Returns why the server didn't give what was asked last, if it didn't.
    pub(crate) fn error(&self) -> Option<&str> {
        self.error.as_deref()
    }

    /// Returns until when an answer stands: what was counted in one period of the calendar says
    /// nothing about the next.
    fn stands_until(&self, at: TimeMs, window: Duration, every: Duration) -> TimeMs {
        let old = at + every * MISSED_MAX + GRACE;
        match self.slo.period {
            Period::Calendar { .. } if window == self.slo.period.longest() => {
                old.min(self.slo.period.span(at).end)
            }
            _ => old,
        }
    }

    /// Returns the counts of a window; `None` is a window of which nothing is known.
    fn counts(&self, length: Duration) -> Option<Counts> {
        let window = self.windows.get(&length)?;
        let total = whole(window.total.at(self.now)??)?;
        let part = match window.part.at(self.now)? {
            Some(part) => whole(part)?.min(total),
            None if self.is_part_optional => 0,
            None => return None,
        };
        let rest = total - part;
        Some(match self.is_bad_counted {
            true => Counts { good: rest, bad: part, unknown: 0 },
            false => Counts { good: part, bad: rest, unknown: 0 },
        })
    }
}

/// Returns a count; a server's NaN is no number.
fn whole(value: f64) -> Option<u64> {
    value.is_finite().then(|| value.max(0.0).round() as u64)
}

impl Windows for Answers {
    fn slice(&self) -> Duration {
        self.slice
    }

    fn window(&self, length: Duration) -> WindowCounts {
        let is_period = length == self.slo.period.longest();
        let reach = match self.slo.period {
            Period::Calendar { .. } if is_period => {
                self.now.since(self.slo.period.span(self.now).start)
            }
            _ => length,
        };
        let Some(counts) = self.counts(length) else {
            // What was seen before the server fell silent counts as seen: one lost answer is no
            // blindness of a whole window.
            let silent = self.last_known.map_or(reach, |last| self.now.since(last));
            let known = reach.saturating_sub(silent);
            let (rate_unknown, expected) = (true, reach);
            return WindowCounts { rate_unknown, known, expected, ..WindowCounts::default() };
        };
        let mut known = reach;
        if is_period {
            // Without an answer about it, all of a period that gave an answer counts as seen.
            let seen = self.coverage.at(self.now).flatten().unwrap_or(1.0);
            known = reach.mul_f64(seen.clamp(0.0, 1.0));
        }
        WindowCounts { counts, known, expected: known, ..WindowCounts::default() }
    }

    fn period(&self) -> WindowCounts {
        self.window(self.slo.period.longest())
    }

    /// Nothing is put right or left out of what a server counts.
    fn observed(&self) -> WindowCounts {
        self.period()
    }

    fn excluded_until(&self) -> Option<TimeMs> {
        None
    }

    /// The server has a past, so that nothing starts with this daemon.
    fn watched_since(&self) -> TimeMs {
        match self.last_known {
            Some(_) => self.now - self.slo.period.longest(),
            None => self.since,
        }
    }

    fn last_known(&self) -> Option<TimeMs> {
        self.last_known
    }
}
