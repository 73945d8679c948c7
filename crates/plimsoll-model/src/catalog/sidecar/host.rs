//! The machine as a whole.

use crate::{Kind, Signal};

/// Processors of the machine.
pub const HOST_CPUS: Signal = Signal {
    otel_name: "concurrency.host.cpus",
    unit: "{cpu}",
    name: "concurrency_host_cpus",
    kind: Kind::Gauge,
    labels: &[],
    help: "Processors of the machine.",
};

/// How busy the processors were.
pub const HOST_CPU_BUSY: Signal = Signal {
    otel_name: "concurrency.host.cpu.busy",
    unit: "1",
    name: "concurrency_host_cpu_busy_ratio",
    kind: Kind::Gauge,
    labels: &[],
    help: "Part of all processors that was busy since the look before.",
};

/// The load average.
pub const HOST_LOAD_AVERAGE: Signal = Signal {
    otel_name: "concurrency.host.load_average",
    unit: "{thread}",
    name: "concurrency_host_load_average",
    kind: Kind::Gauge,
    labels: &["minutes"],
    help: "Threads that run or wait to, averaged over minutes.",
};

/// Memory of the machine.
pub const HOST_MEMORY: Signal = Signal {
    otel_name: "concurrency.host.memory",
    unit: "By",
    name: "concurrency_host_memory_bytes",
    kind: Kind::Gauge,
    labels: &["state"],
    help: "Memory of the machine: total, available, swap_total, swap_free.",
};

/// How long tasks stood still for want of something.
pub const HOST_PRESSURE: Signal = Signal {
    otel_name: "concurrency.host.pressure",
    unit: "s",
    name: "concurrency_host_pressure_seconds",
    kind: Kind::Counter,
    labels: &["resource", "stalled"],
    help: "Time for which tasks of the machine stood still for want of cpu, io or memory; stalled: some, full.",
};
