//! The machine as a whole.

use super::{PANEL, Panel, Thresholds, Unit, View, catalog, ratio, sample, select};

pub(super) fn host() -> Vec<Panel> {
    let load = PANEL.max_by("minutes", &select(&catalog::HOST_LOAD_AVERAGE));
    let memory = |state| {
        let matcher = format!("state={state:?}");
        PANEL.sum_by("instance", &PANEL.select(&sample(&catalog::HOST_MEMORY), &matcher))
    };
    let stalled = PANEL.rate(&sample(&catalog::HOST_PRESSURE), "");
    [
        Panel::new(
            View::Lines,
            Unit::Ratio,
            "Processors busy",
            "Part of all processors that was busy between two looks.",
        )
        .query("{{job}} {{instance}}", PANEL.max_by("instance", &select(&catalog::HOST_CPU_BUSY)))
        .thresholds(Thresholds::Rising(0.7, 0.9)),
        Panel::new(
            View::Lines,
            Unit::Count,
            "Load",
            "Threads that run or want to, averaged over minutes; dashed is the number of processors. On \
             Linux those that wait for a device count too.",
        )
        .query("{{job}} {{minutes}} min", load)
        .bound(
            "{{job}} {{instance}} processors",
            PANEL.max_by("instance", &select(&catalog::HOST_CPUS)),
        ),
        Panel::new(
            View::Lines,
            Unit::Ratio,
            "Memory that can be had",
            "Part of the memory that programs can still get without swapping.",
        )
        .query("{{job}} {{instance}}", ratio(&memory("available"), &memory("total")))
        .thresholds(Thresholds::Falling(0.05, 0.1)),
        Panel::new(
            View::Lines,
            Unit::Ratio,
            "Pressure",
            "Part of the time in which some, or all, tasks of the machine stood still for want of a \
             processor, memory or a device.",
        )
        .query(
            "{{job}} {{instance}} {{resource}} {{stalled}}",
            PANEL.max_by("instance, resource, stalled", &stalled),
        )
        .thresholds(Thresholds::Rising(0.1, 0.25)),
    ]
    .map(|panel| panel.width(6))
    .into()
}
