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
