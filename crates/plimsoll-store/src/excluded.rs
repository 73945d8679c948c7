//! When exclusions last: looked up once for each, and shared by every ledger that they hold for.

use plimsoll_model::TimeMs;
use plimsoll_slo::{Exclusion, Span};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

/// Stretches that one list remembers at most; past it the oldest goes.
const SPANS_MAX: usize = 1_000;

/// Stretches of time, in order and apart.
#[derive(Clone, Debug, Default)]
pub(crate) struct Spans(VecDeque<Span>);

/// No stretch at all.
pub(crate) static NEVER: Spans = Spans(VecDeque::new());

impl Spans {
    /// Takes a stretch in; what touches becomes one.
    pub(crate) fn add(&mut self, mut span: Span) {
        if span.start >= span.end {
            return;
        }
        self.0.retain(|other| {
            let touches = other.start <= span.end && span.start <= other.end;
            if touches {
                span = Span { start: span.start.min(other.start), end: span.end.max(other.end) };
            }
            !touches
        });
        let at = self.0.partition_point(|other| other.start < span.start);
        self.0.insert(at, span);
        if self.0.len() > SPANS_MAX {
            self.0.pop_front();
        }
    }

    /// Says whether the millisecond after `at` lies in one, and until when that stays so.
    pub(crate) fn run(&self, at: i64) -> (bool, i64) {
        let next = self.0.partition_point(|span| span.end.0 <= at);
        match self.0.get(next) {
            Some(span) if span.start.0 <= at => (true, span.end.0),
            Some(span) => (false, span.start.0),
            None => (false, i64::MAX),
        }
    }

    /// Says whether an instant lies in one.
    pub(crate) fn hold(&self, at: TimeMs) -> bool {
        self.run(at.0.saturating_sub(1)).0
    }

    /// Returns how much of a stretch lies in them.
    pub(crate) fn overlap(&self, stretch: Span) -> Duration {
        self.0.iter().map(|span| span.overlap(stretch)).sum()
    }

    /// Returns the end of the last one that has begun.
    pub(crate) fn last_begun(&self, now: TimeMs) -> Option<TimeMs> {
        self.0.iter().rev().find(|span| span.start < now).map(|span| span.end)
    }

    /// Forgets what ended before `at`, but the last that did: who waits since then still asks.
    pub(crate) fn forget(&mut self, at: TimeMs) {
        while self.0.get(1).is_some_and(|second| second.end < at) {
            self.0.pop_front();
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = Span> {
        self.0.iter().copied()
    }

    fn last(&self) -> Option<Span> {
        self.0.back().copied()
    }
}

/// One exclusion and the times of it that are known: those of the past that matter, and the next.
#[derive(Debug)]
struct Schedule {
    exclusion: Arc<Exclusion>,
    spans: Spans,
    /// It comes no more after those.
    is_over: bool,
}

/// Every exclusion of a configuration.
#[derive(Debug, Default)]
pub(crate) struct Schedules {
    schedules: Vec<Schedule>,
    /// Until when nothing has to be looked up.
    foreseen: Option<TimeMs>,
}

impl Schedules {
    pub(crate) fn new<'a>(exclusions: impl Iterator<Item = &'a Arc<Exclusion>>) -> Self {
        let mut schedules: Vec<Schedule> = Vec::new();
        for exclusion in exclusions {
            if !schedules.iter().any(|known| Arc::ptr_eq(&known.exclusion, exclusion)) {
                let (exclusion, spans) = (exclusion.clone(), Spans::default());
                schedules.push(Schedule { exclusion, spans, is_over: false });
            }
        }
        Self { schedules, foreseen: None }
    }

    /// Looks up what lasts at `at`, what comes next, and at first what lasted since `oldest`. Hands
    /// over each new time with its exclusion.
    pub(crate) fn foresee(
        &mut self,
        oldest: TimeMs,
        at: TimeMs,
        mut found: impl FnMut(&Arc<Exclusion>, Span),
    ) {
        if self.schedules.is_empty() || self.foreseen.is_some_and(|until| at < until) {
            return;
        }
        let since = self.foreseen.unwrap_or(oldest);
        let mut foreseen = TimeMs(i64::MAX);
        for Schedule { exclusion, spans, is_over } in self.schedules.iter_mut() {
            if !*is_over && spans.last().is_none_or(|last| last.end <= at) {
                let since = spans.last().map_or(since, |last| last.end);
                let (past, next) = (exclusion.within(since, at), exclusion.next(at));
                *is_over = next.is_none();
                for span in past.into_iter().chain(next) {
                    spans.add(span);
                    found(exclusion, span);
                }
            }
            spans.forget(oldest);
            if let Some(last) = spans.last().filter(|_| !*is_over) {
                foreseen = foreseen.min(last.end);
            }
        }
        self.foreseen = Some(foreseen);
    }

    /// Returns the known times of an exclusion.
    pub(crate) fn times(&self, exclusion: &Arc<Exclusion>) -> impl Iterator<Item = Span> {
        let known = self.schedules.iter().find(|known| Arc::ptr_eq(&known.exclusion, exclusion));
        known.into_iter().flat_map(|known| known.spans.iter())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(start: i64, end: i64) -> Span {
        Span { start: TimeMs(start), end: TimeMs(end) }
    }

    #[test]
    fn stretches_are_held_apart_and_in_order() {
        let mut spans = Spans::default();
        for (start, end) in [(50, 60), (10, 20), (15, 30), (60, 70), (5, 5)] {
            spans.add(span(start, end));
        }
        assert_eq!(spans.iter().collect::<Vec<_>>(), [span(10, 30), span(50, 70)]);
        assert_eq!(spans.run(9), (false, 10));
        assert_eq!(spans.run(10), (true, 30));
        assert_eq!(spans.run(30), (false, 50));
        assert_eq!(spans.run(70), (false, i64::MAX));
        assert!(!spans.hold(TimeMs(10)) && spans.hold(TimeMs(11)) && spans.hold(TimeMs(30)));
        assert_eq!(spans.overlap(span(25, 55)).as_millis(), 10);
        assert_eq!(spans.last_begun(TimeMs(50)), Some(TimeMs(30)));
        assert_eq!(spans.last_begun(TimeMs(51)), Some(TimeMs(70)));
        spans.forget(TimeMs(1_000));
        assert_eq!(spans.iter().collect::<Vec<_>>(), [span(50, 70)]);
    }
}
