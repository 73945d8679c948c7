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
