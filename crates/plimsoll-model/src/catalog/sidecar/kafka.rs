//! Kafka. Lag is M9's.

use crate::{Kind, Signal};

/// The state of a group.
pub const KAFKA_GROUP_STATE: Signal = Signal {
    otel_name: "concurrency.kafka.group_state",
    unit: "{group}",
    name: "concurrency_kafka_group_state",
    kind: Kind::Gauge,
    labels: &["group", "state"],
    help: "1 for the state that a group is in: stable, empty, preparing_rebalance, completing_rebalance, assigning, reconciling, dead.",
};

/// Messages that a group can't read any more.
pub const KAFKA_EXPIRED_MESSAGES: Signal = Signal {
    otel_name: "concurrency.kafka.expired_messages",
    unit: "{message}",
    name: "concurrency_kafka_expired_messages",
    kind: Kind::Gauge,
    labels: &["group", "topic", "partition"],
    help: "Messages behind a group's position that retention removed before the group read them.",
};
