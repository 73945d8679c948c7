use plimsoll_model::TimeMs;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How an attempt to notify ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Outcome {
    Delivered,
    Failed,
}

impl Outcome {
    /// Returns the value of the label `result`.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Failed => "failed",
        }
    }
}

/// How one sink does.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct SinkHealth {
    pub(crate) kind: &'static str,
    /// Where it is: scheme, host and port, because a path may hold a secret.
    pub(crate) to: String,
    /// When it last took something.
    pub(crate) delivered_at: Option<TimeMs>,
    /// Since when it takes nothing, and why.
    pub(crate) failing: Option<(TimeMs, String)>,
    /// Alerts that it has yet to hear.
    pub(crate) waiting: usize,
}

/// Counts notifications by kind of sink and outcome, and keeps how each sink does.
#[derive(Debug, Default)]
pub(crate) struct Tally(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    counts: BTreeMap<(&'static str, Outcome), u64>,
    /// Those of the configuration that runs now.
    sinks: Vec<SinkHealth>,
}

impl Tally {
    /// Takes the sinks of a new configuration in place of those before.
    pub(super) fn begin(&self, sinks: Vec<SinkHealth>) {
        self.kept().sinks = sinks;
    }

    pub(super) fn add(&self, sink: &'static str, outcome: Outcome, count: usize) {
        *self.kept().counts.entry((sink, outcome)).or_default() += count as u64;
    }

    /// Notes that a sink took everything by `now`, or why it didn't and how many alerts wait.
    pub(super) fn note(&self, number: usize, now: TimeMs, failed: Option<(String, usize)>) {
        let mut kept = self.kept();
        let Some(sink) = kept.sinks.get_mut(number) else { return };
        match failed {
            None => (sink.failing, sink.waiting) = (None, 0),
            Some((error, waiting)) => {
                let since = sink.failing.as_ref().map_or(now, |(since, _)| *since);
                (sink.failing, sink.waiting) = (Some((since, error)), waiting);
            }
        }
    }

    pub(super) fn note_delivered(&self, number: usize, now: TimeMs) {
        if let Some(sink) = self.kept().sinks.get_mut(number) {
            sink.delivered_at = Some(now);
        }
    }

    /// Returns every count so far.
    pub(crate) fn counts(&self) -> Vec<(&'static str, Outcome, u64)> {
        let kept = self.kept();
        kept.counts.iter().map(|(&(sink, outcome), &count)| (sink, outcome, count)).collect()
    }

    /// Returns how each sink does.
    pub(crate) fn sinks(&self) -> Vec<SinkHealth> {
        self.kept().sinks.clone()
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
