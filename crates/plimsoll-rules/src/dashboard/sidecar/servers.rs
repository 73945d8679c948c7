//! Databases, what stands in front of them, and web servers.

use super::{
    LOCKS, PANEL, POOLS, Panel, QUEUES, Thresholds, Unit, View, catalog, levels, pushed_back,
    sample, select,
};
use plimsoll_model::Signal;

pub(super) fn levels() -> Vec<Panel> {
    vec![
        POOLS
            .sampled()
            .panel(
                "Connections and pools in use",
                "Clients of PostgreSQL, PgBouncer and Redis, PgBouncer's pools, HAProxy's frontends and \
                 servers. At the limit the next one waits or is refused.",
            )
            .runbook("ConcurrencyConnectionsNearLimit"),
        QUEUES
            .sampled()
            .panel(
                "Queues",
                "Clients that wait for PgBouncer's connections, requests that wait for HAProxy's \
                 servers, messages of RabbitMQ.",
            )
            .runbook("ConcurrencyBackendQueueStanding"),
        levels::time_at_limits(),
        QUEUES
            .oldest("Oldest client that waits", "For how long a client has waited for a connection.")
            .runbook("ConcurrencyPoolWaitLong"),
        POOLS.sampled().percentiles("In use, over time"),
        pushed_back(),
    ]
}

pub(super) fn postgres() -> Vec<Panel> {
    let by_server = |signal| PANEL.max_by("server", &select(signal));
    let mut panels = vec![
        Panel::new(
            View::Stacked,
            Unit::Count,
            "Sessions",
            "Sessions of clients by what they do and what they wait for. idle_in_transaction holds locks \
             and does nothing.",
        )
        .query(
            "{{job}} {{server}} {{state}} {{wait}}",
            PANEL.sum_by("server, state, wait", &select(&catalog::POSTGRES_SESSIONS)),
        ),
        LOCKS
            .sampled()
            .unlimited("Sessions at a lock", "Sessions that wait for another's lock.")
            .runbook("ConcurrencyRootBlockerOld"),
        Panel::new(
            View::Lines,
            Unit::Count,
            "Who blocks",
            "Sessions at the root of a chain, by state, and how many wait behind the worst of them. End \
             the root and the chain goes on.",
        )
        .query(
            "{{job}} {{server}} {{state}}",
            PANEL.sum_by("server, state", &select(&catalog::POSTGRES_ROOT_BLOCKERS)),
        )
        .query("{{job}} {{server}} behind one", by_server(&catalog::POSTGRES_ROOT_BLOCKER_WAITERS))
        .runbook("ConcurrencyRootBlockerOld"),
        Panel::new(
            View::Lines,
            Unit::Seconds,
            "Old transactions",
            "Age of the oldest transaction of a client, and of the oldest that blocks others.",
        )
        .query("{{job}} {{server}} oldest", by_server(&catalog::POSTGRES_OLDEST_TRANSACTION))
        .query("{{job}} {{server}} blocks", by_server(&catalog::POSTGRES_ROOT_BLOCKER_AGE))
        .thresholds(Thresholds::Rising(60.0, 1_800.0))
        .runbook("ConcurrencyTransactionOld"),
        Panel::new(
            View::Lines,
            Unit::PerSecond,
            "Deadlocks",
            "Deadlocks per second that the server broke by ending one of the transactions.",
        )
        .query(
            "{{job}} {{server}}",
            PANEL.sum_rate("server", &sample(&catalog::POSTGRES_DEADLOCKS), ""),
        )
        .runbook("ConcurrencyDatabaseDeadlocks"),
    ];
    panels.push(replica_age());
    panels.push(replica_bytes());
    panels
}

fn replica_age() -> Panel {
    let by_server = |signal| PANEL.max_by("server", &select(signal));
    Panel::new(
        View::Lines,
        Unit::Seconds,
        "Age of what a replica shows",
        "At most how old it is, 0 while it has replayed all there is; and the time since it heard of \
         its primary.",
    )
    .query("{{job}} {{server}} age", by_server(&catalog::POSTGRES_REPLICA_LAG_TIME))
    .query("{{job}} {{server}} heard", by_server(&catalog::POSTGRES_REPLICA_HEARD))
    .thresholds(Thresholds::Rising(5.0, 30.0))
    .runbook("ConcurrencyReplicaLate")
    .width(12)
}

fn replica_bytes() -> Panel {
    let standbys = PANEL.max_by("server, standby", &select(&catalog::POSTGRES_STANDBY_LAG));
    Panel::new(
        View::Lines,
        Unit::Bytes,
        "Log that isn't replayed",
        "As the replica sees it, and as the primary sees each of its standbys.",
    )
    .query("{{job}} {{server}}", PANEL.max_by("server", &select(&catalog::POSTGRES_REPLICA_LAG)))
    .query("{{job}} {{server}} {{standby}}", standbys)
    .runbook("ConcurrencyReplicaLate")
    .width(12)
}

