//! Lag and staleness: how far behind the truth a reader is.

use super::quantiles;
use crate::dashboard::panel::{Panel, Thresholds, Unit, View};
use crate::promql::{PANEL, bucket, sample};
use plimsoll_model::catalog;

pub(in crate::dashboard) fn lag() -> Vec<Panel> {
    let partition = "group, topic, partition";
    let messages = PANEL.max_by(partition, &PANEL.select(&sample(&catalog::CONSUMER_LAG), ""));
    let seconds = PANEL.max_by(partition, &PANEL.select(&sample(&catalog::CONSUMER_LAG_TIME), ""));
    let consumed = PANEL.sum_rate("group, topic", &sample(&catalog::MESSAGES_CONSUMED), "");
    let produced = PANEL.sum_rate("topic", &sample(&catalog::MESSAGES_PRODUCED), "");
    vec![
        Panel::new(
            View::Lines,
            Unit::Count,
            "Lag in messages",
            "Messages that a consumer has before it. Absent where it isn't known.",
        )
        .query("{{job}} {{group}} {{topic}} {{partition}}", messages)
        .runbook("ConcurrencyConsumerStalled"),
        Panel::new(
            View::Lines,
            Unit::Seconds,
            "Lag in time",
            "Age of the oldest message that isn't consumed.",
        )
        .query("{{job}} {{group}} {{topic}} {{partition}}", seconds)
        .thresholds(Thresholds::Rising(10.0, 30.0))
        .runbook("ConcurrencyConsumerLagHigh"),
        Panel::new(
            View::Lines,
            Unit::PerSecond,
            "Messages produced and consumed",
            "Lag grows while the first is above the second.",
        )
        .query("{{job}} {{topic}} produced", produced)
        .query("{{job}} {{topic}} {{group}} consumed", consumed)
        .runbook("ConcurrencyConsumerStalled"),
    ]
}

pub(super) fn staleness() -> Vec<Panel> {
    let as_of = PANEL.select(&sample(&catalog::SNAPSHOT_AS_OF_TIMESTAMP), "");
    let by_band = PANEL.quantile(0.99, "source, band", &bucket(&catalog::SNAPSHOT_STALENESS));
    vec![
        quantiles(
            "Staleness at read",
            "How old a snapshot was when it was read: what decisions were made on.",
            &catalog::SNAPSHOT_STALENESS,
            ("source", ""),
        )
        .runbook("ConcurrencySnapshotStale"),
        Panel::new(
            View::Lines,
            Unit::Seconds,
            "Staleness under load",
            "99th percentile of the staleness at read, by how many operations were in flight.",
        )
        .query("{{job}} {{source}} from {{band}} on", by_band)
        .runbook("ConcurrencySnapshotStale"),
        Panel::new(
            View::Lines,
            Unit::Seconds,
            "Age of the snapshot",
            "Age at the scrape of what a read would give, whether anybody reads or not.",
        )
        .query("{{job}} {{instance}} {{source}}", format!("timestamp({as_of}) - {as_of}"))
        .thresholds(Thresholds::Rising(10.0, 30.0))
        .runbook("ConcurrencySnapshotStale"),
    ]
}
