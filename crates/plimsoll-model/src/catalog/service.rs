//! What a service does: operations, queues, workers, locks, pools, consumers, retries.

use crate::{Kind, Signal};

// === M1, M6, M7: operations in flight, their outcomes and how long they took.

/// Operations in flight.
pub const IN_FLIGHT: Signal = Signal {
    otel_name: "concurrency.in_flight",
    unit: "{request}",
    name: "concurrency_in_flight",
    kind: Kind::Level,
    labels: &["operation"],
    help: "Operations in flight.",
};

/// Operations that ended, by outcome and by the in-flight level at entry.
pub const OPERATIONS: Signal = Signal {
    otel_name: "concurrency.operations",
    unit: "{operation}",
    name: "concurrency_operations",
    kind: Kind::Counter,
    labels: &["operation", "outcome", "band"],
    help: "Operations that ended, by outcome and by the in-flight level at entry.",
};

/// How long operations took, cancelled, timed-out and panicked ones included.
pub const OPERATION_DURATION: Signal = Signal {
    otel_name: "concurrency.operation.duration",
    unit: "s",
    name: "concurrency_operation_duration_seconds",
    kind: Kind::Histogram,
    labels: &["operation", "outcome"],
    help: "How long operations took, cancelled, timed-out and panicked ones included.",
};

/// Duration of HTTP server requests.
pub const HTTP_SERVER_REQUEST_DURATION: Signal = Signal {
    otel_name: "http.server.request.duration",
    unit: "s",
    name: "http_server_request_duration_seconds",
    kind: Kind::Histogram,
    labels: &[
        "http_request_method",
        "url_scheme",
        "http_response_status_code",
        "http_route",
        "error_type",
    ],
    help: "Duration of HTTP server requests.",
};

// === M2: queues.

/// Messages in a queue.
pub const QUEUE_DEPTH: Signal = Signal {
    otel_name: "concurrency.queue.depth",
    unit: "{message}",
    name: "concurrency_queue_depth",
    kind: Kind::Level,
    labels: &["queue"],
    help: "Messages in a queue.",
};

/// How long messages waited in a queue.
pub const QUEUE_TIME: Signal = Signal {
    otel_name: "concurrency.queue.time",
    unit: "s",
    name: "concurrency_queue_time_seconds",
    kind: Kind::Histogram,
    labels: &["queue"],
    help: "How long messages waited in a queue.",
};

/// Least wait in the last window: above zero for long, it is a standing queue.
pub const QUEUE_WAIT_MIN: Signal = Signal {
    otel_name: "concurrency.queue.wait.min",
    unit: "s",
    name: "concurrency_queue_wait_min_seconds",
    kind: Kind::Gauge,
    labels: &["queue"],
    help: "Least wait in the last window: above zero for long, it is a standing queue.",
};

// === M3: workers and the runtime.

/// Workers that are busy.
pub const WORKERS_BUSY: Signal = Signal {
    otel_name: "concurrency.workers.busy",
    unit: "{worker}",
    name: "concurrency_workers_busy",
    kind: Kind::Level,
    labels: &["pool"],
    help: "Workers that are busy.",
};

/// CPU time of a pool's workers.
pub const WORKER_CPU: Signal = Signal {
    otel_name: "concurrency.worker.cpu",
    unit: "s",
    name: "concurrency_worker_cpu_seconds",
    kind: Kind::Counter,
    labels: &["pool"],
    help: "CPU time of a pool's workers.",
};

/// Worker threads of an async runtime.
pub const RUNTIME_WORKERS: Signal = Signal {
    otel_name: "concurrency.runtime.workers",
    unit: "{worker}",
    name: "concurrency_runtime_workers",
    kind: Kind::Gauge,
    labels: &["runtime"],
    help: "Worker threads of an async runtime.",
};

/// Time that a runtime's worker spent running tasks.
pub const RUNTIME_BUSY: Signal = Signal {
    otel_name: "concurrency.runtime.busy",
    unit: "s",
    name: "concurrency_runtime_busy_seconds",
    kind: Kind::Counter,
    labels: &["runtime", "worker"],
    help: "Time that a runtime's worker spent running tasks.",
};

