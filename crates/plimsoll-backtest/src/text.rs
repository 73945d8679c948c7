//! The outcome for a terminal.

use crate::chart::{firing, remaining};
use crate::when::rfc3339;
use crate::{Fired, Outcome, SloOutcome};
use plimsoll_slo::{AlertName, length_name};
use std::fmt::{self, Write};
use std::time::Duration;

/// The width of a chart, in columns.
const COLUMNS: usize = 64;

/// An alert that fired more often is summed up.
const LISTED_MAX: usize = 20;

const BARS: [char; 9] = ['·', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// Writes what one replay gave, or several beside each other.
pub fn text(outcomes: &[Outcome]) -> String {
    let mut text = String::new();
    // Writing into a String can't fail.
    let _ = write_all(&mut text, outcomes);
    text
}

fn write_all(out: &mut String, outcomes: &[Outcome]) -> fmt::Result {
    let Some(first) = outcomes.first() else { return Ok(()) };
    let (from, to, step) = (rfc3339(first.from), rfc3339(first.to), length_name(first.step));
    writeln!(out, "{from} to {to}, a look each {step}")?;
    for slo in &first.slos {
        writeln!(out)?;
        for (number, outcome) in outcomes.iter().enumerate() {
            let same = outcome.slos.iter().find(|other| other.id == slo.id);
            match same {
                Some(same) if number == 0 => write_slo(out, outcome, same)?,
                Some(same) => {
                    writeln!(out, "  with {}", outcome.name)?;
                    write_alerts(out, outcome, same)?;
                }
                None => writeln!(out, "  with {}: there is no such SLO", outcome.name)?,
            }
        }
    }
    write_summary(out, outcomes)
}

fn write_slo(out: &mut String, outcome: &Outcome, slo: &SloOutcome) -> fmt::Result {
    let objective = f64::from(slo.slo.objective.ppm()) / 10_000.0;
    writeln!(out, "{}: {objective} % over {}", slo.id, slo.slo.period)?;
    let unit = if slo.slo.sli.counts_time() { "ms" } else { "events" };
    let counts = slo.counts;
    write!(
        out,
        "  counted    {} good, {} bad, {} unknown {unit}",
        counts.good, counts.bad, counts.unknown
    )?;
    let coverage = slo.coverage.map_or("nothing expected".to_owned(), percent);
    writeln!(out, "; {coverage} seen")?;
    let spent = match (slo.spent.low, slo.spent.high) {
        (Some(low), Some(high)) if low == high => format!("{} spent", percent(low)),
        (Some(low), Some(high)) => format!("{} to {} spent", percent(low), percent(high)),
        (Some(low), None) => format!("{} spent at least", percent(low)),
        _ => "unknown".to_owned(),
    };
    let bars: String = remaining(outcome, slo, COLUMNS).into_iter().map(bar).collect();
    writeln!(out, "  budget     {bars}  {spent}")?;
    write_alerts(out, outcome, slo)
}

fn write_alerts(out: &mut String, outcome: &Outcome, slo: &SloOutcome) -> fmt::Result {
    let mut is_quiet = true;
    for name in AlertName::ALL {
        let fired: Vec<&Fired> = slo.fired.iter().filter(|fired| fired.name == name).collect();
        if fired.is_empty() {
            continue;
        }
        is_quiet = false;
        let lane = firing(outcome, slo, name, COLUMNS);
        let lane: String = lane.iter().map(|fires| if *fires { '█' } else { '·' }).collect();
        let sum: Duration = fired.iter().map(|fired| fired.lasted(outcome.to)).sum();
        let (often, sum) = (times(fired.len()), length_name(sum));
        writeln!(out, "  {:<10} {lane}  {often}, {sum} in all", name.as_str())?;
        for fired in fired.iter().take(LISTED_MAX) {
            let ended = if fired.to.is_some() { "" } else { ", still firing" };
            let share = fired
                .share
                .map_or(String::new(), |share| format!(", {} of the budget", percent(share)));
            let lasted = length_name(fired.lasted(outcome.to));
            writeln!(out, "    {} for {lasted}{ended}{share}", rfc3339(fired.from))?;
        }
        if fired.len() > LISTED_MAX {
            writeln!(out, "    and {} more", times(fired.len() - LISTED_MAX))?;
        }
    }
    if is_quiet {
        writeln!(out, "  nothing would have alerted")?;
    }
    Ok(())
}

fn write_summary(out: &mut String, outcomes: &[Outcome]) -> fmt::Result {
    writeln!(out)?;
    for outcome in outcomes {
        let counts: Vec<String> = AlertName::ALL
            .into_iter()
            .map(|name| format!("{} {}", outcome.count(name), name.as_str()))
            .collect();
        writeln!(out, "{}: {}", outcome.name, counts.join(", "))?;
    }
    Ok(())
}

fn times(count: usize) -> String {
    if count == 1 { "once".into() } else { format!("{count} times") }
}

fn bar(remaining: Option<f64>) -> char {
    let Some(remaining) = remaining else { return ' ' };
    let level = (remaining.clamp(0.0, 1.0) * 8.0).ceil() as usize;
    BARS.get(level).copied().unwrap_or(' ')
}

pub(crate) fn percent(ratio: f64) -> String {
    let text = format!("{:.3}", ratio * 100.0);
    format!("{} %", text.trim_end_matches('0').trim_end_matches('.'))
}
