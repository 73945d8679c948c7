//! What decisions read, and how rebuilt state reaches them.

use crate::{Kind, Signal};

// === C1 to C5: context under concurrency.

/// How old a snapshot was when it was read.
pub const SNAPSHOT_STALENESS: Signal = Signal {
    otel_name: "concurrency.snapshot.staleness",
    unit: "s",
    name: "concurrency_snapshot_staleness_seconds",
    kind: Kind::Histogram,
    labels: &["source", "band"],
    help: "How old a snapshot was when it was read.",
};

/// The time that a snapshot's content stands for.
pub const SNAPSHOT_AS_OF_TIMESTAMP: Signal = Signal {
    otel_name: "concurrency.snapshot.as_of_timestamp",
    unit: "s",
    name: "concurrency_snapshot_as_of_timestamp_seconds",
    kind: Kind::Gauge,
    labels: &["source"],
    help: "The time that a snapshot's content stands for.",
};

/// How long committed state took to become readable.
pub const PROPAGATION: Signal = Signal {
    otel_name: "concurrency.propagation",
    unit: "s",
    name: "concurrency_propagation_seconds",
    kind: Kind::Histogram,
    labels: &["store", "band"],
    help: "How long committed state took to become readable.",
};

/// Age of the oldest committed state that isn't readable yet.
pub const PROPAGATION_OLDEST_UNSEEN: Signal = Signal {
    otel_name: "concurrency.propagation.oldest_unseen",
    unit: "s",
    name: "concurrency_propagation_oldest_unseen_seconds",
    kind: Kind::Gauge,
    labels: &["store"],
    help: "Age of the oldest committed state that isn't readable yet.",
};

/// Why a prober couldn't say what a store shows.
pub const PROBER_ERRORS: Signal = Signal {
    otel_name: "concurrency.prober.errors",
    unit: "{error}",
    name: "concurrency_prober_errors",
    kind: Kind::Counter,
    labels: &["store", "reason"],
    help: "Why a prober couldn't say what a store shows.",
};

/// Decisions between their begin and their end.
pub const DECISION_IN_FLIGHT: Signal = Signal {
    otel_name: "concurrency.decision.in_flight",
    unit: "{decision}",
    name: "concurrency_decision_in_flight",
    kind: Kind::Level,
    labels: &["decision"],
    help: "Decisions between their begin and their end.",
};

/// Upper bound of the staleness of what a decision read, at its commit.
pub const DECISION_STALENESS: Signal = Signal {
    otel_name: "concurrency.decision.staleness",
    unit: "s",
    name: "concurrency_decision_staleness_seconds",
    kind: Kind::Histogram,
    labels: &["decision", "band"],
    help: "Upper bound of the staleness of what a decision read, at its commit.",
};

/// Spread between the sources that one decision read.
pub const DECISION_SPREAD: Signal = Signal {
    otel_name: "concurrency.decision.spread",
    unit: "s",
    name: "concurrency_decision_spread_seconds",
    kind: Kind::Histogram,
    labels: &["decision", "band"],
    help: "Spread between the sources that one decision read.",
};

/// Least time by which a decision's sources never existed at one instant.
pub const DECISION_COHERENCE_GAP: Signal = Signal {
    otel_name: "concurrency.decision.coherence_gap",
    unit: "s",
    name: "concurrency_decision_coherence_gap_seconds",
    kind: Kind::Histogram,
    labels: &["decision", "band"],
    help: "Least time by which a decision's sources never existed at one instant.",
};

/// Decisions whose staleness isn't known.
pub const DECISION_STALENESS_UNKNOWN: Signal = Signal {
    otel_name: "concurrency.decision.staleness_unknown",
    unit: "{decision}",
    name: "concurrency_decision_staleness_unknown",
    kind: Kind::Counter,
    labels: &["decision", "band"],
    help: "Decisions whose staleness isn't known.",
};

