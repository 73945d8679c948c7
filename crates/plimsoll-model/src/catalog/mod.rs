//! The one place that spells a metric's name.
//!
//! A name follows from the OpenTelemetry name and unit by OpenTelemetry's own rules, which the
//! tests hold it to; both are written out so that a search for either ends here.

use crate::Signal;
use std::collections::HashMap;
use std::sync::LazyLock;

mod context;
mod own;
mod recorded;
mod service;
mod sidecar;
mod standard;

pub use context::*;
pub use own::*;
pub use recorded::*;
pub use service::*;
pub use sidecar::*;
pub use standard::*;

/// Every signal, in the order of the catalog.
pub const ALL: &[&Signal] = &[
    &IN_FLIGHT,
    &OPERATIONS,
    &OPERATION_DURATION,
    &HTTP_SERVER_REQUEST_DURATION,
    &QUEUE_DEPTH,
    &QUEUE_TIME,
    &QUEUE_WAIT_MIN,
    &WORKERS_BUSY,
    &WORKER_CPU,
    &RUNTIME_WORKERS,
    &RUNTIME_BUSY,
    &RUNTIME_QUEUE_DEPTH,
    &RUNTIME_SCHEDULE,
    &RUNTIME_POLL,
    &RUNTIME_BLOCKING_BUSY,
    &LOCK_WAIT,
    &LOCK_HOLD,
    &LOCK_HOLD_SAMPLED,
    &LOCK_ACQUISITIONS,
    &LOCK_WAITERS,
    &LOCK_BLAMED,
    &POOL_IN_USE,
    &POOL_WAIT,
    &BACKPRESSURE,
    &LIMITER_LIMIT,
    &LIMITER_IN_FLIGHT,
    &CONSUMER_LAG,
    &CONSUMER_LAG_TIME,
    &CONSUMER_OLDEST_TIMESTAMP,
    &MESSAGES_PRODUCED,
    &MESSAGES_CONSUMED,
    &SCALE_EVENTS,
    &REPLICAS,
    &SNAPSHOT_STALENESS,
    &SNAPSHOT_AS_OF_TIMESTAMP,
    &PROPAGATION,
    &PROPAGATION_OLDEST_UNSEEN,
    &PROBER_ERRORS,
    &DECISION_IN_FLIGHT,
    &DECISION_STALENESS,
    &DECISION_SPREAD,
    &DECISION_COHERENCE_GAP,
    &DECISION_STALENESS_UNKNOWN,
    &DECISIONS,
    &STALE_COMMITS,
    &CONFLICT_EXCESS,
    &DECISION_ERRORS,
    &REBUILD_CALLS,
    &REBUILD_WAITERS,
    &REBUILD,
    &REBUILD_OUTLASTING_LEASE,
    &REBUILD_LEASE_TTL_SUGGESTED,
    &REBUILD_HERD,
    &REBUILD_WRITES,
    &CACHE_LOOKUPS,
    &CACHE_FAULTS,
    &LEASE_WAIT,
    &LEASE_HOLD,
    &LEASE_MARGIN,
    &LEASE_OVERRUN,
    &LEASE_LOST,
    &LEASE_RENEWALS,
    &LEASE_FENCING_TOKEN,
    &STALE_SERVED,
    &STALE_SERVED_AGE,
    &ATTEMPTS,
    &WAIT_CYCLES,
    &INEXACT,
    &CLOCK_SKEW,
    &LABEL_SETS_DROPPED,
    &LITTLE_RESIDUAL,
    &WATERMARK_AGE,
    &EXPORTS,
    &CLOCK_ERROR,
    &OBSERVATION_COST,
    &TIMED,
    &SLO_OBJECTIVE,
    &SLO_ERROR,
    &SLO_BURN_RATE,
    &SLO_BUDGET_REMAINING,
    &SLO_COVERAGE,
    &SLO_BAND_COVERAGE,
    &SLO_EVENTS,
    &SLO_ALERT_FIRING,
    &SCRAPE_SAMPLES_REFUSED,
    &NOTIFICATIONS,
    &COLLECTOR_UP,
    &COLLECTOR_ROUNDS,
    &COLLECTOR_ROUND_TIME,
    &COLLECTOR_SERIES_DROPPED,
    &COLLECTOR_SERIES_HIDDEN,
    &AMPLIFIED,
    &AMPLIFIER_INTERVAL,
    &AMPLIFIER_UNSEEN,
    &AMPLIFIER_UNKNOWN,
    &AMPLIFIER_DROPPED,
    &HOST_CPUS,
    &HOST_CPU_BUSY,
    &HOST_LOAD_AVERAGE,
    &HOST_MEMORY,
    &HOST_PRESSURE,
    &POSTGRES_SESSIONS,
    &POSTGRES_OLDEST_TRANSACTION,
    &POSTGRES_ROOT_BLOCKERS,
    &POSTGRES_ROOT_BLOCKER_AGE,
    &POSTGRES_ROOT_BLOCKER_WAITERS,
    &POSTGRES_DEADLOCKS,
    &POSTGRES_REPLICA_LAG,
    &POSTGRES_REPLICA_LAG_TIME,
    &POSTGRES_REPLICA_HEARD,
    &POSTGRES_STANDBY_LAG,
    &PGBOUNCER_CONNECTIONS,
    &PROXY_CONNECTIONS,
    &PROXY_REFUSED,
    &PROCESS_MEMBERS,
    &PROCESS_STARTS,
    &PROCESS_THREADS,
    &PROCESS_CPU_TIME,
    &PROCESS_RUN_QUEUE_WAIT,
    &PROCESS_CONTEXT_SWITCHES,
    &PROCESS_FILES,
    &PROCESS_FILES_USED,
    &PROCESS_LOCK_WAITERS,
    &PROCESS_LOCK_OLDEST,
    &PROCESS_LOCK_STANDING,
    &PROCESS_LOCK_WAIT,
    &PROCESS_CONVOYS,
    &PROCESS_WAIT_CYCLES,
    &PROCESS_ACCEPT_QUEUE,
    &PROCESS_CONNECTIONS,
    &PROCESS_LISTEN_OVERFLOWS,
    &PROCESS_LISTEN_DROPS,
    &PROCESS_PRESSURE,
    &PROCESS_THROTTLED,
    &PROCESS_PERIODS,
    &CONSUMER_STATUS,
    &CONSUMER_EXPIRED,
    &NATS_ACK_PENDING,
    &NATS_REDELIVERED,
    &NATS_PULLS_WAITING,
    &NATS_EPHEMERAL_CONSUMERS,
    &NATS_DELIVERIES,
    &NATS_PAUSED,
    &REDIS_BLOCKED_CLIENTS,
    &REDIS_LATENCY,
    &REDIS_LATENCY_MAX,
    &REDIS_LATENCY_TIMESTAMP,
    &REDIS_PENDING,
    &REDIS_PENDING_OLDEST_AGE,
    &REDIS_CONSUMERS,
    &REDIS_PENDING_IDLE,
    &KAFKA_GROUP_STATE,
    &RABBITMQ_CONSUMERS,
    &RABBITMQ_CONSUMER_CAPACITY,
    &RABBITMQ_UNACKED,
    &RABBITMQ_CONNECTIONS,
    &NGINX_CONNECTIONS,
    &NGINX_ACCEPTED,
    &NGINX_REQUESTS,
    &HAPROXY_QUEUE_TIME,
    &HAPROXY_SERVERS,
    &BUILD_INFO,
    &CONFIG_LAST_RELOAD_SUCCESSFUL,
    &PROCESS_START_TIME,
    &PROCESS_CPU,
    &PROCESS_RESIDENT_MEMORY,
    &PROCESS_OPEN_FDS,
];

