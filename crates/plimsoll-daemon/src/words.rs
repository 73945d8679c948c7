//! What an SLI measures and what an alert says, in words for a person.

use crate::notify::Facts;
use crate::view::{BandView, SloView};
use plimsoll_slo::{
    Alert, AlertName, Cause, Composite, EventsPart, LevelBound, Sli, WithinKind, length_name,
};

/// Names the kind of an SLI as the SLO file does.
pub(crate) fn sli_kind(sli: &Sli) -> &'static str {
    match sli {
        Sli::Events { .. } => "events",
        Sli::Within { of: WithinKind::Latency, .. } => "latency",
        Sli::Within { of: WithinKind::Wait, .. } => "wait",
        Sli::Within { of: WithinKind::Staleness, .. } => "staleness",
        Sli::Level { .. } => "level",
        Sli::Lag { .. } => "lag",
        Sli::Up { .. } => "up",
        Sli::Composite(Composite::AllOf(_)) => "all_of",
        Sli::Composite(Composite::Weighted(_)) => "weighted",
        Sli::Query { .. } => "query",
    }
}

/// Says what is good.
pub(crate) fn sli(sli: &Sli) -> String {
    match sli {
        Sli::Events { total, part, unknown } => {
            let said = match part {
                EventsPart::Good(good) => format!("{good} of {total}"),
                EventsPart::Bad(bad) => format!("no {bad} of {total}"),
            };
            match unknown {
                Some(unknown) => format!("{said}, unknown where {unknown}"),
                None => said,
            }
        }
        Sli::Within { histogram, within, when, .. } => {
            let within = length_name(*within);
            match when {
                None => format!("{histogram} within {within}"),
                Some(when) => format!(
                    "{histogram} within {within} while at least {} of {} are in flight",
                    when.at_least, when.operation
                ),
            }
        }
        Sli::Level { signal, bound: LevelBound::BelowLimit } => format!("{signal} below its limit"),
        Sli::Level { signal, bound: LevelBound::AtMost(most) } => {
            format!("{signal} at most {most}")
        }
        Sli::Lag { signal, at_most } => format!("{signal} at most {}", length_name(*at_most)),
        Sli::Up { signal } => format!("{signal} is 1"),
        Sli::Composite(Composite::AllOf(names)) => format!("all of {}", names.join(", ")),
        Sli::Composite(Composite::Weighted(parts)) => {
            let part =
                |(name, ppm): &(String, u32)| format!("{} % {name}", f64::from(*ppm) / 10_000.0);
            parts.iter().map(part).collect::<Vec<_>>().join(", ")
        }
        Sli::Query { total, part: EventsPart::Good(good), .. } => {
            format!("{} of {}", good.0, total.0)
        }
        Sli::Query { total, part: EventsPart::Bad(bad), .. } => {
            format!("no {} of {}", bad.0, total.0)
        }
    }
}

/// Says which part of all events an SLO of a band counts, as a line of its own.
pub(crate) fn band(band: &BandView) -> String {
    let BandView { operation, at_least, period, .. } = band;
    let share = match period {
        Some(share) => format!("{:.2} % of all events", share * 100.0),
        None => "there were no events at all".to_owned(),
    };
    format!("counted are events with {at_least} or more of {operation} in flight: {share}\n")
}

/// Names a cause, short enough to group and search by.
pub(crate) fn signature(cause: &Cause) -> String {
    match *cause {
        Cause::Burn { long, short } => {
            format!("burn {}/{}", length_name(long), length_name(short))
        }
        Cause::Outage { short } => format!("outage {}", length_name(short)),
        Cause::NoData => "no_data".into(),
        Cause::NeverSeen => "never_seen".into(),
        Cause::Coverage => "coverage".into(),
        Cause::Exhausted => "budget_exhausted".into(),
    }
}

/// Says in one sentence what is wrong.
pub(crate) fn summary(slo: &SloView, alert: &Alert, facts: &Facts) -> String {
    let id = &slo.id;
    let burn = facts.burn.map_or("an unknown rate".into(), |burn| format!("{burn:.1}×"));
    match alert.causes.first() {
        Some(Cause::Burn { long, .. }) => {
            format!("{id} burns its error budget at {burn} over {}.", length_name(*long))
        }
        Some(Cause::Outage { short }) => {
            format!("{id} is down: nearly everything in the last {} was bad.", length_name(*short))
        }
        Some(Cause::NoData) => format!("{id} has gone dark: nothing is known of it any more."),
        Some(Cause::NeverSeen) => {
            format!("{id} has never given any data: its selectors match nothing.")
        }
        Some(Cause::Coverage) => {
            format!("{id} is seen too rarely for its numbers to be relied on.")
        }
        Some(Cause::Exhausted) => format!("{id} has spent its whole error budget."),
        None if alert.name == AlertName::NoData => format!("{id} gave no data."),
        None => format!("{id} burnt its error budget too fast."),
    }
}

/// Says with the numbers how bad it is.
pub(crate) fn description(slo: &SloView, facts: &Facts) -> String {
    let objective = f64::from(slo.slo.objective.ppm()) / 1e4;
    let period = slo.slo.period.to_string();
    let share = facts.share.map_or("an unknown part".into(), percent);
    let left = slo.assessment.budget.remaining.low.map_or("an unknown part".into(), percent);
    let seen = slo.assessment.coverage.map_or("an unknown part".into(), percent);
    format!(
        "Objective {objective} % over {period}. This alert stands for {share} of the period's \
         error budget; at least {left} of it is left. Seen: {seen} of the expected time."
    )
}

/// Writes a number for an annotation: enough digits to compare, no more.
pub(crate) fn number(number: f64) -> String {
    let text = format!("{number:.4}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn percent(part: f64) -> String {
    format!("{:.1} %", part * 100.0)
}
