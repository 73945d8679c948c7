//! The board of who answers for a service: are the promises kept, and is there room?

use super::levels::{self, OPERATIONS};
use super::panel::{Panel, Thresholds, Unit, View};
use super::{Dashboard, Jobs, Section};
use crate::promql::{PANEL, SLO_PANEL, part_of, ratio, sample};
use plimsoll_model::catalog;

pub(super) fn dashboard() -> Dashboard {
    Dashboard {
        uid: "plimsoll-executive",
        title: "Plimsoll / Executive",
        description: "Whether the promises are kept, how much concurrency there is, and how much \
                      room is left.",
        from: "now-24h",
        jobs: Jobs::Recorders,
        sections: vec![
            Section {
                title: "Promises now",
                panels: vec![alerts_firing(), budgets_now(), promises()],
            },
            Section {
                title: "Global concurrency",
                panels: vec![
                    concurrency().width(6),
                    throughput().width(6),
                    success().width(6),
                    validity().width(6),
                ],
            },
            Section { title: "SLIs and budgets", panels: vec![error_ratio(), burn(), budget()] },
            Section {
                title: "Capacity",
                panels: vec![levels::use_of_limits().width(12), levels::time_at_limits().width(12)],
            },
            Section { title: "Incidents", panels: vec![incidents(), alerts()] },
        ],
    }
}

fn alerts_firing() -> Panel {
    let firing = SLO_PANEL.select(&sample(&catalog::SLO_ALERT_FIRING), "");
    Panel::new(
        View::Stat,
        Unit::Count,
        "SLO alerts firing",
        "How many SLOs page, have a ticket or a notice now. A promise that isn't alerting \
         can still have spent its budget: see the bars beside.",
    )
    .query("{{severity}}", format!("sum by (severity) ({firing})"))
    .thresholds(Thresholds::Rising(1.0, 1.0))
    .runbook("SloPage")
    .width(6)
}

fn budgets_now() -> Panel {
    Panel::new(
        View::Bars,
        Unit::Ratio,
        "Error budget left",
        "Part of the error budget of the whole period that is left, at worst: what isn't \
         known counts as bad. Below zero the promise is broken.",
    )
    .query("{{service}} {{slo}}", budget_left("low"))
    .thresholds(Thresholds::Falling(0.0, 0.25))
    .width(9)
}

fn promises() -> Panel {
    let objective = SLO_PANEL.max_by("", &SLO_PANEL.select(&sample(&catalog::SLO_OBJECTIVE), ""));
    let coverage = SLO_PANEL.select(&sample(&catalog::SLO_COVERAGE), "");
    Panel::new(
        View::Table,
        Unit::Ratio,
        "Promises",
        "Each SLO with its objective, the budget left at worst and at best, and how much of \
         the time of its least known window is known at all.",
    )
    .query("Objective", objective)
    .query("Budget left, at worst", budget_left("low"))
    .query("Budget left, at best", budget_left("high"))
    .query("Known", format!("min by (service, slo) ({coverage})"))
    .width(9)
}

fn concurrency() -> Panel {
    Panel::new(
        View::Stacked,
        Unit::Count,
        "Operations in flight",
        "Exact mean of the operations in flight over each interval, added up over all \
         instances of a job.",
    )
    .query(&OPERATIONS.legend(""), OPERATIONS.mean())
}

fn throughput() -> Panel {
    Panel::new(
        View::Stacked,
        Unit::PerSecond,
        "Operations per second",
        "Operations that ended, by outcome. Cancelled, timed-out and panicked ones are in it.",
    )
    .query(
        "{{outcome}}",
        format!("sum by (outcome) ({})", PANEL.rate(&sample(&catalog::OPERATIONS), "")),
    )
}