/// The label value that takes what a family's bound on label sets refuses.
pub const OVERFLOW: &str = "overflow";

/// Finds the signal that a Prometheus family belongs to; `_total` is accepted on counters.
pub fn find_family(family: &str) -> Option<&'static Signal> {
    let bare = family.strip_suffix("_total").unwrap_or(family);
    ALL.iter().copied().find(|signal| signal.families().iter().any(|(name, ..)| name == bare))
}

/// Returns the OpenTelemetry name and UCUM unit of a Prometheus family of the catalog.
pub fn otel_name_and_unit(family: &str) -> Option<(&'static str, &'static str)> {
    static BY_FAMILY: LazyLock<HashMap<String, (String, &'static str)>> =
        LazyLock::new(|| ALL.iter().flat_map(|signal| signal.otel_families()).collect());
    BY_FAMILY.get(family).map(|(name, unit)| (name.as_str(), *unit))
}

/// Says whether some signal that has the label `key` gives a value to `label` as well, or a histogram's
/// buckets do: what a program adds to such signals can't be called that.
pub fn carries(key: &str, label: &str) -> bool {
    label == "le"
        || ALL.iter().any(|signal| signal.labels.contains(&key) && signal.labels.contains(&label))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn a_prometheus_name_follows_from_the_otel_name_and_unit() {
        for signal in ALL {
            let unit = signal.prometheus_unit().map(|unit| format!("_{unit}")).unwrap_or_default();
            assert_eq!(signal.name, format!("{}{unit}", signal.otel_name.replace('.', "_")));
        }
    }

    #[test]
    fn the_name_of_a_levels_part_follows_from_its_otel_name_and_unit() {
        for signal in ALL.iter().filter(|signal| signal.kind == crate::Kind::Level) {
            for part in crate::LevelPart::ALL {
                let unit = if part.otel_unit(signal) == "s" { "_seconds" } else { "" };
                let name = format!("{}{unit}", part.otel_name(signal).replace('.', "_"));
                assert_eq!(part.family_name(signal), name);
            }
        }
    }

    #[test]
    fn no_family_is_spelt_twice() {
        let mut seen = HashSet::new();
        for (name, ..) in ALL.iter().flat_map(|signal| signal.families()) {
            assert!(seen.insert(name.clone()), "{name} stands twice");
        }
    }

    #[test]
    fn a_label_is_taken_by_the_signals_that_stand_together() {
        for label in ["operation", "outcome", "band", "le"] {
            assert!(carries("operation", label), "{label}");
        }
        assert!(carries("lock", "mode") && !carries("operation", "mode"));
        assert!(!carries("operation", "region"));
    }

    #[test]
    fn a_family_is_found_by_its_otel_name() {
        let found = otel_name_and_unit("concurrency_queue_depth_saturated_seconds");
        assert_eq!(found, Some(("concurrency.queue.depth.saturated", "s")));
        let found = otel_name_and_unit("concurrency_in_flight");
        assert_eq!(found, Some(("concurrency.in_flight", "{request}")));
        assert_eq!(otel_name_and_unit("no_such_family"), None);
    }

    #[test]
    fn a_family_is_found_by_its_exposed_name() {
        let found = find_family("concurrency_queue_depth_saturated_seconds_total");
        assert_eq!(found.map(|signal| signal.name), Some("concurrency_queue_depth"));
        assert_eq!(find_family("no_such_family"), None);
    }
}
