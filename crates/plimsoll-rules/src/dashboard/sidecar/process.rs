//! Processes, as the kernel shows them.

use super::{ACCEPT_QUEUES, PANEL, Panel, Thresholds, Unit, View, catalog, ratio, sample, select};

pub(super) fn threads() -> Vec<Panel> {
    let per_second = |signal| PANEL.sum_rate("process", &sample(signal), "");
    let switches = PANEL.sum_rate("process, kind", &sample(&catalog::PROCESS_CONTEXT_SWITCHES), "");
    vec![
        Panel::new(
            View::Stacked,
            Unit::Count,
            "Threads by what they do",
            "running: on a processor or ready to be; lock: behind a thread that has what they need; \
             idle: nothing to do; io, uninterruptible: for a device or a peer.",
        )
        .query(
            "{{job}} {{process}} {{state}}",
            PANEL.sum_by("process, state", &select(&catalog::PROCESS_THREADS)),
        )
        .runbook("ConcurrencyProcessLockConvoy"),
        Panel::new(
            View::Lines,
            Unit::SecondsPerSecond,
            "Processors used and waited for",
            "How many threads ran on average, and how many were ready and had no processor. More wait \
             than run: the machine or a limit is too small.",
        )
        .query("{{job}} {{process}} ran", per_second(&catalog::PROCESS_CPU_TIME))
        .query("{{job}} {{process}} waited", per_second(&catalog::PROCESS_RUN_QUEUE_WAIT))
        .runbook("ConcurrencyProcessThrottled"),
        Panel::new(
            View::Lines,
            Unit::PerSecond,
            "Context switches",
            "voluntary: a thread waited for something; involuntary: another took its processor. Many \
             voluntary ones without more work are threads that hand a lock to each other.",
        )
        .query("{{job}} {{process}} {{kind}}", switches),
    ]
}

pub(super) fn locks() -> Vec<Panel> {
    let by_process = |signal| PANEL.max_by("process", &select(signal));
    let by_rank = |signal| PANEL.max_by("process, rank", &select(signal));
    let waiting = PANEL.sum_rate("process", &sample(&catalog::PROCESS_LOCK_WAIT), "");
    vec![
        Panel::new(
            View::Lines,
            Unit::Count,
            "Deadlocks and convoys",
            "Cycles of threads that wait for each other's locks, and locks that always have a queue \
             though it moves. The sidecar's page names the threads, the locks and the functions.",
        )
        .query("{{job}} {{process}} deadlocks", by_process(&catalog::PROCESS_WAIT_CYCLES))
        .query("{{job}} {{process}} convoys", by_process(&catalog::PROCESS_CONVOYS))
        .thresholds(Thresholds::Rising(1.0, 1.0))
        .runbook("ConcurrencyProcessDeadlock"),
        Panel::new(
            View::Lines,
            Unit::Count,
            "Threads at locks",
            "Mean number of threads that wait for any lock, and how many stand before each of the five \
             locks with most, at the latest look.",
        )
        .query("{{job}} {{process}} mean", waiting)
        .query(
            "{{job}} {{process}} lock {{rank}}",
            by_rank(&catalog::PROCESS_LOCK_WAITERS),
        )
        .runbook("ConcurrencyProcessLockConvoy"),
        Panel::new(
            View::Lines,
            Unit::Seconds,
            "Longest wait at a lock",
            "For how long the longest waiter of a lock hasn't run, and for how long the lock has had a \
             queue. A wait that rises with its queue is a hog or a deadlock; a queue that stands while \
             waits stay short is a convoy.",
        )
        .query(
            "{{job}} {{process}} lock {{rank}} wait",
            by_rank(&catalog::PROCESS_LOCK_OLDEST),
        )
        .query(
            "{{job}} {{process}} lock {{rank}} queue",
            by_rank(&catalog::PROCESS_LOCK_STANDING),
        )
        .runbook("ConcurrencyProcessLockStuck"),
    ]
}

