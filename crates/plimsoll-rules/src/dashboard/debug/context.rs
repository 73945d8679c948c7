//! Context: how good what decisions read still was when they committed, and how long it takes to be
//! readable at all.

use super::quantiles;
use crate::dashboard::panel::{Panel, Thresholds, Unit, View};
use crate::promql::{PANEL, SLO_PANEL, bucket, sample};
use plimsoll_model::{Signal, catalog};

/// Only these have a verdict.
const COMMITTED: &str = r#"outcome="committed""#;

pub(super) fn context() -> Vec<Panel> {
    vec![
        staleness().width(6),
        band_coverage().width(6),
        spread().width(6),
        verdicts().width(6),
        conflicts(),
        outcomes(),
        unjudged(),
        propagation(),
        propagation_under_load(),
        oldest_unseen(),
    ]
}

/// Returns the 99th percentile of a histogram of decisions by band.
fn p99_by_band(histogram: &Signal) -> String {
    PANEL.quantile(0.99, "decision, band", &bucket(histogram))
}

fn staleness() -> Panel {
    Panel::new(
        View::Lines,
        Unit::Seconds,
        "Staleness of decisions",
        "99th percentile of how long what a decision had read was replaced when it committed, at \
         most, by how many were in flight.",
    )
    .query("{{job}} {{decision}} from {{band}} on", p99_by_band(&catalog::DECISION_STALENESS))
    .runbook("ConcurrencyDecisionsInvalid")
}

fn band_coverage() -> Panel {
    let coverage = SLO_PANEL.select(&sample(&catalog::SLO_BAND_COVERAGE), "");
    Panel::new(
        View::Lines,
        Unit::Ratio,
        "Coverage of the band",
        "Part of all events that an SLO under load counts, by window: near zero, an objective that is \
         met says little. Absent without any event.",
    )
    .query("{{service}} {{slo}} {{window}}", SLO_PANEL.max_by("window", &coverage))
}

fn spread() -> Panel {
    let legend = |what| format!("{{{{job}}}} {{{{decision}}}} from {{{{band}}}} on, {what}");
    Panel::new(
        View::Lines,
        Unit::Seconds,
        "Spread and coherence gap",
        "99th percentile of how far apart the sources of one decision stood, and of the least time \
         by which they never were true together, at most.",
    )
    .query(&legend("spread"), p99_by_band(&catalog::DECISION_SPREAD))
    .query(&legend("gap"), p99_by_band(&catalog::DECISION_COHERENCE_GAP))
    .runbook("ConcurrencyDecisionsInvalid")
}

fn verdicts() -> Panel {
    Panel::new(
        View::Stacked,
        Unit::PerSecond,
        "Verdicts",
        "Decisions that committed, per second: valid and invalid are certain, unknown is neither.",
    )
    .query(
        "{{job}} {{decision}} {{verdict}}",
        PANEL.sum_rate("decision, verdict", &sample(&catalog::DECISIONS), COMMITTED),
    )
    .runbook("ConcurrencyDecisionsInvalid")
}

fn conflicts() -> Panel {
    let per_second = |signal| PANEL.sum_rate("decision", &sample(signal), "");
    Panel::new(
        View::Lines,
        Unit::PerSecond,
        "Conflicts",
        "Commits that another of the same key had overtaken, and commits beyond the first on each \
         version of a key. Guarded commits make none.",
    )
    .query("{{job}} {{decision}} stale", per_second(&catalog::STALE_COMMITS))
    .query("{{job}} {{decision}} excess", per_second(&catalog::CONFLICT_EXCESS))
    .runbook("ConcurrencyStaleCommits")
}

fn outcomes() -> Panel {
    Panel::new(
        View::Stacked,
        Unit::PerSecond,
        "Outcomes of decisions",
        "Decisions that ended, per second. Refused ones are the conflicts that guarded commits \
         prevented; cancelled ones were dropped before they ended.",
    )
    .query(
        "{{job}} {{decision}} {{outcome}}",
        PANEL.sum_rate("decision, outcome", &sample(&catalog::DECISIONS), ""),
    )
    .runbook("ConcurrencyStaleCommits")
}

fn unjudged() -> Panel {
    let decisions = PANEL.sum_rate("decision, reason", &sample(&catalog::DECISION_ERRORS), "");
    let prober = PANEL.sum_rate("store, reason", &sample(&catalog::PROBER_ERRORS), "");
    Panel::new(
        View::Lines,
        Unit::PerSecond,
        "What couldn't be judged",
        "Readings and versions that can't be so, and looks of a prober that told nothing, per second. \
         What isn't judged is unknown, and never good.",
    )
    .query("{{job}} {{decision}} {{reason}}", decisions)
    .query("{{job}} {{store}} {{reason}}", prober)
    .runbook("ConcurrencyDecisionsInvalid")
}

pub(in crate::dashboard) fn propagation() -> Panel {
    quantiles(
        "Propagation",
        "How long committed state took to become readable, as a prober saw it. What isn't \
         readable yet isn't in it: see the oldest unseen.",
        &catalog::PROPAGATION,
        ("store", ""),
    )
    .runbook("ConcurrencyPropagationStalled")
}

fn propagation_under_load() -> Panel {
    Panel::new(
        View::Lines,
        Unit::Seconds,
        "Propagation under load",
        "99th percentile of how long committed state took to become readable, by how many decisions \
         were in flight at the commit, where the prober knows.",
    )
    .query(
        "{{job}} {{store}} from {{band}} on",
        PANEL.quantile(0.99, "store, band", &bucket(&catalog::PROPAGATION)),
    )
    .runbook("ConcurrencyPropagationStalled")
}

pub(in crate::dashboard) fn oldest_unseen() -> Panel {
    let age = PANEL.select(&sample(&catalog::PROPAGATION_OLDEST_UNSEEN), "");
    Panel::new(
        View::Lines,
        Unit::Seconds,
        "Oldest unseen",
        "Age of the oldest commit that isn't readable yet: it rises by a second per second while a \
         pipeline is stuck. Absent where it isn't known.",
    )
    .query("{{job}} {{store}}", PANEL.max_by("store", &age))
    .thresholds(Thresholds::Rising(10.0, 30.0))
    .runbook("ConcurrencyPropagationStalled")
}
