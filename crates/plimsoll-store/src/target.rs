//! What is scraped.

use plimsoll_model::Labels;
use std::time::Duration;

/// One address that is scraped, as the configuration and discovery name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The value of the label `job`.
    pub job: String,
    /// The value of the label `instance`.
    pub instance: String,
    /// The other labels that each of its series gets.
    pub labels: Labels,
    /// The time between two scrapes.
    pub interval: Duration,
    /// On a conflict the scraped label stays; otherwise it becomes `exported_X`, as Prometheus
    /// does.
    pub honor_labels: bool,
}

impl Target {
    /// Returns what tells it from every other, over restarts too.
    pub(crate) fn key(&self) -> String {
        format!("{}\n{}\n{}", self.job, self.instance, self.labels)
    }
}

/// A target's number within one store; never given twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TargetIndex(pub usize);