pub(super) fn files() -> Vec<Panel> {
    let losses = [
        ("overflowed", &catalog::PROCESS_LISTEN_OVERFLOWS),
        ("dropped", &catalog::PROCESS_LISTEN_DROPS),
    ];
    let lost = losses.into_iter().fold(
        Panel::new(
            View::Lines,
            Unit::PerSecond,
            "Connections lost at listeners",
            "Connections that found an accept queue full, and those dropped for whatever reason, of all \
             listeners in the same network namespace: see which queue is full beside.",
        ),
        |panel, (what, signal)| {
            let rate = PANEL.rate(&sample(signal), "");
            panel.query(&format!("{{{{job}}}} {{{{process}}}} {what}"), PANEL.max_by("process", &rate))
        },
    );
    let connections = PANEL.sum_by("process, port", &select(&catalog::PROCESS_CONNECTIONS));
    vec![
        ACCEPT_QUEUES
            .panel(
                "Accept queues",
                "Connections that the kernel has made and the process hasn't taken. It is busy \
                 elsewhere, even if its own metrics say nothing.",
            )
            .runbook("ConcurrencyAcceptQueueFull"),
        lost.runbook("ConcurrencyConnectionsLost"),
        Panel::new(View::Lines, Unit::Count, "Connections", "Established ones, by listening port.")
            .query("{{job}} {{process}} {{port}}", connections),
        Panel::new(
            View::Lines,
            Unit::Ratio,
            "Open files, of the limit",
            "Of the process that is nearest to its limit. At 100 % it can neither accept nor open.",
        )
        .query("{{job}} {{process}}", PANEL.max_by("process", &select(&catalog::PROCESS_FILES_USED)))
        .thresholds(Thresholds::Rising(0.7, 0.9))
        .runbook("ConcurrencyProcessFilesNearLimit"),
        Panel::new(
            View::Lines,
            Unit::Count,
            "Open files",
            "Descriptors of all processes of the group. What rises day after day leaks.",
        )
        .query("{{job}} {{process}}", PANEL.sum_by("process", &select(&catalog::PROCESS_FILES))),
        Panel::new(
            View::Lines,
            Unit::Count,
            "Processes",
            "Processes of the group, and starts per second after the sidecar's first look: restarts, \
             forks.",
        )
        .query("{{job}} {{process}}", PANEL.sum_by("process", &select(&catalog::PROCESS_MEMBERS)))
        .query(
            "{{job}} {{process}} starts per second",
            PANEL.sum_rate("process", &sample(&catalog::PROCESS_STARTS), ""),
        ),
    ]
}

pub(super) fn pressure() -> Vec<Panel> {
    let stalled = PANEL.rate(&sample(&catalog::PROCESS_PRESSURE), "");
    let periods = sample(&catalog::PROCESS_PERIODS);
    let throttled = PANEL.sum_rate("process", &periods, r#"throttled="yes""#);
    let all = PANEL.sum_rate("process", &periods, "");
    vec![
        Panel::new(
            View::Lines,
            Unit::Ratio,
            "Pressure",
            "Part of the time in which some, or all, tasks of the control group stood still for want of \
             a processor, memory or a device.",
        )
        .query(
            "{{job}} {{process}} {{resource}} {{stalled}}",
            PANEL.max_by("process, resource, stalled", &stalled),
        )
        .thresholds(Thresholds::Rising(0.1, 0.25))
        .runbook("ConcurrencyProcessPressureHigh"),
        Panel::new(
            View::Lines,
            Unit::Ratio,
            "Throttled periods",
            "Part of the enforcement periods in which the processor limit was used up: whoever is in \
             flight then waits for the next one, mostly 100 ms long.",
        )
        .query("{{job}} {{process}}", ratio(&throttled, &all))
        .thresholds(Thresholds::Rising(0.1, 0.25))
        .runbook("ConcurrencyProcessThrottled"),
        Panel::new(
            View::Lines,
            Unit::SecondsPerSecond,
            "Throttled time",
            "Seconds of processors per second that were withheld at the limit.",
        )
        .query(
            "{{job}} {{process}}",
            PANEL.sum_rate("process", &sample(&catalog::PROCESS_THROTTLED), ""),
        )
        .runbook("ConcurrencyProcessThrottled"),
    ]
}
