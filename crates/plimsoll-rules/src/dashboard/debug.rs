//! The board of who looks for the cause: why, in percentiles.

use super::levels::{LOCKS, OPERATIONS, POOLS, QUEUES};
use super::panel::{Panel, Thresholds, Unit, View};
use super::{Dashboard, Jobs, Section};
use crate::promql::{PANEL, bucket, part_of, sample};
use plimsoll_model::{Signal, catalog};

pub(super) mod consumers;
pub(super) mod context;
mod own;
mod rebuilds;

/// The operation that a transaction is recorded as.
const TRANSACTION: &str = r#"operation="transaction""#;

/// The quantiles of a distribution's panel, each with its legend.
const QUANTILES: [(f64, &str); 3] = [(0.5, "p50"), (0.99, "p99"), (0.999, "p99.9")];

pub(super) fn dashboard() -> Dashboard {
    Dashboard {
        uid: "plimsoll-debug",
        title: "Plimsoll / Debug",
        description: "Where the time goes: tails, locks, transactions, lag, staleness, \
                      context, rebuilds, the runtime and the recorder.",
        from: "now-1h",
        jobs: Jobs::Recorders,
        sections: vec![
            Section { title: "Tail latency", panels: tail_latency() },
            Section { title: "Locks", panels: locks() },
            Section { title: "Transactions", panels: transactions() },
            Section { title: "Levels over time", panels: levels() },
            Section { title: "Consumers", panels: consumers::lag() },
            Section { title: "Staleness", panels: consumers::staleness() },
            Section { title: "Context", panels: context::context() },
            Section { title: "Rebuilds", panels: rebuilds::rebuilds() },
            Section { title: "Runtime", panels: own::runtime() },
            Section { title: "Recorder, daemon and process", panels: own::recorder() },
        ],
    }
}

/// Returns the panel of a distribution's quantiles by `labels`.
pub(super) fn quantiles(
    title: &'static str,
    description: &str,
    histogram: &Signal,
    (labels, matchers): (&str, &str),
) -> Panel {
    let names: Vec<String> = labels.split(", ").map(|label| format!("{{{{{label}}}}}")).collect();
    QUANTILES.iter().fold(
        Panel::new(View::Lines, Unit::Seconds, title, description),
        |panel, (q, what)| {
            panel.query(
                &format!("{{{{job}}}} {} {what}", names.join(" ")),
                PANEL.quantile_of(*q, labels, &bucket(histogram), matchers),
            )
        },
    )
}

fn tail_latency() -> Vec<Panel> {
    let buckets = PANEL.rate(&bucket(&catalog::OPERATION_DURATION), "");
    vec![
        quantiles(
            "Duration of operations",
            "Median and tails, cancelled, timed-out and panicked operations included: leaving \
             them out would flatter the tail.",
            &catalog::OPERATION_DURATION,
            ("operation", ""),
        ),
        quantiles(
            "Duration of HTTP requests",
            "Median and tails by route, until the last byte of the body.",
            &catalog::HTTP_SERVER_REQUEST_DURATION,
            ("http_route", ""),
        ),
        Panel::new(
            View::Heatmap,
            Unit::Seconds,
            "Distribution of durations",
            "All operations by duration: two bands are two kinds of work, a band that rises is a \
             queue.",
        )
        .query("{{le}}", format!("sum by (le) ({buckets})")),
        Panel::new(
            View::Lines,
            Unit::Seconds,
            "Tail by outcome",
            "99th percentile by outcome: time-outs stand at their limit, cancellations at their \
             callers' patience.",
        )
        .query(
            "{{job}} {{operation}} {{outcome}}",
            PANEL.quantile(0.99, "operation, outcome", &bucket(&catalog::OPERATION_DURATION)),
        )
        .width(12),
        errors_under_load().width(12),
    ]
}

fn errors_under_load() -> Panel {
    let operations = sample(&catalog::OPERATIONS);
    let bad = PANEL.sum_rate("operation, band", &operations, r#"outcome!="ok""#);
    let all = PANEL.sum_rate("operation, band", &operations, "");
    Panel::new(
        View::Lines,
        Unit::Ratio,
        "Errors under load",
        "Part of the operations that didn't end well, by how many were in flight when they \
         entered: a line that is only high in the upper bands is a fault of concurrency.",
    )
    .query("{{job}} {{operation}} from {{band}} on", part_of(&bad, &all))
    .thresholds(Thresholds::Rising(0.001, 0.01))
}

fn locks() -> Vec<Panel> {
    vec![
        quantiles(
            "Lock wait",
            "How long acquisitions waited, by lock and mode; an uncontended one counts as zero.",
            &catalog::LOCK_WAIT,
            ("lock, mode", ""),
        )
        .runbook("ConcurrencyLockWaitHigh"),
        quantiles(
            "Contended holds",
            "How long locks were held while others waited.",
            &catalog::LOCK_HOLD,
            ("lock, mode", ""),
        )
        .runbook("ConcurrencyLockWaitHigh"),
        LOCKS.percentiles("Tasks waiting for a lock, over time"),
    ]
}

fn transactions() -> Vec<Panel> {
    let ended = PANEL.sum_rate("outcome", &sample(&catalog::OPERATIONS), TRANSACTION);
    vec![
        quantiles(
            "Transaction time",
            "From begin to commit or rollback.",
            &catalog::OPERATION_DURATION,
            ("outcome", TRANSACTION),
        )
        .width(12),
        Panel::new(
            View::Stacked,
            Unit::PerSecond,
            "Transactions per second",
            "Transactions that ended, by outcome.",
        )
        .query("{{job}} {{outcome}}", ended)
        .width(12),
    ]
}

fn levels() -> Vec<Panel> {
    let oldest = "Age of the oldest that is still in it; it rises by one second per second while \
                  one is stuck.";
    vec![
        OPERATIONS.percentiles("Active requests, over time"),
        QUEUES.percentiles("Queue depth, over time"),
        POOLS.percentiles("Pool usage, over time"),
        OPERATIONS.oldest("Oldest active request", oldest),
        QUEUES.oldest("Oldest message", oldest),
        POOLS.oldest("Oldest use of a pool", oldest),
    ]
}
