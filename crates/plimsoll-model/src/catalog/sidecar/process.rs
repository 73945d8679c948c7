//! Processes, seen through the kernel. A group is every process that one entry of the configuration matches.

use crate::{Kind, Signal};

/// How many processes a group has.
pub const PROCESS_MEMBERS: Signal = Signal {
    otel_name: "concurrency.process.members",
    unit: "{process}",
    name: "concurrency_process_members",
    kind: Kind::Gauge,
    labels: &["process"],
    help: "Processes of the group that run.",
};

/// How often a process joined a group.
pub const PROCESS_STARTS: Signal = Signal {
    otel_name: "concurrency.process.starts",
    unit: "{process}",
    name: "concurrency_process_starts",
    kind: Kind::Counter,
    labels: &["process"],
    help: "Processes that joined the group after the first look: starts, restarts and forks.",
};

/// What the threads of a group do.
pub const PROCESS_THREADS: Signal = Signal {
    otel_name: "concurrency.process.threads",
    unit: "{thread}",
    name: "concurrency_process_threads",
    kind: Kind::Gauge,
    labels: &["process", "state"],
    help: "Threads by what they do: running, lock, idle, io, uninterruptible, other; sleeping if that can't be read.",
};

/// Processor time of a group.
pub const PROCESS_CPU_TIME: Signal = Signal {
    otel_name: "concurrency.process.cpu",
    unit: "s",
    name: "concurrency_process_cpu_seconds",
    kind: Kind::Counter,
    labels: &["process"],
    help: "Processor time of the group's processes.",
};

/// How long threads waited for a processor.
pub const PROCESS_RUN_QUEUE_WAIT: Signal = Signal {
    otel_name: "concurrency.process.run_queue_wait",
    unit: "s",
    name: "concurrency_process_run_queue_wait_seconds",
    kind: Kind::Counter,
    labels: &["process"],
    help: "Time for which threads were ready to run and had no processor.",
};

/// How often threads gave up a processor.
pub const PROCESS_CONTEXT_SWITCHES: Signal = Signal {
    otel_name: "concurrency.process.context_switches",
    unit: "{switch}",
    name: "concurrency_process_context_switches",
    kind: Kind::Counter,
    labels: &["process", "kind"],
    help: "Context switches of the threads: voluntary when they waited, involuntary when they were preempted.",
};

/// Open file descriptors.
pub const PROCESS_FILES: Signal = Signal {
    otel_name: "concurrency.process.files",
    unit: "{file}",
    name: "concurrency_process_files",
    kind: Kind::Gauge,
    labels: &["process"],
    help: "Open file descriptors of the group.",
};

/// How near the limit of open files is.
pub const PROCESS_FILES_USED: Signal = Signal {
    otel_name: "concurrency.process.files_used",
    unit: "1",
    name: "concurrency_process_files_used_ratio",
    kind: Kind::Gauge,
    labels: &["process"],
    help: "Part of its limit of open files that the process nearest to it has used.",
};

/// Connections that nobody has accepted yet.
pub const PROCESS_ACCEPT_QUEUE: Signal = Signal {
    otel_name: "concurrency.process.accept_queue",
    unit: "{connection}",
    name: "concurrency_process_accept_queue",
    kind: Kind::Level,
    labels: &["process", "port"],
    help: "Connections that wait to be accepted, by listening port; the limit is the listener's backlog.",
};

/// Established connections.
pub const PROCESS_CONNECTIONS: Signal = Signal {
    otel_name: "concurrency.process.connections",
    unit: "{connection}",
    name: "concurrency_process_connections",
    kind: Kind::Gauge,
    labels: &["process", "port"],
    help: "Established connections, by listening port.",
};

/// How often an accept queue was full.
pub const PROCESS_LISTEN_OVERFLOWS: Signal = Signal {
    otel_name: "concurrency.process.listen_overflows",
    unit: "{connection}",
    name: "concurrency_process_listen_overflows",
    kind: Kind::Counter,
    labels: &["process"],
    help: "Connections refused because an accept queue was full, of all listeners in the group's network namespaces.",
};

