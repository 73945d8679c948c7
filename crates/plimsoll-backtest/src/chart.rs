//! What the text and the page draw: one value a column.

use crate::{Fired, Outcome, SloOutcome};
use plimsoll_model::TimeMs;
use plimsoll_slo::AlertName;

/// Returns the part of the budget that is left at the end of each of so many columns.
pub(crate) fn remaining(outcome: &Outcome, slo: &SloOutcome, columns: usize) -> Vec<Option<f64>> {
    (0..columns)
        .map(|column| {
            let (from, to) = span(outcome, column, columns);
            let within = slo.points.iter().filter(|point| point.at >= from && point.at <= to);
            within.filter_map(|point| point.remaining).reduce(f64::min)
        })
        .collect()
}

/// Says of each of so many columns whether an alert of that name fired in it.
pub(crate) fn firing(
    outcome: &Outcome,
    slo: &SloOutcome,
    name: AlertName,
    columns: usize,
) -> Vec<bool> {
    let fired = || slo.fired.iter().filter(|fired| fired.name == name);
    (0..columns)
        .map(|column| {
            let (from, to) = span(outcome, column, columns);
            let touches = |fired: &Fired| fired.from < to && fired.to.is_none_or(|end| end >= from);
            fired().any(touches)
        })
        .collect()
}

/// Returns where a time lies between the beginning, 0, and the end, 1.
pub(crate) fn place(outcome: &Outcome, at: TimeMs) -> f64 {
    let all = (outcome.to.0 - outcome.from.0).max(1) as f64;
    ((at.0 - outcome.from.0) as f64 / all).clamp(0.0, 1.0)
}

fn span(outcome: &Outcome, column: usize, columns: usize) -> (TimeMs, TimeMs) {
    let all = (outcome.to.0 - outcome.from.0).max(1) as f64;
    let edge = |column: usize| {
        TimeMs(outcome.from.0 + (all * column as f64 / columns.max(1) as f64) as i64)
    };
    (edge(column), edge(column + 1))
}
