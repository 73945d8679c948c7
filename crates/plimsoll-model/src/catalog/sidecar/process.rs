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
