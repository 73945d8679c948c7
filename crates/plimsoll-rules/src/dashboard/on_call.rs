//! The board of who is on call: what is wrong, and where?

use super::levels::{self, LOCKS, OPERATIONS, POOLS, QUEUES};
use super::panel::{Panel, Thresholds, Unit, View};
use super::{Dashboard, Jobs, Section};
use crate::promql::{PANEL, SLO_PANEL, bucket, count, part_of, sample, sum};
use plimsoll_model::catalog;

/// How many rows a "top" panel has.
const TOP: u32 = 10;

pub(super) fn dashboard() -> Dashboard {
    Dashboard {
        uid: "plimsoll-on-call",
        title: "Plimsoll / On-call",
        description: "Which SLO burns, and which operation, queue, pool or lock is at its limit.",
        from: "now-3h",
        jobs: Jobs::Recorders,
        sections: vec![
            Section { title: "What burns", panels: vec![burn(), verdicts()] },
            Section { title: "Active requests", panels: active_requests() },
            Section { title: "Queues", panels: queues() },
            Section { title: "Pools", panels: pools() },
            Section { title: "Top blocking sites", panels: locks() },
            Section { title: "Back-pressure", panels: backpressure() },
            Section { title: "Deploys", panels: deploys() },
        ],
    }
}