fn success() -> Panel {
    let operations = sample(&catalog::OPERATIONS);
    let good = PANEL.sum_rate("operation", &operations, r#"outcome="ok""#);
    let all = PANEL.sum_rate("operation", &operations, "");
    Panel::new(
        View::Lines,
        Unit::Ratio,
        "Success",
        "Part of the operations that ended well. An idle operation shows nothing.",
    )
    .query(&OPERATIONS.legend(""), part_of(&good, &all))
    .thresholds(Thresholds::Falling(0.99, 0.999))
}

/// Two numbers, because what isn't known is neither: at worst it is invalid, at best valid.
fn validity() -> Panel {
    let decisions = sample(&catalog::DECISIONS);
    let rate = |matchers| PANEL.sum_rate("decision", &decisions, matchers);
    let all = rate(r#"outcome="committed""#);
    let not_invalid = rate(r#"outcome="committed",verdict!="invalid""#);
    Panel::new(
        View::Stat,
        Unit::Ratio,
        "Decisions on valid context",
        "Part of the committed decisions whose context was still good: at worst what isn't known \
         counts as invalid, at best as valid. The two part by what is unknown.",
    )
    .query("{{job}} {{decision}} at worst", ratio(&rate(r#"verdict="valid""#), &all))
    .query("{{job}} {{decision}} at best", ratio(&not_invalid, &all))
    .thresholds(Thresholds::Falling(0.99, 0.999))
    .runbook("ConcurrencyDecisionsInvalid")
}

fn error_ratio() -> Panel {
    let error = SLO_PANEL.select(&sample(&catalog::SLO_ERROR), r#"bound="low""#);
    Panel::new(
        View::Lines,
        Unit::Ratio,
        "Bad part of all events",
        "What the SLIs measure: the bad part of all events in each window of an SLO, at \
         best. Unknown time isn't counted as bad here.",
    )
    .query("{{service}} {{slo}} {{window}}", SLO_PANEL.max_by("window", &error))
}

fn burn() -> Panel {
    let burn = SLO_PANEL.select(&sample(&catalog::SLO_BURN_RATE), r#"bound="low""#);
    Panel::new(
        View::Lines,
        Unit::Burn,
        "Burn rate",
        "Bad part of all events over what the objective allows, in the window that burns \
         most: at 1 the budget lasts exactly its period, at 14.4 two percent of 30 days' \
         budget go in an hour.",
    )
    .query("{{service}} {{slo}}", SLO_PANEL.max_by("", &burn))
    .thresholds(Thresholds::Rising(1.0, 14.4))
    .runbook("SloPage")
}

fn budget() -> Panel {
    Panel::new(
        View::Lines,
        Unit::Ratio,
        "Error budget left over time",
        "Part of the budget that is left, at worst and at best; the two part where something \
         isn't known.",
    )
    .query("{{service}} {{slo}} at worst", budget_left("low"))
    .query("{{service}} {{slo}} at best", budget_left("high"))
    .thresholds(Thresholds::Falling(0.0, 0.25))
    .runbook("SloTicket")
}

fn incidents() -> Panel {
    let firing = SLO_PANEL.select(&sample(&catalog::SLO_ALERT_FIRING), "");
    Panel::new(
        View::Timeline,
        Unit::Firing,
        "SLO alerts over time",
        "When each SLO paged, had a ticket or a notice.",
    )
    .query("{{service}} {{slo}} {{severity}}", SLO_PANEL.max_by("severity", &firing))
    .thresholds(Thresholds::Rising(1.0, 1.0))
    .width(12)
}

fn alerts() -> Panel {
    let firing = format!("{}{{alertstate=\"firing\"}}", sample(&catalog::ALERTS));
    Panel::new(
        View::Timeline,
        Unit::Firing,
        "Alerts of Prometheus over time",
        "Every alert that this Prometheus had firing. The watchdog always is; if it is \
         missing here, the rules aren't loaded.",
    )
    .query("{{alertname}} {{service}}", format!("max by (alertname, service) ({firing})"))
    .runbook("PlimsollWatchdog")
    .width(12)
}

/// The part of an SLO that has the least left speaks for all of it.
fn budget_left(bound: &str) -> String {
    let remaining = sample(&catalog::SLO_BUDGET_REMAINING);
    let remaining = SLO_PANEL.select(&remaining, &format!("bound=\"{bound}\""));
    format!("min by (service, slo) ({remaining})")
}
