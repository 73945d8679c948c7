//! PostgreSQL and PgBouncer, asked from outside.

use crate::{Kind, Signal};

/// Sessions of clients by state and by what they wait for, the observer's own left out.
pub const POSTGRES_SESSIONS: Signal = Signal {
    otel_name: "concurrency.postgres.sessions",
    unit: "{session}",
    name: "concurrency_postgres_sessions",
    kind: Kind::Gauge,
    labels: &["server", "state", "wait"],
    help: "Sessions of clients by state and by what they wait for, the observer's own left out.",
};

/// Age of a client's oldest open transaction; 0 when there is none.
pub const POSTGRES_OLDEST_TRANSACTION: Signal = Signal {
    otel_name: "concurrency.postgres.oldest_transaction",
    unit: "s",
    name: "concurrency_postgres_oldest_transaction_seconds",
    kind: Kind::Gauge,
    labels: &["server"],
    help: "Age of a client's oldest open transaction; 0 when there is none.",
};

/// Sessions that others wait for and that wait for no lock themselves, by state.
pub const POSTGRES_ROOT_BLOCKERS: Signal = Signal {
    otel_name: "concurrency.postgres.root_blockers",
    unit: "{session}",
    name: "concurrency_postgres_root_blockers",
    kind: Kind::Gauge,
    labels: &["server", "state"],
    help: "Sessions that others wait for and that wait for no lock themselves, by state.",
};

/// Age of the oldest transaction among root blockers; 0 when nothing blocks.
pub const POSTGRES_ROOT_BLOCKER_AGE: Signal = Signal {
    otel_name: "concurrency.postgres.root_blocker.age",
    unit: "s",
    name: "concurrency_postgres_root_blocker_age_seconds",
    kind: Kind::Gauge,
    labels: &["server"],
    help: "Age of the oldest transaction among root blockers; 0 when nothing blocks.",
};

/// Most sessions that wait behind one root blocker, at any depth; 0 when nothing blocks.
pub const POSTGRES_ROOT_BLOCKER_WAITERS: Signal = Signal {
    otel_name: "concurrency.postgres.root_blocker.waiters",
    unit: "{session}",
    name: "concurrency_postgres_root_blocker_waiters",
    kind: Kind::Gauge,
    labels: &["server"],
    help: "Most sessions that wait behind one root blocker, at any depth; 0 when nothing blocks.",
};

/// Deadlocks that the server broke, in all databases.
pub const POSTGRES_DEADLOCKS: Signal = Signal {
    otel_name: "concurrency.postgres.deadlocks",
    unit: "{deadlock}",
    name: "concurrency_postgres_deadlocks",
    kind: Kind::Counter,
    labels: &["server"],
    help: "Deadlocks that the server broke, in all databases.",
};

/// Log that the primary has and the replica hasn't replayed.
pub const POSTGRES_REPLICA_LAG: Signal = Signal {
    otel_name: "concurrency.postgres.replica.lag",
    unit: "By",
    name: "concurrency_postgres_replica_lag_bytes",
    kind: Kind::Gauge,
    labels: &["server"],
    help: "Log that the primary has and the replica hasn't replayed.",
};

/// At most how old what the replica shows is; 0 when it has replayed all that the primary had.
pub const POSTGRES_REPLICA_LAG_TIME: Signal = Signal {
    otel_name: "concurrency.postgres.replica.lag",
    unit: "s",
    name: "concurrency_postgres_replica_lag_seconds",
    kind: Kind::Gauge,
    labels: &["server"],
    help: "At most how old what the replica shows is; 0 when it has replayed all that the primary had.",
};

/// Time since the replica heard of its primary.
pub const POSTGRES_REPLICA_HEARD: Signal = Signal {
    otel_name: "concurrency.postgres.replica.heard",
    unit: "s",
    name: "concurrency_postgres_replica_heard_seconds",
    kind: Kind::Gauge,
    labels: &["server"],
    help: "Time since the replica heard of its primary.",
};

/// Log that a standby hasn't replayed, as the primary sees it.
pub const POSTGRES_STANDBY_LAG: Signal = Signal {
    otel_name: "concurrency.postgres.standby.lag",
    unit: "By",
    name: "concurrency_postgres_standby_lag_bytes",
    kind: Kind::Gauge,
    labels: &["server", "standby"],
    help: "Log that a standby hasn't replayed, as the primary sees it.",
};

/// Connections of a pool: clients active, waiting; servers active, idle, used, tested, login.
pub const PGBOUNCER_CONNECTIONS: Signal = Signal {
    otel_name: "concurrency.pgbouncer.connections",
    unit: "{connection}",
    name: "concurrency_pgbouncer_connections",
    kind: Kind::Gauge,
    labels: &["server", "pool", "side", "state"],
    help: "Connections of a pool: clients active, waiting; servers active, idle, used, tested, login.",
};
