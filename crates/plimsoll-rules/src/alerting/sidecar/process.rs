//! Alerts about processes, as the kernel shows them.

use super::gauge;
use crate::alerting::signals::cause;
use crate::promql::{self, RULE};
use crate::rule::Alert;
use plimsoll_model::{LevelPart, catalog};

/// How long a thread may wait for a lock without running.
const LOCK_WAIT_S_MAX: u32 = 30;
/// How much of its limit of open files a process may use.
const FILES_USED_RATIO_MAX: f64 = 0.9;
/// How much of the time an accept queue may be full: whoever comes then is sent away.
const ACCEPT_QUEUE_FULL_RATIO_MAX: f64 = 0.01;
/// How many connections may be lost in five minutes: those of a short burst are tried again.
const LOST_MAX: u32 = 30;
/// How many periods may be used up, as the Kubernetes mixin has it.
const THROTTLED_RATIO_MAX: f64 = 0.25;
/// How much of the time all tasks may stand still.
const PRESSURE_RATIO_MAX: f64 = 0.25;

pub(super) fn alerts() -> Vec<Alert> {
    vec![
        deadlock(),
        lock_stuck(),
        lock_convoy(),
        files_near_limit(),
        accept_queue_full(),
        connections_lost(),
        throttled(),
        pressure_high(),
    ]
}

/// Two looks have agreed on it already; a minute more leaves out those that a timeout ends.
fn deadlock() -> Alert {
    let cycles = gauge(&catalog::PROCESS_WAIT_CYCLES);
    cause("ConcurrencyProcessDeadlock", format!("{cycles} > 0")).pending_for("1m").says(
        "Threads of a process wait for each other's locks and can never go on.",
        "{{ $labels.process }} has {{ $value | humanize }} cycles of waiting threads; \
         http://{{ $labels.instance }}/ names threads, locks and functions.",
    )
}

fn lock_stuck() -> Alert {
    let oldest = gauge(&catalog::PROCESS_LOCK_OLDEST);
    let worst = format!("max by (service, region, job, instance, process) ({oldest})");
    cause("ConcurrencyProcessLockStuck", format!("{worst} > {LOCK_WAIT_S_MAX}"))
        .pending_for("1m")
        .says(
            "A thread of a process waits for a lock that nobody gives back.",
            "A thread of {{ $labels.process }} has waited {{ $value | humanizeDuration }} for a lock \
             without running ({{ $labels.job }}, {{ $labels.instance }}).",
        )
}

fn lock_convoy() -> Alert {
    let convoys = gauge(&catalog::PROCESS_CONVOYS);
    cause("ConcurrencyProcessLockConvoy", format!("{convoys} > 0")).pending_for("5m").says(
        "Threads of a process queue for a lock all the time.",
        "{{ $value | humanize }} locks of {{ $labels.process }} have had a queue at every look for five \
         minutes ({{ $labels.job }}, {{ $labels.instance }}).",
    )
}

fn files_near_limit() -> Alert {
    let used = gauge(&catalog::PROCESS_FILES_USED);
    cause("ConcurrencyProcessFilesNearLimit", format!("{used} > {FILES_USED_RATIO_MAX}"))
        .pending_for("5m")
        .says(
            "A process has nearly as many open files as it may.",
            "A process of {{ $labels.process }} has used {{ $value | humanizePercentage }} of its limit \
             of open files ({{ $labels.job }}, {{ $labels.instance }}).",
        )
}

fn accept_queue_full() -> Alert {
    let full = promql::level(&catalog::PROCESS_ACCEPT_QUEUE, LevelPart::Saturated);
    let full = RULE.rate(&full, "");
    cause("ConcurrencyAcceptQueueFull", format!("{full} > {ACCEPT_QUEUE_FULL_RATIO_MAX}"))
        .pending_for("2m")
        .says(
            "A process doesn't take its connections, and their queue is full.",
            "The accept queue of port {{ $labels.port }} of {{ $labels.process }} was full for \
             {{ $value | humanizePercentage }} of the last five minutes ({{ $labels.job }}, \
             {{ $labels.instance }}).",
        )
}

fn connections_lost() -> Alert {
    let lost = RULE.increase(&promql::sample(&catalog::PROCESS_LISTEN_OVERFLOWS));
    cause("ConcurrencyConnectionsLost", format!("{lost} > {LOST_MAX}")).pending_for("1m").says(
        "Connections are lost because an accept queue is full.",
        "{{ $value | humanize }} connections found an accept queue full within five minutes, at \
         {{ $labels.process }} or another listener of its network namespace ({{ $labels.job }}, \
         {{ $labels.instance }}).",
    )
}

fn throttled() -> Alert {
    let periods = promql::sample(&catalog::PROCESS_PERIODS);
    let throttled = RULE.sum_rate("instance, process", &periods, r#"throttled="yes""#);
    let all = RULE.sum_rate("instance, process", &periods, "");
    let ratio = promql::ratio(&throttled, &all);
    cause("ConcurrencyProcessThrottled", format!("{ratio} > {THROTTLED_RATIO_MAX}"))
        .pending_for("10m")
        .says(
            "A process stands still at its processor limit again and again.",
            "{{ $labels.process }} used up its processor limit in {{ $value | humanizePercentage }} of \
             the periods ({{ $labels.job }}, {{ $labels.instance }}).",
        )
}

/// A device is left out: one job that reads a disk from end to end waits for it all the time.
fn pressure_high() -> Alert {
    let stalled = promql::sample(&catalog::PROCESS_PRESSURE);
    let stalled = RULE.rate(&stalled, r#"stalled="full",resource!="io""#);
    cause("ConcurrencyProcessPressureHigh", format!("{stalled} > {PRESSURE_RATIO_MAX}"))
        .pending_for("10m")
        .says(
            "All of a process stands still for want of a processor or memory.",
            "Every task of {{ $labels.process }} waited for {{ $labels.resource }} for \
             {{ $value | humanizePercentage }} of the last five minutes ({{ $labels.job }}, \
             {{ $labels.instance }}).",
        )
}
