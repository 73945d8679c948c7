//! What goes through a proxy, and gauges that an amplifier reads.

use super::{
    AMPLIFIED, OPERATIONS, PANEL, Panel, Thresholds, Unit, View, catalog, ended_badly,
    http_responses, pushed_back, quantiles, sample, select,
};

pub(super) fn proxies() -> Vec<Panel> {
    let ended = PANEL.sum_rate("operation, outcome", &sample(&catalog::OPERATIONS), "");
    let connections = PANEL.sum_by("proxy, side", &select(&catalog::PROXY_CONNECTIONS));
    let refused = PANEL.sum_rate("proxy, reason", &sample(&catalog::PROXY_REFUSED), "");
    vec![
        OPERATIONS
            .panel("Requests in flight", "Requests and tunnelled connections, to the last byte.")
            .runbook("ConcurrencyLimitSaturated"),
        OPERATIONS.percentiles("Requests in flight, over time"),
        OPERATIONS.oldest(
            "Oldest request",
            "Age of the oldest that is still in flight: a stuck one shows before it ends.",
        ),
        quantiles(
            "Duration",
            "Median and tails to the last byte, of whatever outcome.",
            &catalog::OPERATION_DURATION,
            ("operation", ""),
        ),
        Panel::new(
            View::Stacked,
            Unit::PerSecond,
            "Requests per second",
            "What ended, by outcome: ok, error (a status from 500 on, or the target failed), cancelled \
             (the client left).",
        )
        .query("{{job}} {{operation}} {{outcome}}", ended),
        http_responses(),
        ended_badly(),
        pushed_back().runbook("ConcurrencyProxyShedding"),
        Panel::new(
            View::Lines,
            Unit::Count,
            "Connections",
            "Connections that are open, of clients and to the target, idle ones included.",
        )
        .query("{{job}} {{proxy}} {{side}}", connections),
        Panel::new(
            View::Lines,
            Unit::PerSecond,
            "Refused as no requests",
            "What clients sent and the proxy took for no request, by reason. It never reached the \
             target.",
        )
        .query("{{job}} {{proxy}} {{reason}}", refused)
        .width(24),
    ]
}

pub(super) fn amplified() -> Vec<Panel> {
    let largest = |signal| PANEL.max_by("collector", &select(signal));
    vec![
        AMPLIFIED.panel("Level", "Gauges of other programs, looked at many times a second."),
        AMPLIFIED.percentiles("Level over time"),
        Panel::new(
            View::Lines,
            Unit::Ratio,
            "Time at the limit",
            "Part of the time that the gauge was at its limit or above, as looks found it.",
        )
        .query(&AMPLIFIED.legend(""), AMPLIFIED.saturated_ratio())
        .thresholds(Thresholds::Rising(0.01, 0.1)),
        Panel::new(
            View::Lines,
            Unit::Seconds,
            "What may be missed",
            "Longest time between two looks within a minute: a burst shorter than this may not have \
             been seen. Dashed is the interval that was asked for; if the line stays above twice that, \
             the page is too slow or the machine too busy.",
        )
        .query("{{job}} {{collector}} longest", largest(&catalog::AMPLIFIER_UNSEEN))
        .bound("{{job}} {{collector}} interval", largest(&catalog::AMPLIFIER_INTERVAL))
        .runbook("PlimsollAmplifierBlind"),
        Panel::new(
            View::Lines,
            Unit::Ratio,
            "Time of which nothing is known",
            "Part of the time that lay between looks too far apart: it is in no level.",
        )
        .query(
            "{{job}} {{collector}}",
            PANEL.max_by("collector", &PANEL.rate(&sample(&catalog::AMPLIFIER_UNKNOWN), "")),
        )
        .thresholds(Thresholds::Rising(0.01, 0.1))
        .runbook("PlimsollAmplifierBlind"),
        Panel::new(
            View::Lines,
            Unit::Count,
            "Gauges left out",
            "Gauges of the page beyond the bound. Choose fewer by `gauges`.",
        )
        .query("{{job}} {{collector}}", largest(&catalog::AMPLIFIER_DROPPED)),
    ]
}