/// Tasks waiting in a runtime's queue: global, local, blocking.
pub const RUNTIME_QUEUE_DEPTH: Signal = Signal {
    otel_name: "concurrency.runtime.queue.depth",
    unit: "{task}",
    name: "concurrency_runtime_queue_depth",
    kind: Kind::Gauge,
    labels: &["runtime", "queue"],
    help: "Tasks waiting in a runtime's queue: global, local, blocking.",
};

/// How long a task that is ready waits until a worker polls it.
pub const RUNTIME_SCHEDULE: Signal = Signal {
    otel_name: "concurrency.runtime.schedule",
    unit: "s",
    name: "concurrency_runtime_schedule_seconds",
    kind: Kind::Histogram,
    labels: &["runtime"],
    help: "How long a task that is ready waits until a worker polls it.",
};

/// How long one poll of a task keeps a worker.
pub const RUNTIME_POLL: Signal = Signal {
    otel_name: "concurrency.runtime.poll",
    unit: "s",
    name: "concurrency_runtime_poll_seconds",
    kind: Kind::Histogram,
    labels: &["runtime"],
    help: "How long one poll of a task keeps a worker.",
};

/// Blocking threads that are busy.
pub const RUNTIME_BLOCKING_BUSY: Signal = Signal {
    otel_name: "concurrency.runtime.blocking.busy",
    unit: "{thread}",
    name: "concurrency_runtime_blocking_busy",
    kind: Kind::Level,
    labels: &["runtime"],
    help: "Blocking threads that are busy.",
};

// === M4: locks.

/// How long lock acquisitions waited.
pub const LOCK_WAIT: Signal = Signal {
    otel_name: "concurrency.lock.wait",
    unit: "s",
    name: "concurrency_lock_wait_seconds",
    kind: Kind::Histogram,
    labels: &["lock", "mode"],
    help: "How long lock acquisitions waited.",
};

/// How long locks were held, of holds that made others wait.
pub const LOCK_HOLD: Signal = Signal {
    otel_name: "concurrency.lock.hold",
    unit: "s",
    name: "concurrency_lock_hold_seconds",
    kind: Kind::Histogram,
    labels: &["lock", "mode"],
    help: "How long locks were held, of holds that made others wait.",
};

/// How long locks were held, of one in 64 of the uncontended holds.
pub const LOCK_HOLD_SAMPLED: Signal = Signal {
    otel_name: "concurrency.lock.hold.sampled",
    unit: "s",
    name: "concurrency_lock_hold_sampled_seconds",
    kind: Kind::Histogram,
    labels: &["lock", "mode"],
    help: "How long locks were held, of one in 64 of the uncontended holds.",
};

/// Lock acquisitions.
pub const LOCK_ACQUISITIONS: Signal = Signal {
    otel_name: "concurrency.lock.acquisitions",
    unit: "{acquisition}",
    name: "concurrency_lock_acquisitions",
    kind: Kind::Counter,
    labels: &["lock", "mode", "contended"],
    help: "Lock acquisitions.",
};

/// Tasks and threads that wait for a lock.
pub const LOCK_WAITERS: Signal = Signal {
    otel_name: "concurrency.lock.waiters",
    unit: "{waiter}",
    name: "concurrency_lock_waiters",
    kind: Kind::Level,
    labels: &["lock"],
    help: "Tasks and threads that wait for a lock.",
};

/// Wait charged to the call site that held the lock.
pub const LOCK_BLAMED: Signal = Signal {
    otel_name: "concurrency.lock.blamed",
    unit: "s",
    name: "concurrency_lock_blamed_seconds",
    kind: Kind::Counter,
    labels: &["lock", "site"],
    help: "Wait charged to the call site that held the lock.",
};

// === M5: pools.

/// Resources of a pool in use: connections, permits, threads.
pub const POOL_IN_USE: Signal = Signal {
    otel_name: "concurrency.pool.in_use",
    unit: "{resource}",
    name: "concurrency_pool_in_use",
    kind: Kind::Level,
    labels: &["pool"],
    help: "Resources of a pool in use: connections, permits, threads.",
};

/// How long callers waited for a pool's resource.
pub const POOL_WAIT: Signal = Signal {
    otel_name: "concurrency.pool.wait",
    unit: "s",
    name: "concurrency_pool_wait_seconds",
    kind: Kind::Histogram,
    labels: &["pool", "outcome"],
    help: "How long callers waited for a pool's resource.",
};

