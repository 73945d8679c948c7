//! RabbitMQ. Depth is M2's, lag is M9's with the queue as both topic and group.

use crate::{Kind, Signal};

/// Consumers of a queue.
pub const RABBITMQ_CONSUMERS: Signal = Signal {
    otel_name: "concurrency.rabbitmq.consumers",
    unit: "{consumer}",
    name: "concurrency_rabbitmq_consumers",
    kind: Kind::Gauge,
    labels: &["queue"],
    help: "Consumers of a queue.",
};

/// How much of the time a queue can deliver at once.
pub const RABBITMQ_CONSUMER_CAPACITY: Signal = Signal {
    otel_name: "concurrency.rabbitmq.consumer_capacity",
    unit: "1",
    name: "concurrency_rabbitmq_consumer_capacity_ratio",
    kind: Kind::Gauge,
    labels: &["queue"],
    help: "Part of the time in which a queue's consumers could take a message at once; below 1 they hold it up.",
};

/// Messages that are delivered and not acknowledged.
pub const RABBITMQ_UNACKED: Signal = Signal {
    otel_name: "concurrency.rabbitmq.unacked",
    unit: "{message}",
    name: "concurrency_rabbitmq_unacked",
    kind: Kind::Gauge,
    labels: &["queue"],
    help: "Messages that a queue's consumers were given and haven't acknowledged.",
};

/// Connections by state.
pub const RABBITMQ_CONNECTIONS: Signal = Signal {
    otel_name: "concurrency.rabbitmq.connections",
    unit: "{connection}",
    name: "concurrency_rabbitmq_connections",
    kind: Kind::Gauge,
    labels: &["state"],
    help: "Connections by state: running, flow (the server slows its publishers), blocking, blocked (it takes nothing), other.",
};