pub(super) fn fronts() -> Vec<Panel> {
    let per_second = |signal: &Signal| PANEL.sum_rate("server", &sample(signal), "");
    vec![
        Panel::new(
            View::Lines,
            Unit::Count,
            "PgBouncer",
            "Connections of each pool: clients that are served or wait, servers by what they do.",
        )
        .query(
            "{{job}} {{server}} {{pool}} {{side}} {{state}}",
            PANEL.sum_by("server, pool, side, state", &select(&catalog::PGBOUNCER_CONNECTIONS)),
        )
        .runbook("ConcurrencyPoolWaitLong"),
        Panel::new(
            View::Stacked,
            Unit::Count,
            "nginx: connections",
            "reading: a request comes in; writing: it is being answered, or its upstream is waited for; \
             waiting: kept open without a request.",
        )
        .query(
            "{{job}} {{server}} {{state}}",
            PANEL.sum_by("server, state", &select(&catalog::NGINX_CONNECTIONS)),
        ),
        Panel::new(
            View::Lines,
            Unit::PerSecond,
            "nginx: load",
            "Connections and requests per second.",
        )
        .query("{{job}} {{server}} connections", per_second(&catalog::NGINX_ACCEPTED))
        .query("{{job}} {{server}} requests", per_second(&catalog::NGINX_REQUESTS)),
        Panel::new(
            View::Lines,
            Unit::Seconds,
            "HAProxy: time in the queue",
            "Mean over the last 1,024 requests of a backend, as it says itself.",
        )
        .query(
            "{{job}} {{server}} {{backend}}",
            PANEL.max_by("server, backend", &select(&catalog::HAPROXY_QUEUE_TIME)),
        )
        .runbook("ConcurrencyBackendQueueStanding")
        .width(12),
        Panel::new(
            View::Stacked,
            Unit::Count,
            "HAProxy: servers",
            "Servers of each backend by state: up, unchecked (nobody looks), other (down, or out of \
             service).",
        )
        .query(
            "{{job}} {{server}} {{backend}} {{state}}",
            PANEL.sum_by("server, backend, state", &select(&catalog::HAPROXY_SERVERS)),
        )
        .width(12),
    ]
}

pub(super) fn redis() -> Vec<Panel> {
    let by = |labels, signal| PANEL.max_by(labels, &select(signal));
    vec![
        Panel::new(
            View::Lines,
            Unit::Count,
            "Blocked clients",
            "Clients in a call that waits for something to come. Consumers that are idle look like that.",
        )
        .query("{{job}} {{server}}", by("server", &catalog::REDIS_BLOCKED_CLIENTS)),
        Panel::new(
            View::Lines,
            Unit::Seconds,
            "Latency events",
            "Latest and longest spike of each event that held the server up. It has to be told what is a \
             spike: CONFIG SET latency-monitor-threshold 100.",
        )
        .query("{{job}} {{server}} {{event}}", by("server, event", &catalog::REDIS_LATENCY))
        .query("{{job}} {{server}} {{event}} max", by("server, event", &catalog::REDIS_LATENCY_MAX))
        .thresholds(Thresholds::Rising(0.1, 1.0)),
        Panel::new(
            View::Lines,
            Unit::Seconds,
            "Age of the latest spike",
            "Time since each event last held the server up.",
        )
        .query(
            "{{job}} {{server}} {{event}}",
            format!("time() - {}", by("server, event", &catalog::REDIS_LATENCY_TIMESTAMP)),
        ),
        Panel::new(
            View::Lines,
            Unit::Count,
            "Entries given and not acknowledged",
            "What the consumers of a group have in hand, by group and stream.",
        )
        .query("{{job}} {{server}} {{group}} {{topic}}", by("server, group, topic", &catalog::REDIS_PENDING))
        .runbook("ConcurrencyMessagesUnacknowledged"),
        Panel::new(
            View::Lines,
            Unit::Seconds,
            "Oldest entry not acknowledged",
            "Age of the oldest entry that a consumer has in hand, and since when it has been there. A \
             consumer that died keeps its entries until another claims them.",
        )
        .query(
            "{{job}} {{server}} {{group}} {{topic}} age",
            by("server, group, topic", &catalog::REDIS_PENDING_OLDEST_AGE),
        )
        .query(
            "{{job}} {{server}} {{group}} {{topic}} in hand",
            by("server, group, topic", &catalog::REDIS_PENDING_IDLE),
        )
        .thresholds(Thresholds::Rising(60.0, 300.0))
        .runbook("ConcurrencyMessagesUnacknowledged"),
        Panel::new(View::Lines, Unit::Count, "Consumers", "Consumers that each group knows.")
            .query("{{job}} {{server}} {{group}} {{topic}}", by("server, group, topic", &catalog::REDIS_CONSUMERS)),
    ]
}
