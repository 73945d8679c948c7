//! What was answered, as windows that an assessment reads.

use super::question::Aspect;
use plimsoll_model::{Counts, TimeMs, WindowCounts};
use plimsoll_slo::{EventsPart, Sli, Slo, Windows};
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
    pub(super) worth: f64,
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
    slice: Duration,
    period: Duration,
    is_bad_named: bool,
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
    pub(crate) fn new(slo: &Slo, slice: Duration, now: TimeMs) -> Self {
        let part = |of: &Sli| match of {
            Sli::Query { part, .. } => matches!(part, EventsPart::Bad(_)),
            Sli::Events { part, .. } => matches!(part, EventsPart::Bad(_)),
            _ => true,
        };
        Self {
            slice,
            period: slo.period.longest(),
            is_bad_named: part(&slo.sli),
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
        let Answered { window, aspect, every, worth, value, .. } = answered;
        let value = match value {
            Ok(value) => Ok(value.map(|value| value * worth)),
            Err(error) => Err(error),
        };
        let latest = match &value {
            Ok(value) => Latest(Some((at + every * MISSED_MAX + GRACE, *value))),
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

    /// Returns the counts of a window; `None` is a window of which nothing is known.
    fn counts(&self, length: Duration) -> Option<Counts> {
        let window = self.windows.get(&length)?;
        let total = whole(window.total.at(self.now)??)?;
        // A part that isn't there counted nothing.
        let part = whole(window.part.at(self.now)?.unwrap_or_default())?.min(total);
        let rest = total - part;
        Some(match self.is_bad_named {
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
        let Some(counts) = self.counts(length) else {
            // What was seen before the server fell silent counts as seen: one lost answer is no
            // blindness of a whole window.
            let silent = self.last_known.map_or(length, |last| self.now.since(last));
            let known = length.saturating_sub(silent);
            let (rate_unknown, expected) = (true, length);
            return WindowCounts { rate_unknown, known, expected, ..WindowCounts::default() };
        };
        let mut known = length;
        if length == self.period {
            // Without an answer about it, all of a period that gave an answer counts as seen.
            let seen = self.coverage.at(self.now).flatten().unwrap_or(1.0);
            known = length.mul_f64(seen.clamp(0.0, 1.0));
        }
        WindowCounts { counts, known, expected: known, ..WindowCounts::default() }
    }

    fn period(&self) -> WindowCounts {
        self.window(self.period)
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
            Some(_) => self.now - self.period,
            None => self.since,
        }
    }

    fn last_known(&self) -> Option<TimeMs> {
        self.last_known
    }
}