/// Decisions by outcome and verdict.
pub const DECISIONS: Signal = Signal {
    otel_name: "concurrency.decisions",
    unit: "{decision}",
    name: "concurrency_decisions",
    kind: Kind::Counter,
    labels: &["decision", "band", "outcome", "verdict"],
    help: "Decisions by outcome and verdict.",
};

/// Commits on a snapshot that another commit had overtaken.
pub const STALE_COMMITS: Signal = Signal {
    otel_name: "concurrency.stale_commits",
    unit: "{commit}",
    name: "concurrency_stale_commits",
    kind: Kind::Counter,
    labels: &["decision"],
    help: "Commits on a snapshot that another commit had overtaken.",
};

/// Commits beyond what a serial order would have allowed.
pub const CONFLICT_EXCESS: Signal = Signal {
    otel_name: "concurrency.conflict_excess",
    unit: "{commit}",
    name: "concurrency_conflict_excess",
    kind: Kind::Counter,
    labels: &["decision"],
    help: "Commits beyond what a serial order would have allowed.",
};

/// What decisions were told that can't be so, or can't be judged, by reason.
pub const DECISION_ERRORS: Signal = Signal {
    otel_name: "concurrency.decision.errors",
    unit: "{error}",
    name: "concurrency_decision_errors",
    kind: Kind::Counter,
    labels: &["decision", "reason"],
    help: "What decisions were told that can't be so, or can't be judged, by reason.",
};

// === R1 to R3: rebuilds, leases, stale serving.

/// Calls to a guarded rebuild: leader, follower, fallback, abandoned.
pub const REBUILD_CALLS: Signal = Signal {
    otel_name: "concurrency.rebuild.calls",
    unit: "{call}",
    name: "concurrency_rebuild_calls",
    kind: Kind::Counter,
    labels: &["cache", "role"],
    help: "Calls to a guarded rebuild: leader, follower, fallback, abandoned.",
};

/// Calls that wait for a rebuild.
pub const REBUILD_WAITERS: Signal = Signal {
    otel_name: "concurrency.rebuild.waiters",
    unit: "{call}",
    name: "concurrency_rebuild_waiters",
    kind: Kind::Level,
    labels: &["cache"],
    help: "Calls that wait for a rebuild.",
};

/// How long rebuilds took.
pub const REBUILD: Signal = Signal {
    otel_name: "concurrency.rebuild",
    unit: "s",
    name: "concurrency_rebuild_seconds",
    kind: Kind::Histogram,
    labels: &["cache", "outcome"],
    help: "How long rebuilds took.",
};

/// Share of the last rebuilds that took longer than their lease lasts by itself.
pub const REBUILD_OUTLASTING_LEASE: Signal = Signal {
    otel_name: "concurrency.rebuild.outlasting_lease",
    unit: "1",
    name: "concurrency_rebuild_outlasting_lease_ratio",
    kind: Kind::Gauge,
    labels: &["cache"],
    help: "Share of the last rebuilds that took longer than their lease lasts by itself.",
};

/// Time to live that at most one rebuild in 100 outlasts, with 95 % confidence.
pub const REBUILD_LEASE_TTL_SUGGESTED: Signal = Signal {
    otel_name: "concurrency.rebuild.lease_ttl_suggested",
    unit: "s",
    name: "concurrency_rebuild_lease_ttl_suggested_seconds",
    kind: Kind::Gauge,
    labels: &["cache"],
    help: "Time to live that at most one rebuild in 100 outlasts, with 95 % confidence.",
};

/// Followers per flight.
pub const REBUILD_HERD: Signal = Signal {
    otel_name: "concurrency.rebuild.herd",
    unit: "{call}",
    name: "concurrency_rebuild_herd",
    kind: Kind::Histogram,
    labels: &["cache"],
    help: "Followers per flight.",
};

