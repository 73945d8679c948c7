//! HAProxy, asked from outside.

use crate::{Kind, Signal};

/// Mean time in a backend's queue over its last 1,024 requests, as HAProxy tells it.
pub const HAPROXY_QUEUE_TIME: Signal = Signal {
    otel_name: "concurrency.haproxy.queue_time",
    unit: "s",
    name: "concurrency_haproxy_queue_time_seconds",
    kind: Kind::Gauge,
    labels: &["server", "backend"],
    help: "Mean time in a backend's queue over its last 1,024 requests, as HAProxy tells it.",
};

/// Servers of a backend by state: up, unchecked, other.
pub const HAPROXY_SERVERS: Signal = Signal {
    otel_name: "concurrency.haproxy.servers",
    unit: "{server}",
    name: "concurrency_haproxy_servers",
    kind: Kind::Gauge,
    labels: &["server", "backend", "state"],
    help: "Servers of a backend by state: up, unchecked, other.",
};
