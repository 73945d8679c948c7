//! Alerts about databases and what stands in front of services.

use super::{gauge, only_beside};
use crate::alerting::signals::cause;
use crate::promql::{self, RULE};
use crate::rule::Alert;
use plimsoll_model::{LevelPart, catalog};

/// How much of the connections that a server lets in may be in use.
const CONNECTIONS_RATIO_MAX: f64 = 0.9;
/// How long a client may wait for a connection of a pool.
const POOL_WAIT_S_MAX: u32 = 1;
/// How old a transaction may be that others wait for.
const BLOCKER_S_MAX: u32 = 60;
/// How old any transaction may be.
const TRANSACTION_S_MAX: u32 = 1_800;
/// How old what a replica shows may be.
const REPLICA_S_MAX: u32 = 30;

pub(super) fn alerts() -> Vec<Alert> {
    vec![
        connections_near_limit(),
        pool_wait_long(),
        backend_queue_standing(),
        root_blocker_old(),
        transaction_old(),
        database_deadlocks(),
        replica_late(),
    ]
}

/// Only a server's clients: their pool has the collector's name. Pools of a fixed size are meant to be
/// used up.
fn connections_near_limit() -> Alert {
    let part = |part| promql::level(&catalog::POOL_IN_USE, part);
    let used = promql::ratio(&part(LevelPart::Now), &part(LevelPart::Limit));
    let up = gauge(&catalog::COLLECTOR_UP);
    let servers = format!(r#"label_replace({up}, "pool", "$1", "collector", "(.+)")"#);
    let near = format!("{used} > {CONNECTIONS_RATIO_MAX} and on (job, instance, pool) {servers}");
    cause("ConcurrencyConnectionsNearLimit", near).pending_for("5m").says(
        "A server has nearly as many clients as it lets in.",
        "{{ $labels.pool }} has used {{ $value | humanizePercentage }} of its connections \
         ({{ $labels.job }}, {{ $labels.instance }}).",
    )
}

fn pool_wait_long() -> Alert {
    let oldest = promql::level(&catalog::QUEUE_DEPTH, LevelPart::OldestAge);
    let long = format!("{oldest} > {POOL_WAIT_S_MAX}");
    let long = only_beside(&long, "server", &catalog::PGBOUNCER_CONNECTIONS);
    cause("ConcurrencyPoolWaitLong", long).pending_for("2m").says(
        "Clients wait long for a connection to the database.",
        "A client of pool {{ $labels.queue }} of {{ $labels.server }} has waited \
         {{ $value | humanizeDuration }} for a connection ({{ $labels.job }}, {{ $labels.instance }}).",
    )
}

/// The least of five minutes: a queue that was empty once is a burst.
fn backend_queue_standing() -> Alert {
    let depth = promql::level(&catalog::QUEUE_DEPTH, LevelPart::Now);
    let standing = format!("min_over_time({depth}[{}]) > 0", RULE.range);
    let standing = only_beside(&standing, "server", &catalog::HAPROXY_SERVERS);
    cause("ConcurrencyBackendQueueStanding", standing).pending_for("2m").says(
        "Requests queue in front of a backend, and the queue never empties.",
        "At least {{ $value | humanize }} requests have waited for a server of {{ $labels.queue }} in \
         {{ $labels.server }} for five minutes ({{ $labels.job }}, {{ $labels.instance }}).",
    )
}

fn root_blocker_old() -> Alert {
    let age = gauge(&catalog::POSTGRES_ROOT_BLOCKER_AGE);
    cause("ConcurrencyRootBlockerOld", format!("{age} > {BLOCKER_S_MAX}")).pending_for("2m").says(
        "An old transaction keeps a lock that others wait for.",
        "The transaction at the root of what {{ $labels.server }} waits for is \
         {{ $value | humanizeDuration }} old ({{ $labels.job }}, {{ $labels.instance }}).",
    )
}

fn transaction_old() -> Alert {
    let age = gauge(&catalog::POSTGRES_OLDEST_TRANSACTION);
    cause("ConcurrencyTransactionOld", format!("{age} > {TRANSACTION_S_MAX}"))
        .pending_for("5m")
        .says(
            "A transaction has been open so long that the database can't clean up behind it.",
            "The oldest transaction of {{ $labels.server }} is {{ $value | humanizeDuration }} old \
             ({{ $labels.job }}, {{ $labels.instance }}).",
        )
}

/// One may happen to anybody, and its client tries again; this is about those that keep coming.
fn database_deadlocks() -> Alert {
    let deadlocks = RULE.increase(&promql::sample(&catalog::POSTGRES_DEADLOCKS));
    cause("ConcurrencyDatabaseDeadlocks", format!("{deadlocks} > 0")).pending_for("10m").says(
        "Transactions deadlock again and again, and the database ends one of them each time.",
        "{{ $labels.server }} broke {{ $value | humanize }} deadlocks within five minutes \
         ({{ $labels.job }}, {{ $labels.instance }}).",
    )
}

fn replica_late() -> Alert {
    let age = gauge(&catalog::POSTGRES_REPLICA_LAG_TIME);
    cause("ConcurrencyReplicaLate", format!("{age} > {REPLICA_S_MAX}")).pending_for("2m").says(
        "A replica shows what is no longer so.",
        "What {{ $labels.server }} shows may be {{ $value | humanizeDuration }} old ({{ $labels.job }}, \
         {{ $labels.instance }}).",
    )
}
