//! Alerts about the concurrency signals of a service: causes, each of them a ticket.
//!
//! The thresholds are defaults for a service that answers people. Who knows better has an SLO.

use super::alert;
use crate::promql::{self, RULE, Scope};
use crate::recording;
use crate::rule::Alert;
use plimsoll_model::{Signal, catalog};

/// How much of the time an operation may spend at its concurrency limit.
const LIMIT_SATURATED_RATIO_MAX: f64 = 0.1;
/// How much of the time a queue may be full: whoever comes then is turned away or blocked.
const QUEUE_SATURATED_RATIO_MAX: f64 = 0.01;
/// How much of the time a pool may be used up; a pool is meant to be used, so it is the most.
const POOL_SATURATED_RATIO_MAX: f64 = 0.25;
/// How long one in a hundred acquisitions of a lock may wait.
const LOCK_WAIT_P99_S_MAX: f64 = 0.05;
/// How long the luckiest message may wait: a queue that never empties only adds delay.
const QUEUE_WAIT_MIN_S_MAX: f64 = 0.1;
/// How far a consumer may be behind.
const CONSUMER_LAG_S_MAX: u32 = 30;
/// How old a snapshot may be.
const SNAPSHOT_AGE_S_MAX: u32 = 30;

pub(super) fn alerts() -> Vec<Alert> {
    vec![
        limit_saturated(),
        queue_saturated(),
        pool_saturated(),
        queue_standing(),
        lock_wait_high(),
        deadlock(),
        backpressure_sustained(),
        consumer_lag_high(),
        consumer_stalled(),
        snapshot_stale(),
    ]
}

/// Starts the alert of a cause.
pub(super) fn cause(name: &str, expr: String) -> Alert {
    alert(name, "ticket", expr)
}

fn saturated(name: &str, signal: &Signal, label: &str, ratio_max: f64) -> Alert {
    cause(name, format!("{} > {ratio_max}", recording::saturated(signal, label))).pending_for("5m")
}

fn limit_saturated() -> Alert {
    saturated(
        "ConcurrencyLimitSaturated",
        &catalog::IN_FLIGHT,
        "operation",
        LIMIT_SATURATED_RATIO_MAX,
    )
    .says(
        "An operation spends much of its time at its concurrency limit.",
        "{{ $labels.operation }} of {{ $labels.job }} ({{ $labels.instance }}) was at its \
         limit for {{ $value | humanizePercentage }} of the last five minutes.",
    )
}

fn queue_saturated() -> Alert {
    saturated(
        "ConcurrencyQueueSaturated",
        &catalog::QUEUE_DEPTH,
        "queue",
        QUEUE_SATURATED_RATIO_MAX,
    )
    .says(
        "A queue is full: producers wait or are turned away.",
        "Queue {{ $labels.queue }} of {{ $labels.job }} ({{ $labels.instance }}) was full \
         for {{ $value | humanizePercentage }} of the last five minutes.",
    )
}

fn pool_saturated() -> Alert {
    saturated("ConcurrencyPoolSaturated", &catalog::POOL_IN_USE, "pool", POOL_SATURATED_RATIO_MAX)
        .says(
            "A pool is used up much of the time.",
            "Every resource of pool {{ $labels.pool }} of {{ $labels.job }} \
             ({{ $labels.instance }}) was in use for {{ $value | humanizePercentage }} of the \
             last five minutes.",
        )
}

fn queue_standing() -> Alert {
    let wait = promql::sample(&catalog::QUEUE_WAIT_MIN);
    cause("ConcurrencyQueueStanding", format!("{wait} > {QUEUE_WAIT_MIN_S_MAX}"))
        .pending_for("5m")
        .says(
            "A queue never empties, so it adds delay to every message and absorbs no burst.",
            "Even the luckiest message in queue {{ $labels.queue }} of {{ $labels.job }} \
             ({{ $labels.instance }}) waited {{ $value | humanizeDuration }}.",
        )
}

fn lock_wait_high() -> Alert {
    cause(
        "ConcurrencyLockWaitHigh",
        format!("{} > {LOCK_WAIT_P99_S_MAX}", recording::lock_wait_p99()),
    )
    .pending_for("5m")
    .says(
        "Acquisitions of a lock wait long.",
        "One in a hundred acquisitions of lock {{ $labels.lock }} of {{ $labels.job }} \
         ({{ $labels.instance }}) waits longer than {{ $value | humanizeDuration }}.",
    )
}

/// The process itself has seen the same waits twice; a minute more leaves out those that a timeout ends.
fn deadlock() -> Alert {
    let cycles = promql::sample(&catalog::WAIT_CYCLES);
    cause("ConcurrencyDeadlock", format!("{cycles} > 0")).pending_for("1m").says(
        "Tasks or threads wait for each other and can never go on.",
        "{{ $labels.job }} ({{ $labels.instance }}) has {{ $value | humanize }} cycles of waits, \
         kind {{ $labels.kind }}; /debug/cycles on its admin port names them.",
    )
}

fn backpressure_sustained() -> Alert {
    cause("ConcurrencyBackpressureSustained", format!("{} > 0", recording::backpressure_rate()))
        .pending_for("10m")
        .says(
            "Work has been pushed back without a pause.",
            "{{ $labels.source }} of {{ $labels.job }} ({{ $labels.instance }}) pushes back \
             {{ $value | humanize }} times per second, reason {{ $labels.reason }}.",
        )
}

fn consumer_lag_high() -> Alert {
    let lag = promql::sample(&catalog::CONSUMER_LAG_TIME);
    cause("ConcurrencyConsumerLagHigh", format!("{lag} > {CONSUMER_LAG_S_MAX}"))
        .pending_for("2m")
        .says(
            "A consumer is far behind.",
            "Group {{ $labels.group }} is {{ $value | humanizeDuration }} behind on \
             {{ $labels.topic }}, partition {{ $labels.partition }} ({{ $labels.job }}, \
             {{ $labels.instance }}).",
        )
}

/// Works without a threshold: whoever has work and does none has stalled. The range is short, so
/// that what was consumed before doesn't hide it for long.
fn consumer_stalled() -> Alert {
    let lag = promql::sample(&catalog::CONSUMER_LAG);
    let recently = Scope { range: "2m", ..RULE };
    let consumed = recently.rate(&promql::sample(&catalog::MESSAGES_CONSUMED), "");
    cause("ConcurrencyConsumerStalled", format!("{lag} > 0 and {consumed} == 0"))
        .pending_for("2m")
        .says(
            "A consumer has messages to read and reads none.",
            "Group {{ $labels.group }} has {{ $value | humanize }} messages of \
             {{ $labels.topic }}, partition {{ $labels.partition }}, before it and consumed none \
             in two minutes ({{ $labels.job }}, {{ $labels.instance }}).",
        )
}

/// The age at the scrape, not at the evaluation, so that a slow scrape isn't a stale snapshot.
fn snapshot_stale() -> Alert {
    let as_of = promql::sample(&catalog::SNAPSHOT_AS_OF_TIMESTAMP);
    cause(
        "ConcurrencySnapshotStale",
        format!("timestamp({as_of}) - {as_of} > {SNAPSHOT_AGE_S_MAX}"),
    )
    .pending_for("2m")
    .says(
        "A snapshot that decisions are made on has not been renewed.",
        "Snapshot {{ $labels.source }} of {{ $labels.job }} ({{ $labels.instance }}) is \
         {{ $value | humanizeDuration }} old.",
    )
}