fn burn() -> Panel {
    let burn = SLO_PANEL.select(&sample(&catalog::SLO_BURN_RATE), r#"bound="low""#);
    Panel::new(
        View::Lines,
        Unit::Burn,
        "Burn rate by window",
        "A page needs the long and the short window of a pair over their threshold; when \
         only the short one has fallen, the fault is over and the alert resolves.",
    )
    .query("{{service}} {{slo}} {{window}}", SLO_PANEL.max_by("window", &burn))
    .thresholds(Thresholds::Rising(1.0, 14.4))
    .runbook("SloPage")
    .width(12)
}

fn verdicts() -> Panel {
    let firing = SLO_PANEL.select(&sample(&catalog::SLO_ALERT_FIRING), "");
    Panel::new(
        View::Timeline,
        Unit::Firing,
        "SLO alerts",
        "What the daemon alerts about, by severity.",
    )
    .query("{{service}} {{slo}} {{severity}}", SLO_PANEL.max_by("severity", &firing))
    .thresholds(Thresholds::Rising(1.0, 1.0))
    .runbook("SloPage")
    .width(12)
}

fn active_requests() -> Vec<Panel> {
    let operations = sample(&catalog::OPERATIONS);
    vec![
        OPERATIONS
            .panel("Active requests", "Operations in flight, by service and operation.")
            .width(12),
        levels::use_of_limits().width(12),
        Panel::new(
            View::Stacked,
            Unit::PerSecond,
            "Operations per second",
            "Operations that ended, by operation: the load.",
        )
        .query(&OPERATIONS.legend(""), PANEL.sum_rate("operation", &operations, "")),
        ended_badly(),
        OPERATIONS.oldest(
            "Oldest active request",
            "Age of the oldest operation that is still in flight: a stuck one shows before it \
             ends.",
        ),
    ]
}

/// Returns the panel of what ended otherwise than well.
pub(super) fn ended_badly() -> Panel {
    let operations = sample(&catalog::OPERATIONS);
    let failed = PANEL.sum_rate("operation, outcome", &operations, r#"outcome!="ok""#);
    Panel::new(
        View::Lines,
        Unit::PerSecond,
        "Operations that didn't end well",
        "Errors, cancellations, time-outs and panics per second. Cancellations alone are often \
         callers that gave up waiting.",
    )
    .query("{{job}} {{operation}} {{outcome}}", failed)
}

fn queues() -> Vec<Panel> {
    let wait_min = PANEL.max_by("queue", &PANEL.select(&sample(&catalog::QUEUE_WAIT_MIN), ""));
    vec![
        QUEUES.panel("Queue depth", "Messages in each queue.").runbook("ConcurrencyQueueSaturated"),
        Panel::new(
            View::Lines,
            Unit::Seconds,
            "Time in queue",
            "How long messages waited: median and 99th percentile of those that left the queue.",
        )
        .query("{{job}} {{queue}} p50", PANEL.quantile(0.5, "queue", &bucket(&catalog::QUEUE_TIME)))
        .query(
            "{{job}} {{queue}} p99",
            PANEL.quantile(0.99, "queue", &bucket(&catalog::QUEUE_TIME)),
        ),
        Panel::new(
            View::Lines,
            Unit::Seconds,
            "Standing queue",
            "Least wait in the last window. A burst brings it back to zero; what stays above \
             never empties and only adds delay.",
        )
        .query("{{job}} {{queue}}", wait_min)
        .thresholds(Thresholds::Rising(0.02, 0.1))
        .runbook("ConcurrencyQueueStanding"),
    ]
}

fn pools() -> Vec<Panel> {
    let wait = bucket(&catalog::POOL_WAIT);
    vec![
        POOLS
            .panel("Pool usage", "Connections, permits or threads in use.")
            .runbook("ConcurrencyPoolSaturated"),
        Panel::new(
            View::Lines,
            Unit::Seconds,
            "Wait for a pool",
            "How long callers waited for a resource of the pool, 99th percentile by outcome.",
        )
        .query("{{job}} {{pool}} {{outcome}}", PANEL.quantile(0.99, "pool, outcome", &wait))
        .thresholds(Thresholds::Rising(0.05, 0.25))
        .runbook("ConcurrencyPoolSaturated"),
        levels::time_at_limits(),
    ]
}

fn locks() -> Vec<Panel> {
    let acquisitions = sample(&catalog::LOCK_ACQUISITIONS);
    let blocked = PANEL.sum_rate("lock", &sum(&catalog::LOCK_WAIT), "");
    let blamed = PANEL.sum_rate("lock, site", &sample(&catalog::LOCK_BLAMED), "");
    let cycles = PANEL.max_by("kind", &PANEL.select(&sample(&catalog::WAIT_CYCLES), ""));
    let contended = PANEL.sum_rate("lock", &acquisitions, r#"contended="true""#);
    let all = PANEL.sum_rate("lock", &acquisitions, "");
    vec![
        Panel::new(
            View::Bars,
            Unit::SecondsPerSecond,
            "Locks that block most",
            "Seconds that tasks wait for the lock in each second: how many are blocked by it on \
             average. The worst ten.",
        )
        .query("{{job}} {{lock}}", format!("topk({TOP}, {blocked})"))
        .thresholds(Thresholds::Rising(0.5, 2.0))
        .runbook("ConcurrencyLockWaitHigh"),
        Panel::new(
            View::Bars,
            Unit::SecondsPerSecond,
            "Call sites that make others wait",
            "Wait in each second, charged to the place in the source that held the lock meanwhile: \
             what to fix first. The worst ten.",
        )
        .query("{{job}} {{lock}} {{site}}", format!("topk({TOP}, {blamed})"))
        .thresholds(Thresholds::Rising(0.5, 2.0))
        .runbook("ConcurrencyLockWaitHigh"),
        Panel::new(
            View::Lines,
            Unit::Count,
            "Tasks waiting for a lock",
            "Exact mean and peak of the tasks and threads that wait.",
        )
        .query(&LOCKS.legend("mean"), LOCKS.mean())
        .query(&LOCKS.legend("peak"), LOCKS.peak())
        .runbook("ConcurrencyLockWaitHigh"),
        Panel::new(
            View::Lines,
            Unit::Ratio,
            "Contended acquisitions",
            "Part of the acquisitions that found the lock taken.",
        )
        .query("{{job}} {{lock}}", part_of(&contended, &all))
        .thresholds(Thresholds::Rising(0.1, 0.5))
        .runbook("ConcurrencyLockWaitHigh")
        .width(12),
        Panel::new(
            View::Lines,
            Unit::Count,
            "Deadlocks",
            "Cycles of tasks and threads that wait for each other, by what they are made of. \
             /debug/cycles on the admin port names locks, call sites and tasks.",
        )
        .query("{{job}} {{kind}}", cycles)
        .thresholds(Thresholds::Rising(1.0, 1.0))
        .runbook("ConcurrencyDeadlock")
        .width(12),
    ]
}

fn backpressure() -> Vec<Panel> {
    let lag = PANEL.max_by("group, topic", &PANEL.select(&sample(&catalog::CONSUMER_LAG_TIME), ""));
    vec![
        pushed_back(),
        http_responses(),
        Panel::new(
            View::Lines,
            Unit::Seconds,
            "Consumer lag",
            "How far each consumer group is behind, of its worst partition.",
        )
        .query("{{job}} {{group}} {{topic}}", lag)
        .thresholds(Thresholds::Rising(10.0, 30.0))
        .runbook("ConcurrencyConsumerLagHigh"),
    ]
}

/// Returns the panel of what was refused.
pub(super) fn pushed_back() -> Panel {
    Panel::new(
        View::Stacked,
        Unit::PerSecond,
        "Work pushed back",
        "Refusals per second by where and why: full, shed, timeout, rate_limited, breaker.",
    )
    .query(
        "{{job}} {{source}} {{reason}}",
        PANEL.sum_rate("source, reason", &sample(&catalog::BACKPRESSURE), ""),
    )
    .runbook("ConcurrencyBackpressureSustained")
}

/// Returns the panel of what HTTP clients were answered.
pub(super) fn http_responses() -> Panel {
    let http = &catalog::HTTP_SERVER_REQUEST_DURATION;
    Panel::new(
        View::Stacked,
        Unit::PerSecond,
        "HTTP responses",
        "Responses per second by status code: what callers see of it.",
    )
    .query(
        "{{job}} {{http_response_status_code}}",
        PANEL.sum_rate("http_response_status_code", &count(http), ""),
    )
}

fn deploys() -> Vec<Panel> {
    let started = PANEL.select(&sample(&catalog::PROCESS_START_TIME), "");
    let up = PANEL.select(&sample(&catalog::UP), "");
    vec![
        Panel::new(
            View::Lines,
            Unit::Seconds,
            "Age of the processes",
            "Time since each process started. A line that falls to zero is a deploy or a \
             restart; the same instants are marked on every panel.",
        )
        .query("{{job}} {{instance}}", format!("timestamp({started}) - {started}"))
        .width(12),
        Panel::new(
            View::Timeline,
            Unit::Firing,
            "Targets that can't be scraped",
            "Green while Prometheus reaches the target, red while it doesn't.",
        )
        .query("{{job}} {{instance}}", format!("1 - {up}"))
        .thresholds(Thresholds::Rising(1.0, 1.0))
        .runbook("PlimsollTargetDown")
        .width(12),
    ]
}
