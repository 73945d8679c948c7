//! Message brokers: what M9 doesn't say of their consumers.

use crate::{Kind, Signal};

/// How a consumer stands.
pub const CONSUMER_STATUS: Signal = Signal {
    otel_name: "concurrency.consumer.status",
    unit: "{consumer}",
    name: "concurrency_consumer_status",
    kind: Kind::Gauge,
    labels: &["group", "topic", "partition", "status"],
    help: "1 for how a consumer stands: ok, stalled (it is there and doesn't advance), stopped (nobody is there), rewound.",
};

/// Messages that a consumer can't read any more.
pub const CONSUMER_EXPIRED: Signal = Signal {
    otel_name: "concurrency.consumer.expired_messages",
    unit: "{message}",
    name: "concurrency_consumer_expired_messages",
    kind: Kind::Gauge,
    labels: &["group", "topic", "partition"],
    help: "Messages behind a consumer's position that were removed before it read them: they are lag no more.",
};
