//! The machinery: the async runtime, the recorder, the daemon and the process they live in.

use crate::dashboard::panel::{Panel, Thresholds, Unit, View};
use crate::promql::{PANEL, ratio, sample};
use plimsoll_model::{Signal, catalog};

pub(super) fn runtime() -> Vec<Panel> {
    let workers = PANEL.sum_by("runtime", &select(&catalog::RUNTIME_WORKERS));
    let busy = PANEL.sum_rate("runtime", &sample(&catalog::RUNTIME_BUSY), "");
    let queued = PANEL.select(&sample(&catalog::RUNTIME_QUEUE_DEPTH), r#"queue="global""#);
    vec![
        Panel::new(
            View::Lines,
            Unit::Ratio,
            "Busy workers",
            "Part of the time that the runtime's workers spent running tasks. Near 100 % every \
             task waits for a worker, whatever it does itself.",
        )
        .query("{{job}} {{runtime}}", ratio(&busy, &workers))
        .thresholds(Thresholds::Rising(0.7, 0.9)),
        Panel::new(
            View::Lines,
            Unit::Count,
            "Tasks in the global queue",
            "Tasks that are ready and that no worker has taken yet.",
        )
        .query("{{job}} {{runtime}}", PANEL.sum_by("runtime", &queued)),
        Panel::new(
            View::Lines,
            Unit::Count,
            "Workers",
            "Worker threads of the runtime: what one is enough for, a blocking call takes whole.",
        )
        .query("{{job}} {{runtime}}", workers),
    ]
}

pub(super) fn recorder() -> Vec<Panel> {
    let mut panels = exactness();
    panels.push(verdicts());
    panels.push(notifications());
    panels.extend(process());
    panels
}

fn exactness() -> Vec<Panel> {
    let residual = format!("abs({})", select(&catalog::LITTLE_RESIDUAL));
    vec![
        Panel::new(
            View::Lines,
            Unit::Ratio,
            "Inexact time",
            "Part of the time in which the recorder had to give up exactness. Zero is normal.",
        )
        .query("{{job}} {{instance}}", PANEL.rate(&sample(&catalog::INEXACT), ""))
        .thresholds(Thresholds::Rising(0.001, 0.01))
        .runbook("PlimsollRecorderInexact"),
        Panel::new(
            View::Lines,
            Unit::Seconds,
            "Age of the values",
            "How far the instant that a scrape shows lies behind the scrape.",
        )
        .query("{{job}} {{instance}}", select(&catalog::WATERMARK_AGE))
        .thresholds(Thresholds::Rising(1.0, 5.0))
        .runbook("PlimsollRecorderLate"),
        Panel::new(
            View::Lines,
            Unit::Seconds,
            "Little's-law residual",
            "Time at a level that no completed or live operation accounts for. What grows is a \
             leaked guard.",
        )
        .query("{{job}} {{instance}} {{level}}", residual)
        .thresholds(Thresholds::Rising(0.1, 1.0))
        .runbook("PlimsollGuardLeak"),
        Panel::new(
            View::Lines,
            Unit::Seconds,
            "Cost of an observation",
            "What the recorder itself costs, measured by itself.",
        )
        .query("{{job}} {{instance}}", select(&catalog::OBSERVATION_COST)),
        Panel::new(
            View::Lines,
            Unit::Seconds,
            "Clock error",
            "How far apart two threads' stamps of one instant can be: the order of closer edges \
             isn't claimed.",
        )
        .query("{{job}} {{instance}}", select(&catalog::CLOCK_ERROR)),
        Panel::new(
            View::Lines,
            Unit::PerSecond,
            "Clock skew",
            "Negative ages per second that were clamped to zero, because a time stamp lay in the \
             future.",
        )
        .query("{{job}} {{instance}}", PANEL.rate(&sample(&catalog::CLOCK_SKEW), ""))
        .runbook("PlimsollClockSkew"),
    ]
}

fn verdicts() -> Panel {
    let counted = PANEL.sum_rate("service, slo, verdict", &sample(&catalog::SLO_EVENTS), "");
    Panel::new(
        View::Lines,
        Unit::PerSecond,
        "Verdicts",
        "What the daemon counted as good, bad and unknown per second: events, or milliseconds \
         where the SLI is a time.",
    )
    .query("{{service}} {{slo}} {{verdict}}", counted)
}

fn notifications() -> Panel {
    let sent = PANEL.sum_rate("sink, result", &sample(&catalog::NOTIFICATIONS), "");
    Panel::new(
        View::Lines,
        Unit::PerSecond,
        "Notifications",
        "What the daemon sent per second, by sink and result. Nothing without a receiver.",
    )
    .query("{{sink}} {{result}}", sent)
    .runbook("PlimsollNotificationsFailing")
    .width(6)
}

fn process() -> Vec<Panel> {
    let cpu = PANEL.rate(&sample(&catalog::PROCESS_CPU), "");
    [
        (
            Unit::SecondsPerSecond,
            "CPU",
            "Seconds of CPU time per second: how many cores the process keeps busy.",
            cpu,
        ),
        (
            Unit::Bytes,
            "Memory",
            "Resident memory of the process.",
            select(&catalog::PROCESS_RESIDENT_MEMORY),
        ),
        (Unit::Count, "Open files", "File descriptors in use.", select(&catalog::PROCESS_OPEN_FDS)),
    ]
    .into_iter()
    .map(|(unit, title, description, expr)| {
        Panel::new(View::Lines, unit, title, description)
            .query("{{job}} {{instance}}", expr)
            .width(6)
    })
    .collect()
}

fn select(gauge: &Signal) -> String {
    PANEL.select(&sample(gauge), "")
}
