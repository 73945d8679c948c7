//! What the sidecar sees from outside.

use crate::{Kind, Signal};

mod amplify;
mod broker;
mod haproxy;
mod host;
mod kafka;
mod nats;
mod nginx;
mod postgres;
mod process;
mod proxy;
mod rabbitmq;
mod redis;

pub use amplify::*;
pub use broker::*;
pub use haproxy::*;
pub use host::*;
pub use kafka::*;
pub use nats::*;
pub use nginx::*;
pub use postgres::*;
pub use process::*;
pub use proxy::*;
pub use rabbitmq::*;
pub use redis::*;

/// Whether the latest look of a collector brought anything.
pub const COLLECTOR_UP: Signal = Signal {
    otel_name: "concurrency.collector.up",
    unit: "{collector}",
    name: "concurrency_collector_up",
    kind: Kind::Gauge,
    labels: &["collector"],
    help: "1 if the latest look of a collector brought anything; the page at / says why not.",
};

/// The rounds of a collector.
pub const COLLECTOR_ROUNDS: Signal = Signal {
    otel_name: "concurrency.collector.rounds",
    unit: "{round}",
    name: "concurrency_collector_rounds",
    kind: Kind::Counter,
    labels: &["collector", "result"],
    help: "Looks of a collector, by result: ok, failed.",
};

/// How long the latest look took.
pub const COLLECTOR_ROUND_TIME: Signal = Signal {
    otel_name: "concurrency.collector.round",
    unit: "s",
    name: "concurrency_collector_round_seconds",
    kind: Kind::Gauge,
    labels: &["collector"],
    help: "How long the latest look of a collector took.",
};

/// Series beyond the bound.
pub const COLLECTOR_SERIES_DROPPED: Signal = Signal {
    otel_name: "concurrency.collector.series_dropped",
    unit: "{series}",
    name: "concurrency_collector_series_dropped",
    kind: Kind::Counter,
    labels: &["collector"],
    help: "Series of a collector's looks that were beyond a family's bound.",
};

/// Series that another collector has.
pub const COLLECTOR_SERIES_HIDDEN: Signal = Signal {
    otel_name: "concurrency.collector.series_hidden",
    unit: "{series}",
    name: "concurrency_collector_series_hidden",
    kind: Kind::Gauge,
    labels: &["collector"],
    help: "Series of a collector that aren't shown, since an earlier collector has the same; it should be 0.",
};
