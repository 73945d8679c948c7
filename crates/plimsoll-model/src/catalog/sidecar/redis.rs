//! Redis, asked from outside.

use crate::{Kind, Signal};

/// Clients that wait in a call that blocks, as XREADGROUP BLOCK or BLPOP.
pub const REDIS_BLOCKED_CLIENTS: Signal = Signal {
    otel_name: "concurrency.redis.blocked_clients",
    unit: "{client}",
    name: "concurrency_redis_blocked_clients",
    kind: Kind::Gauge,
    labels: &["server"],
    help: "Clients that wait in a call that blocks, as XREADGROUP BLOCK or BLPOP.",
};

/// Latest spike of an event that held the server up.
pub const REDIS_LATENCY: Signal = Signal {
    otel_name: "concurrency.redis.latency",
    unit: "s",
    name: "concurrency_redis_latency_seconds",
    kind: Kind::Gauge,
    labels: &["server", "event"],
    help: "Latest spike of an event that held the server up.",
};

/// Longest spike of an event since the server's latency monitor was reset.
pub const REDIS_LATENCY_MAX: Signal = Signal {
    otel_name: "concurrency.redis.latency.max",
    unit: "s",
    name: "concurrency_redis_latency_max_seconds",
    kind: Kind::Gauge,
    labels: &["server", "event"],
    help: "Longest spike of an event since the server's latency monitor was reset.",
};

/// When the latest spike of an event was.
pub const REDIS_LATENCY_TIMESTAMP: Signal = Signal {
    otel_name: "concurrency.redis.latency.timestamp",
    unit: "s",
    name: "concurrency_redis_latency_timestamp_seconds",
    kind: Kind::Gauge,
    labels: &["server", "event"],
    help: "When the latest spike of an event was.",
};

/// Entries of a stream that a group's consumers were given and haven't acknowledged.
pub const REDIS_PENDING: Signal = Signal {
    otel_name: "concurrency.redis.pending",
    unit: "{message}",
    name: "concurrency_redis_pending",
    kind: Kind::Gauge,
    labels: &["server", "group", "topic"],
    help: "Entries of a stream that a group's consumers were given and haven't acknowledged.",
};

/// Age of the oldest entry that isn't acknowledged; 0 when all are.
pub const REDIS_PENDING_OLDEST_AGE: Signal = Signal {
    otel_name: "concurrency.redis.pending.oldest_age",
    unit: "s",
    name: "concurrency_redis_pending_oldest_age_seconds",
    kind: Kind::Gauge,
    labels: &["server", "group", "topic"],
    help: "Age of the oldest entry that isn't acknowledged; 0 when all are.",
};

/// Consumers that a stream's group knows.
pub const REDIS_CONSUMERS: Signal = Signal {
    otel_name: "concurrency.redis.consumers",
    unit: "{consumer}",
    name: "concurrency_redis_consumers",
    kind: Kind::Gauge,
    labels: &["server", "group", "topic"],
    help: "Consumers that a stream's group knows.",
};

/// How long the oldest entry that isn't acknowledged has been with its consumer; 0 when all are.
pub const REDIS_PENDING_IDLE: Signal = Signal {
    otel_name: "concurrency.redis.pending.idle",
    unit: "s",
    name: "concurrency_redis_pending_idle_seconds",
    kind: Kind::Gauge,
    labels: &["server", "group", "topic"],
    help: "Time since the oldest entry that isn't acknowledged was last given to a consumer; 0 when all are.",
};
