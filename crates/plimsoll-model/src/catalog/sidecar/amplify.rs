//! Gauges of other programs, looked at so often that they become levels.

use crate::{Kind, Signal};

/// A gauge of a page of metrics, as a level.
pub const AMPLIFIED: Signal = Signal {
    otel_name: "concurrency.amplified",
    unit: "{item}",
    name: "concurrency_amplified",
    kind: Kind::Level,
    labels: &["collector", "gauge"],
    help: "Gauge of a page of metrics, sampled; it has the gauge's own labels, too.",
};

/// How often a page is meant to be looked at.
pub const AMPLIFIER_INTERVAL: Signal = Signal {
    otel_name: "concurrency.amplifier.interval",
    unit: "s",
    name: "concurrency_amplifier_interval_seconds",
    kind: Kind::Gauge,
    labels: &["collector"],
    help: "Time from one look at a page of metrics to the next, as configured.",
};

/// What may have been missed.
pub const AMPLIFIER_UNSEEN: Signal = Signal {
    otel_name: "concurrency.amplifier.unseen",
    unit: "s",
    name: "concurrency_amplifier_unseen_seconds",
    kind: Kind::Gauge,
    labels: &["collector"],
    help: "Longest time between two looks within the last 60 s: a shorter burst may be missed.",
};

/// Time of which nothing is known.
pub const AMPLIFIER_UNKNOWN: Signal = Signal {
    otel_name: "concurrency.amplifier.unknown",
    unit: "s",
    name: "concurrency_amplifier_unknown_seconds",
    kind: Kind::Counter,
    labels: &["collector"],
    help: "Time between looks more than two intervals apart, which is in no level.",
};

/// Gauges beyond the bound.
pub const AMPLIFIER_DROPPED: Signal = Signal {
    otel_name: "concurrency.amplifier.dropped",
    unit: "{gauge}",
    name: "concurrency_amplifier_dropped",
    kind: Kind::Gauge,
    labels: &["collector"],
    help: "Gauges of a page of metrics that are beyond the bound of 200.",
};