/// Writes of rebuilt values: first, duplicate, regressed, refused.
pub const REBUILD_WRITES: Signal = Signal {
    otel_name: "concurrency.rebuild.writes",
    unit: "{write}",
    name: "concurrency_rebuild_writes",
    kind: Kind::Counter,
    labels: &["cache", "result", "fenced"],
    help: "Writes of rebuilt values: first, duplicate, regressed, refused.",
};

/// Cache look-ups: hit, stale, miss, error.
pub const CACHE_LOOKUPS: Signal = Signal {
    otel_name: "concurrency.cache.lookups",
    unit: "{lookup}",
    name: "concurrency_cache_lookups",
    kind: Kind::Counter,
    labels: &["cache", "result"],
    help: "Cache look-ups: hit, stale, miss, error.",
};

/// What went wrong around a cache while its service went on.
pub const CACHE_FAULTS: Signal = Signal {
    otel_name: "concurrency.cache.faults",
    unit: "{fault}",
    name: "concurrency_cache_faults",
    kind: Kind::Counter,
    labels: &["cache", "fault"],
    help: "What went wrong around a cache while its service went on.",
};

/// How long callers waited for a lease.
pub const LEASE_WAIT: Signal = Signal {
    otel_name: "concurrency.lease.wait",
    unit: "s",
    name: "concurrency_lease_wait_seconds",
    kind: Kind::Histogram,
    labels: &["lease"],
    help: "How long callers waited for a lease.",
};

/// How long leases were held.
pub const LEASE_HOLD: Signal = Signal {
    otel_name: "concurrency.lease.hold",
    unit: "s",
    name: "concurrency_lease_hold_seconds",
    kind: Kind::Histogram,
    labels: &["lease"],
    help: "How long leases were held.",
};

/// Time to live that was left when a lease was released.
pub const LEASE_MARGIN: Signal = Signal {
    otel_name: "concurrency.lease.margin",
    unit: "s",
    name: "concurrency_lease_margin_seconds",
    kind: Kind::Histogram,
    labels: &["lease"],
    help: "Time to live that was left when a lease was released.",
};

/// How late a lost lease was noticed.
pub const LEASE_OVERRUN: Signal = Signal {
    otel_name: "concurrency.lease.overrun",
    unit: "s",
    name: "concurrency_lease_overrun_seconds",
    kind: Kind::Histogram,
    labels: &["lease"],
    help: "How late a lost lease was noticed.",
};

/// Leases that were lost, by where it was seen: renewal, release, write.
pub const LEASE_LOST: Signal = Signal {
    otel_name: "concurrency.lease.lost",
    unit: "{lease}",
    name: "concurrency_lease_lost",
    kind: Kind::Counter,
    labels: &["lease", "seen"],
    help: "Leases that were lost, by where it was seen: renewal, release, write.",
};

/// Lease renewals.
pub const LEASE_RENEWALS: Signal = Signal {
    otel_name: "concurrency.lease.renewals",
    unit: "{renewal}",
    name: "concurrency_lease_renewals",
    kind: Kind::Counter,
    labels: &["lease", "result"],
    help: "Lease renewals.",
};

/// The last fencing token.
pub const LEASE_FENCING_TOKEN: Signal = Signal {
    otel_name: "concurrency.lease.fencing_token",
    unit: "{token}",
    name: "concurrency_lease_fencing_token",
    kind: Kind::Gauge,
    labels: &["lease"],
    help: "The last fencing token.",
};

/// Responses served from a stale value.
pub const STALE_SERVED: Signal = Signal {
    otel_name: "concurrency.stale_served",
    unit: "{response}",
    name: "concurrency_stale_served",
    kind: Kind::Counter,
    labels: &["cache"],
    help: "Responses served from a stale value.",
};

/// Age of the stale values that were served.
pub const STALE_SERVED_AGE: Signal = Signal {
    otel_name: "concurrency.stale_served.age",
    unit: "s",
    name: "concurrency_stale_served_age_seconds",
    kind: Kind::Histogram,
    labels: &["cache"],
    help: "Age of the stale values that were served.",
};