// === M8: back-pressure.

/// Work that was pushed back: full, shed, timeout, rate_limited, breaker.
pub const BACKPRESSURE: Signal = Signal {
    otel_name: "concurrency.backpressure",
    unit: "{event}",
    name: "concurrency_backpressure",
    kind: Kind::Counter,
    labels: &["source", "reason"],
    help: "Work that was pushed back: full, shed, timeout, rate_limited, breaker.",
};

/// The limit that a limiter enforces now.
pub const LIMITER_LIMIT: Signal = Signal {
    otel_name: "concurrency.limiter.limit",
    unit: "{request}",
    name: "concurrency_limiter_limit",
    kind: Kind::Gauge,
    labels: &["limiter"],
    help: "The limit that a limiter enforces now.",
};

/// Requests that a limiter has let in.
pub const LIMITER_IN_FLIGHT: Signal = Signal {
    otel_name: "concurrency.limiter.in_flight",
    unit: "{request}",
    name: "concurrency_limiter_in_flight",
    kind: Kind::Level,
    labels: &["limiter"],
    help: "Requests that a limiter has let in.",
};

// === M9: consumers.

/// Messages that a consumer is behind.
pub const CONSUMER_LAG: Signal = Signal {
    otel_name: "concurrency.consumer.lag",
    unit: "{message}",
    name: "concurrency_consumer_lag",
    kind: Kind::Gauge,
    labels: &["group", "topic", "partition"],
    help: "Messages that a consumer is behind.",
};

/// Time that a consumer is behind.
pub const CONSUMER_LAG_TIME: Signal = Signal {
    otel_name: "concurrency.consumer.lag",
    unit: "s",
    name: "concurrency_consumer_lag_seconds",
    kind: Kind::Gauge,
    labels: &["group", "topic", "partition"],
    help: "Time that a consumer is behind.",
};

/// When the oldest message that isn't consumed was produced.
pub const CONSUMER_OLDEST_TIMESTAMP: Signal = Signal {
    otel_name: "concurrency.consumer.oldest_timestamp",
    unit: "s",
    name: "concurrency_consumer_oldest_timestamp_seconds",
    kind: Kind::Gauge,
    labels: &["group", "topic", "partition"],
    help: "When the oldest message that isn't consumed was produced.",
};

/// Messages produced.
pub const MESSAGES_PRODUCED: Signal = Signal {
    otel_name: "concurrency.messages.produced",
    unit: "{message}",
    name: "concurrency_messages_produced",
    kind: Kind::Counter,
    labels: &["topic", "partition"],
    help: "Messages produced.",
};

/// Messages consumed.
pub const MESSAGES_CONSUMED: Signal = Signal {
    otel_name: "concurrency.messages.consumed",
    unit: "{message}",
    name: "concurrency_messages_consumed",
    kind: Kind::Counter,
    labels: &["group", "topic", "partition"],
    help: "Messages consumed.",
};

// === M10: autoscaling.

/// Scaling events.
pub const SCALE_EVENTS: Signal = Signal {
    otel_name: "concurrency.scale.events",
    unit: "{event}",
    name: "concurrency_scale_events",
    kind: Kind::Counter,
    labels: &["target", "direction"],
    help: "Scaling events.",
};

/// Replicas by state.
pub const REPLICAS: Signal = Signal {
    otel_name: "concurrency.replicas",
    unit: "{replica}",
    name: "concurrency_replicas",
    kind: Kind::Gauge,
    labels: &["target", "state"],
    help: "Replicas by state.",
};

// === D1, D2: retries and deadlocks.

/// Attempts: first or retry.
pub const ATTEMPTS: Signal = Signal {
    otel_name: "concurrency.attempts",
    unit: "{attempt}",
    name: "concurrency_attempts",
    kind: Kind::Counter,
    labels: &["operation", "attempt"],
    help: "Attempts: first or retry.",
};

/// Cycles in the wait-for graph now.
pub const WAIT_CYCLES: Signal = Signal {
    otel_name: "concurrency.wait_cycles",
    unit: "{cycle}",
    name: "concurrency_wait_cycles",
    kind: Kind::Gauge,
    labels: &["kind"],
    help: "Cycles in the wait-for graph now.",
};
