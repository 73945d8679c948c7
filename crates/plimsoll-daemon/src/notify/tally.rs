use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

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

/// Counts notifications by kind of sink and outcome.
#[derive(Debug, Default)]
pub(crate) struct Tally(Mutex<BTreeMap<(&'static str, Outcome), u64>>);

impl Tally {
    pub(crate) fn add(&self, sink: &'static str, outcome: Outcome, count: usize) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *counts.entry((sink, outcome)).or_default() += count as u64;
    }

    /// Returns every count so far.
    pub(crate) fn counts(&self) -> Vec<(&'static str, Outcome, u64)> {
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counts.iter().map(|(&(sink, outcome), &count)| (sink, outcome, count)).collect()
    }
}
