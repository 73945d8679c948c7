//! The panels that every exact level has, whatever it is a level of.

use super::panel::{Panel, Thresholds, Unit, View};
use crate::promql::{self, PANEL};
use plimsoll_model::{LevelPart, Signal, catalog};

/// A level and the labels that tell its instances apart.
#[derive(Clone, Copy)]
pub(super) struct Level {
    signal: &'static Signal,
    label: &'static str,
    /// Whether it is known from looks only.
    is_sampled: bool,
}

pub(super) const OPERATIONS: Level = exact(&catalog::IN_FLIGHT, "operation");
pub(super) const QUEUES: Level = exact(&catalog::QUEUE_DEPTH, "queue");
pub(super) const POOLS: Level = exact(&catalog::POOL_IN_USE, "pool");
pub(super) const REBUILD_WAITERS: Level = exact(&catalog::REBUILD_WAITERS, "cache");
pub(super) const LOCKS: Level = exact(&catalog::LOCK_WAITERS, "lock");
pub(super) const AMPLIFIED: Level = exact(&catalog::AMPLIFIED, "gauge").sampled();
pub(super) const ACCEPT_QUEUES: Level =
    exact(&catalog::PROCESS_ACCEPT_QUEUE, "process, port").sampled();
pub(super) const UNACKNOWLEDGED: Level =
    exact(&catalog::NATS_ACK_PENDING, "group, topic").sampled();

const fn exact(signal: &'static Signal, label: &'static str) -> Level {
    Level { signal, label, is_sampled: false }
}

impl Level {
    /// Returns the same level where it is known from looks only, as a sidecar's is.
    pub(super) const fn sampled(self) -> Self {
        Self { is_sampled: true, ..self }
    }

    /// Gives the mean over the range, instances added up.
    pub(super) fn mean(self) -> String {
        PANEL.sum_rate(self.label, &self.part(LevelPart::Time), "")
    }

    /// Gives an upper bound of the peak of all instances together.
    pub(super) fn peak(self) -> String {
        self.summed(LevelPart::Peak)
    }

    /// Gives the level at the scrape.
    pub(super) fn now(self) -> String {
        self.summed(LevelPart::Now)
    }

    /// Gives the configured limit of all instances together.
    pub(super) fn limit(self) -> String {
        self.summed(LevelPart::Limit)
    }

    /// Gives the mean as a part of the limit.
    pub(super) fn use_ratio(self) -> String {
        promql::ratio(&self.mean(), &self.limit())
    }

    /// Gives the part of the time at the limit, of the worst instance.
    pub(super) fn saturated_ratio(self) -> String {
        PANEL.max_by(self.label, &PANEL.rate(&self.part(LevelPart::Saturated), ""))
    }

    /// Gives the level that was kept for the part `q` of the time.
    pub(super) fn percentile(self, q: f64) -> String {
        PANEL.quantile(q, self.label, &self.part(LevelPart::TimeWeighted))
    }

    /// Gives the age of the oldest that is still in it, of all instances.
    pub(super) fn oldest_age(self) -> String {
        PANEL.max_by(self.label, &PANEL.select(&self.part(LevelPart::OldestAge), ""))
    }

    /// Returns Grafana's template of a series' name, with `what` behind it.
    pub(super) fn legend(self, what: &str) -> String {
        let labels: Vec<String> =
            self.label.split(", ").map(|label| format!("{{{{{label}}}}}")).collect();
        format!("{{{{job}}}} {} {what}", labels.join(" ")).trim_end().to_owned()
    }

    /// Returns the panel of now, mean, peak and limit.
    pub(super) fn panel(self, title: &'static str, description: &str) -> Panel {
        let description = format!("{description} The limit is dashed.");
        self.unlimited(title, &description).bound(&self.legend("limit"), self.limit())
    }

    /// Returns the panel of now, mean and peak, of what has no limit.
    pub(super) fn unlimited(self, title: &'static str, description: &str) -> Panel {
        let how = if self.is_sampled {
            "Mean and peak (the highest within a minute) are of the sidecar's looks, however seldom it \
             is scraped: what comes and goes between two isn't in them."
        } else {
            "Mean is exact over each interval, however seldom it is scraped; peak is the highest within \
             a minute, added up over the instances."
        };
        Panel::new(View::Lines, Unit::Count, title, &format!("{description} {how}"))
            .query(&self.legend("mean"), self.mean())
            .query(&self.legend("peak"), self.peak())
            .query(&self.legend("now"), self.now())
    }

    /// Returns the panel of time-weighted percentiles.
    pub(super) fn percentiles(self, title: &'static str) -> Panel {
        let description = if self.is_sampled {
            "The level that was not exceeded for half, 90 % and 99 % of the time, each taken to be what \
             a look found until the next."
        } else {
            "The level that was not exceeded for half, 90 % and 99 % of the time, from the time spent \
             at each level and not from samples of it."
        };
        Panel::new(View::Lines, Unit::Count, title, description)
            .query(&self.legend("p50"), self.percentile(0.5))
            .query(&self.legend("p90"), self.percentile(0.9))
            .query(&self.legend("p99"), self.percentile(0.99))
    }

    /// Returns the panel of the oldest age.
    pub(super) fn oldest(self, title: &'static str, description: &str) -> Panel {
        Panel::new(View::Lines, Unit::Seconds, title, description)
            .query(&self.legend(""), self.oldest_age())
    }

    fn part(self, part: LevelPart) -> String {
        promql::level(self.signal, part)
    }

    fn summed(self, part: LevelPart) -> String {
        PANEL.sum_by(self.label, &PANEL.select(&self.part(part), ""))
    }
}

/// Returns the panel of every level as a part of its limit.
pub(super) fn use_of_limits() -> Panel {
    let levels = [OPERATIONS, QUEUES, POOLS];
    levels
        .iter()
        .fold(
            Panel::new(
                View::Lines,
                Unit::Ratio,
                "Use of limits",
                "Exact mean level as a part of the configured limit: concurrency of operations, \
                 depth of queues, use of pools. What stays near 100 % has no room for a burst.",
            ),
            |panel, level| panel.query(&level.legend(""), level.use_ratio()),
        )
        .thresholds(Thresholds::Rising(0.7, 0.9))
        .runbook("ConcurrencyLimitSaturated")
}

/// Returns the panel of the time that every level spends at its limit.
pub(super) fn time_at_limits() -> Panel {
    [OPERATIONS, QUEUES, POOLS]
        .iter()
        .fold(
            Panel::new(
                View::Lines,
                Unit::Ratio,
                "Time at the limit",
                "Part of the time spent at or above the limit, of the worst instance. It is \
                 counted in the process, so that a burst between two scrapes is in it.",
            ),
            |panel, level| panel.query(&level.legend(""), level.saturated_ratio()),
        )
        .thresholds(Thresholds::Rising(0.01, 0.1))
        .runbook("ConcurrencyQueueSaturated")
}