/// How often a listener dropped a connection.
pub const PROCESS_LISTEN_DROPS: Signal = Signal {
    otel_name: "concurrency.process.listen_drops",
    unit: "{connection}",
    name: "concurrency_process_listen_drops",
    kind: Kind::Counter,
    labels: &["process"],
    help: "Connections that listeners dropped for whatever reason, of all in the group's network namespaces.",
};

/// How long a group's tasks stood still for want of something.
pub const PROCESS_PRESSURE: Signal = Signal {
    otel_name: "concurrency.process.pressure",
    unit: "s",
    name: "concurrency_process_pressure_seconds",
    kind: Kind::Counter,
    labels: &["process", "resource", "stalled"],
    help: "Time for which tasks of the group's control groups stood still for want of cpu, io or memory; stalled: some, full.",
};

/// How long a group was throttled.
pub const PROCESS_THROTTLED: Signal = Signal {
    otel_name: "concurrency.process.throttled",
    unit: "s",
    name: "concurrency_process_throttled_seconds",
    kind: Kind::Counter,
    labels: &["process"],
    help: "Time for which the group's control groups were throttled at their processor limit.",
};

/// Periods of a processor limit.
pub const PROCESS_PERIODS: Signal = Signal {
    otel_name: "concurrency.process.cpu_periods",
    unit: "{period}",
    name: "concurrency_process_cpu_periods",
    kind: Kind::Counter,
    labels: &["process", "throttled"],
    help: "Enforcement periods of the processor limit, by whether the limit was reached.",
};

/// Threads that wait for a lock.
pub const PROCESS_LOCK_WAITERS: Signal = Signal {
    otel_name: "concurrency.process.lock_waiters",
    unit: "{thread}",
    name: "concurrency_process_lock_waiters",
    kind: Kind::Gauge,
    labels: &["process", "rank"],
    help: "Threads that wait for the same lock, of the five locks with most; rank 1 has most.",
};

/// How long a thread has waited for a lock.
pub const PROCESS_LOCK_OLDEST: Signal = Signal {
    otel_name: "concurrency.process.lock_wait_oldest",
    unit: "s",
    name: "concurrency_process_lock_wait_oldest_seconds",
    kind: Kind::Gauge,
    labels: &["process", "rank"],
    help: "For how long at least the longest waiter of that lock has waited without running.",
};

/// How long a lock has had a queue.
pub const PROCESS_LOCK_STANDING: Signal = Signal {
    otel_name: "concurrency.process.lock_standing",
    unit: "s",
    name: "concurrency_process_lock_standing_seconds",
    kind: Kind::Gauge,
    labels: &["process", "rank"],
    help: "For how long every look has found two or more waiters at that lock.",
};

/// Time spent waiting for locks.
pub const PROCESS_LOCK_WAIT: Signal = Signal {
    otel_name: "concurrency.process.lock_wait",
    unit: "s",
    name: "concurrency_process_lock_wait_seconds",
    kind: Kind::Counter,
    labels: &["process"],
    help: "Thread-seconds spent waiting for locks, added up from looks: an estimate, whose rate is the mean number of waiters.",
};

/// Locks that threads queue for all the time.
pub const PROCESS_CONVOYS: Signal = Signal {
    otel_name: "concurrency.process.convoys",
    unit: "{lock}",
    name: "concurrency_process_convoys",
    kind: Kind::Gauge,
    labels: &["process"],
    help: "Locks whose queue has stood for three looks while its waiters got their turns.",
};

/// Deadlocks of a group.
pub const PROCESS_WAIT_CYCLES: Signal = Signal {
    otel_name: "concurrency.process.wait_cycles",
    unit: "{cycle}",
    name: "concurrency_process_wait_cycles",
    kind: Kind::Gauge,
    labels: &["process"],
    help: "Deadlocks: cycles of threads that wait for each other's locks; the page at / names them.",
};
