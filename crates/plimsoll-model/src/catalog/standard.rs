//! Names that are Prometheus's own: those of every process, and those that a Prometheus writes.

use crate::{Kind, Signal};

// === The process, under the names that every Prometheus client library gives it.

/// When the process started, in seconds since the Unix epoch.
pub const PROCESS_START_TIME: Signal = Signal {
    otel_name: "process.start_time",
    unit: "s",
    name: "process_start_time_seconds",
    kind: Kind::Gauge,
    labels: &[],
    help: "When the process started, in seconds since the Unix epoch.",
};

/// CPU time of the process, user and system.
pub const PROCESS_CPU: Signal = Signal {
    otel_name: "process.cpu",
    unit: "s",
    name: "process_cpu_seconds",
    kind: Kind::Counter,
    labels: &[],
    help: "CPU time of the process, user and system.",
};

/// Resident memory of the process.
pub const PROCESS_RESIDENT_MEMORY: Signal = Signal {
    otel_name: "process.resident_memory",
    unit: "By",
    name: "process_resident_memory_bytes",
    kind: Kind::Gauge,
    labels: &[],
    help: "Resident memory of the process.",
};

/// File descriptors that the process has open.
pub const PROCESS_OPEN_FDS: Signal = Signal {
    otel_name: "process.open_fds",
    unit: "{fd}",
    name: "process_open_fds",
    kind: Kind::Gauge,
    labels: &[],
    help: "File descriptors that the process has open.",
};

// === What a Prometheus writes by itself; never exported by us, so not part of `ALL`.

/// Whether the last scrape of a target succeeded: 1 or 0.
pub const UP: Signal = Signal {
    otel_name: "up",
    unit: "{target}",
    name: "up",
    kind: Kind::Gauge,
    labels: &[],
    help: "Whether the last scrape of a target succeeded: 1 or 0.",
};

/// Alerts that a Prometheus evaluates: 1 while one is pending or firing.
pub const ALERTS: Signal = Signal {
    otel_name: "ALERTS",
    unit: "{alert}",
    name: "ALERTS",
    kind: Kind::Gauge,
    labels: &["alertname", "alertstate", "severity", "service", "slo"],
    help: "Alerts that a Prometheus evaluates: 1 while one is pending or firing.",
};
