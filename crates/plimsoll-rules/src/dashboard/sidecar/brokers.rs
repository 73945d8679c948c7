//! Brokers: consumers in the same words for each, then what one of them says besides.

use super::{PANEL, Panel, Thresholds, UNACKNOWLEDGED, Unit, View, catalog, sample, select};
use plimsoll_model::Signal;

pub(super) fn consumers() -> Vec<Panel> {
    let of_status = |matcher| PANEL.select(&sample(&catalog::CONSUMER_STATUS), matcher);
    let mut panels = super::consumers::lag();
    panels.push(
        Panel::new(
            View::Timeline,
            Unit::Firing,
            "Consumers that don't advance",
            "Red while a consumer is stalled (it is there and doesn't advance), stopped (nobody is \
             there) or rewound (it reads again what it had read).",
        )
        .query(
            "{{job}} {{group}} {{topic}} {{status}}",
            PANEL.max_by("group, topic, status", &of_status(r#"status!="ok""#)),
        )
        .thresholds(Thresholds::Rising(1.0, 1.0))
        .runbook("ConcurrencyConsumerStopped")
        .width(24),
    );
    panels.push(
        Panel::new(
            View::Lines,
            Unit::Count,
            "Messages gone before they were read",
            "Messages behind a consumer's position that retention or a trim removed: it can't read them any \
             more, and they are lag no more.",
        )
        .query(
            "{{job}} {{group}} {{topic}} {{partition}}",
            max("group, topic, partition", &catalog::CONSUMER_EXPIRED),
        )
        .thresholds(Thresholds::Rising(1.0, 1.0))
        .runbook("ConcurrencyMessagesExpired")
        .width(24),
    );
    panels
}

fn sum(labels: &str, signal: &Signal) -> String {
    PANEL.sum_by(labels, &select(signal))
}

fn max(labels: &str, signal: &Signal) -> String {
    PANEL.max_by(labels, &select(signal))
}

pub(super) fn nats() -> Vec<Panel> {
    vec![
        UNACKNOWLEDGED
            .panel(
                "Not acknowledged",
                "Messages that a consumer has in hand. At the limit it is given no more.",
            )
            .runbook("ConcurrencyMessagesUnacknowledged"),
        Panel::new(
            View::Lines,
            Unit::Count,
            "Redelivered, and pulls that wait",
            "Messages given again because nobody acknowledged them in time; requests for messages that \
             wait for some to come.",
        )
        .query("{{job}} {{group}} {{topic}} redelivered", max("group, topic", &catalog::NATS_REDELIVERED))
        .query("{{job}} {{group}} {{topic}} pulls", max("group, topic", &catalog::NATS_PULLS_WAITING)),
        Panel::new(
            View::Lines,
            Unit::PerSecond,
            "Deliveries",
            "Messages handed out a second, redelivered ones included. Far above what is consumed, the same \
             messages come back again and again.",
        )
        .query("{{job}} {{group}} {{topic}}", PANEL.sum_rate("group, topic", &sample(&catalog::NATS_DELIVERIES), "")),
        Panel::new(
            View::Timeline,
            Unit::Firing,
            "Paused",
            "Red while somebody has paused a consumer: nothing is delivered to it, on purpose.",
        )
        .query("{{job}} {{group}} {{topic}}", max("group, topic", &catalog::NATS_PAUSED))
        .thresholds(Thresholds::Rising(1.0, 1.0)),
        Panel::new(
            View::Lines,
            Unit::Count,
            "Consumers without a name",
            "They are counted only: their lag isn't told.",
        )
        .query("{{job}} {{topic}}", sum("topic", &catalog::NATS_EPHEMERAL_CONSUMERS)),
    ]
}

pub(super) fn kafka() -> Vec<Panel> {
    vec![
        Panel::new(
            View::Timeline,
            Unit::Firing,
            "Groups that aren't stable",
            "Red while a group is empty, rebalancing or dead. Nobody reads while it rebalances.",
        )
        .query(
            "{{job}} {{group}} {{state}}",
            PANEL.max_by(
                "group, state",
                &PANEL.select(&sample(&catalog::KAFKA_GROUP_STATE), r#"state!="stable""#),
            ),
        )
        .thresholds(Thresholds::Rising(1.0, 1.0))
        .runbook("ConcurrencyConsumerStopped")
        .width(24),
    ]
}

pub(super) fn rabbitmq() -> Vec<Panel> {
    vec![
        Panel::new(
            View::Lines,
            Unit::Count,
            "Not acknowledged, and consumers",
            "Messages that consumers have in hand, and how many consumers a queue has.",
        )
        .query("{{job}} {{queue}} not acknowledged", max("queue", &catalog::RABBITMQ_UNACKED))
        .query("{{job}} {{queue}} consumers", max("queue", &catalog::RABBITMQ_CONSUMERS)),
        Panel::new(
            View::Lines,
            Unit::Ratio,
            "Consumer capacity",
            "Part of the time in which the consumers could take a message at once. Below 100 % with a \
             queue, more consumers or a higher prefetch empty it sooner.",
        )
        .query(
            "{{job}} {{queue}}",
            format!("min by (job, queue) ({})", select(&catalog::RABBITMQ_CONSUMER_CAPACITY)),
        )
        .thresholds(Thresholds::Falling(0.5, 0.9)),
        Panel::new(
            View::Stacked,
            Unit::Count,
            "Connections",
            "By state. flow: slowed because a queue is slower; blocking, blocked: the server is short of \
             memory or disk and takes nothing.",
        )
        .query("{{job}} {{state}}", sum("state", &catalog::RABBITMQ_CONNECTIONS))
        .runbook("ConcurrencyPublishersBlocked"),
    ]
}
