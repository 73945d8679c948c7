use plimsoll_model::{Counts, TimeMs, WindowCounts};
use plimsoll_slo::{Period, Slo, Span, Windows};
use std::collections::VecDeque;
use std::time::Duration;

/// What one stretch of time held, as the daemon keeps it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stretch {
    /// When it began.
    pub at: TimeMs,
    /// What it held.
    pub counts: Counts,
    /// Target-time that was seen.
    pub known: Duration,
    /// Target-time that should have been seen.
    pub expected: Duration,
}

/// The counts of one SLO up to some time: stretches of one length, replayed as slices.
#[derive(Clone, Debug)]
pub struct Past {
    slice: Duration,
    period: Period,
    /// The times that exclusions leave out, by their start.
    excluded: Vec<Span>,
    now: TimeMs,
    watched_since: TimeMs,
    last_known: Option<TimeMs>,
    stretches: VecDeque<Stretch>,
}

impl Past {
    /// Begins at `since`, to end by `until`, with stretches of length `slice`.
    pub fn new(slo: &Slo, slice: Duration, since: TimeMs, until: TimeMs) -> Self {
        let within = slo.exclusions.iter().flat_map(|exclusion| exclusion.within(since, until));
        let mut excluded: Vec<Span> = within.collect();
        excluded.sort_by_key(|span| span.start);
        Self {
            slice,
            period: slo.period,
            excluded,
            now: since,
            watched_since: since,
            last_known: None,
            stretches: VecDeque::new(),
        }
    }

    /// Takes the next stretch in and moves time to its end.
    pub fn push(&mut self, stretch: Stretch) {
        self.now = TimeMs(stretch.at.0.saturating_add(millis(self.slice)));
        if !stretch.known.is_zero() {
            self.last_known = Some(self.now);
        }
        self.stretches.push_back(stretch);
        let oldest = self.now.0.saturating_sub(millis(self.period.longest()));
        while self.stretches.front().is_some_and(|first| first.at.0 < oldest) {
            self.stretches.pop_front();
        }
    }

    fn since(&self, oldest: TimeMs) -> WindowCounts {
        let mut sum = WindowCounts::default();
        for stretch in self.stretches.iter().rev().take_while(|stretch| stretch.at >= oldest) {
            sum.counts += stretch.counts;
            sum.known = sum.known.saturating_add(stretch.known);
            sum.expected = sum.expected.saturating_add(stretch.expected);
        }
        sum
    }

    /// Returns the end of the last stretch.
    pub fn now(&self) -> TimeMs {
        self.now
    }
}

impl Windows for Past {
    fn slice(&self) -> Duration {
        self.slice
    }

    fn window(&self, length: Duration) -> WindowCounts {
        self.since(TimeMs(self.now.0.saturating_sub(millis(length))))
    }

    fn period(&self) -> WindowCounts {
        self.since(self.period.span(self.now).start)
    }

    /// Of what exclusions left out nothing is kept.
    fn observed(&self) -> WindowCounts {
        self.period()
    }

    fn excluded_until(&self) -> Option<TimeMs> {
        let begun = self.excluded.iter().filter(|span| span.start <= self.now);
        begun.map(|span| span.end).max()
    }

    fn watched_since(&self) -> TimeMs {
        self.watched_since
    }

    fn last_known(&self) -> Option<TimeMs> {
        self.last_known
    }
}

fn millis(length: Duration) -> i64 {
    i64::try_from(length.as_millis()).unwrap_or(i64::MAX)
}
