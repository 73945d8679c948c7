//! NATS JetStream. Lag is M9's, with the stream as topic and the durable consumer as group.

use crate::{Kind, Signal};

/// Messages that are delivered and not acknowledged.
pub const NATS_ACK_PENDING: Signal = Signal {
    otel_name: "concurrency.nats.ack_pending",
    unit: "{message}",
    name: "concurrency_nats_ack_pending",
    kind: Kind::Level,
    labels: &["group", "topic"],
    help: "Messages that a JetStream consumer was given and hasn't acknowledged.",
};

/// Messages that were delivered more than once.
pub const NATS_REDELIVERED: Signal = Signal {
    otel_name: "concurrency.nats.redelivered",
    unit: "{message}",
    name: "concurrency_nats_redelivered",
    kind: Kind::Gauge,
    labels: &["group", "topic"],
    help: "Messages that a JetStream consumer was given more than once and hasn't acknowledged.",
};

/// Pull requests that wait for messages.
pub const NATS_PULLS_WAITING: Signal = Signal {
    otel_name: "concurrency.nats.pulls_waiting",
    unit: "{request}",
    name: "concurrency_nats_pulls_waiting",
    kind: Kind::Gauge,
    labels: &["group", "topic"],
    help: "Pull requests that wait at a JetStream consumer for messages.",
};

/// Consumers without a durable name.
pub const NATS_EPHEMERAL_CONSUMERS: Signal = Signal {
    otel_name: "concurrency.nats.ephemeral_consumers",
    unit: "{consumer}",
    name: "concurrency_nats_ephemeral_consumers",
    kind: Kind::Gauge,
    labels: &["topic"],
    help: "Consumers of a stream without a durable name, which have no series of their own.",
};

/// Deliveries to a consumer.
pub const NATS_DELIVERIES: Signal = Signal {
    otel_name: "concurrency.nats.deliveries",
    unit: "{message}",
    name: "concurrency_nats_deliveries",
    kind: Kind::Counter,
    labels: &["group", "topic"],
    help: "Deliveries to a JetStream consumer, redeliveries included: far above what is acknowledged, they are a storm.",
};

/// Whether a consumer is paused.
pub const NATS_PAUSED: Signal = Signal {
    otel_name: "concurrency.nats.paused",
    unit: "{consumer}",
    name: "concurrency_nats_paused",
    kind: Kind::Gauge,
    labels: &["group", "topic"],
    help: "1 while a JetStream consumer is paused: nothing is delivered, on purpose.",
};
