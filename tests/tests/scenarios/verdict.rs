//! Holds the world against what a script expects of it.

use super::script::{Expectation, Figure, Phase, Want, What, Written};
use super::world::World;
use plimsoll_model::{Interval, WindowCounts};
use plimsoll_slo::{AlertName, AlertState, Assessment, Cause, Evidence, Windows, length_name};
use std::time::Duration;

/// Says what is so in place of what is expected.
pub(crate) fn hold(world: &World, expectation: &Expectation) -> Result<(), String> {
    let subject = &expectation.subject;
    match &expectation.what {
        What::Figure { figure, window, want } => {
            let (id, assessment) = world.assessed(expectation.slo.as_deref())?;
            let found = Found::of(world, &id, &assessment, (*figure, *window))?;
            if found.is(want) { Ok(()) } else { Err(format!("{subject} is {found}")) }
        }
        What::Alert { name, want } => {
            let (id, _) = world.assessed(expectation.slo.as_deref())?;
            alert(world, &id, *name, want)
        }
        What::Refused { reason, count } => {
            let refused = world.store.refused(world.index);
            let found = refused.iter().find(|(found, _)| found.as_str() == reason);
            let found = found.map_or(0, |(_, count)| *count);
            if found == *count { Ok(()) } else { Err(format!("{subject} is {found}")) }
        }
        What::ClockStep(ms) => match world.clock_steps.contains(ms) {
            true => Ok(()),
            false => Err(format!("the steps seen are {:?} ms", world.clock_steps)),
        },
        What::Warning(words) => said(&world.warnings, words),
        What::Fault(words) => said(&world.faults, words),
    }
}

fn said(faults: &[plimsoll_spec::Fault], words: &str) -> Result<(), String> {
    if faults.iter().any(|fault| fault.to_string().contains(words)) {
        return Ok(());
    }
    let said: Vec<String> = faults.iter().map(ToString::to_string).collect();
    Err(format!("the SLO file is read with {said:?}"))
}

/// A figure as it is.
struct Found {
    interval: Interval,
    reason: Option<String>,
}

impl Found {
    fn of(
        world: &World,
        id: &str,
        assessment: &Assessment,
        asked: (Figure, Option<Duration>),
    ) -> Result<Self, String> {
        let (figure, window) = asked;
        let interval = match (figure, window) {
            (Figure::Coverage, None) => whole(assessment.coverage),
            (Figure::Ratio, None) => assessment.ratio,
            (Figure::Spent, _) => assessment.budget.spent,
            (Figure::Observed, _) => assessment.budget_observed.spent,
            (Figure::Events, _) => whole(assessment.budget.expected),
            (Figure::Exhaustion, _) => assessment.forecast.exhaustion_seconds,
            (Figure::Share, Some(long)) => row(assessment, long)?.share,
            (Figure::Proved, Some(long)) => whole(Some(evidence(assessment, long)?.ratio_min)),
            (Figure::Burn | Figure::Ratio | Figure::Coverage, Some(length)) => {
                let found = assessment.windows.iter().find(|burn| burn.length == length);
                let found = found.ok_or_else(|| no_window(length))?;
                match figure {
                    Figure::Burn => found.burn,
                    Figure::Ratio => found.ratio,
                    _ => whole(found.coverage),
                }
            }
            (_, window) => {
                let ledger = world.store.ledgers().iter().find(|ledger| ledger.id() == id);
                let ledger = ledger.ok_or_else(|| format!("no ledger of {id}"))?;
                let held = window.map_or_else(|| ledger.period(), |length| ledger.window(length));
                whole(Some(count(figure, &held)?))
            }
        };
        let key = match window {
            Some(length) => format!("burn.{}", length_name(length)),
            None if figure == Figure::Exhaustion => "exhaustion_seconds".into(),
            None if figure == Figure::Spent => "budget".into(),
            None if figure == Figure::Coverage => "coverage".into(),
            None => "ratio".into(),
        };
        let reason = assessment.reasons.iter().find(|(field, _)| *field == key);
        Ok(Self { interval, reason: reason.map(|(_, reason)| reason.as_str().into()) })
    }

    fn is(&self, want: &Want) -> bool {
        let agree = |found: Option<f64>, want: &Option<Written>| match (found, want) {
            (Some(found), Some(want)) => (found - want.value).abs() <= want.tolerance,
            (None, None) => true,
            _ => false,
        };
        match want {
            Want::Between(low, high) => {
                agree(self.interval.low, low) && agree(self.interval.high, high)
            }
            Want::Reason(reason) => self.reason.as_ref() == Some(reason),
        }
    }
}

impl std::fmt::Display for Found {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let bound = |bound: Option<f64>| bound.map_or("null".into(), |bound| bound.to_string());
        let Interval { low, high } = self.interval;
        match low == high {
            true => write!(out, "{}", bound(low))?,
            false => write!(out, "{} .. {}", bound(low), bound(high))?,
        }
        self.reason.as_ref().map_or(Ok(()), |reason| write!(out, " ({reason})"))
    }
}

fn whole(value: Option<f64>) -> Interval {
    Interval { low: value, high: value }
}

fn count(figure: Figure, held: &WindowCounts) -> Result<f64, String> {
    Ok(match figure {
        Figure::Good => held.counts.good as f64,
        Figure::Bad => held.counts.bad as f64,
        Figure::Unknown => held.counts.unknown as f64,
        Figure::Total => held.counts.known() as f64,
        Figure::Time => held.expected.as_secs_f64(),
        other => return Err(format!("{other:?} needs a window, as 5m")),
    })
}

fn row(assessment: &Assessment, long: Duration) -> Result<&plimsoll_slo::RowVerdict, String> {
    assessment.rows.iter().find(|row| row.row.long == long).ok_or_else(|| no_window(long))
}

fn evidence(assessment: &Assessment, long: Duration) -> Result<Evidence, String> {
    Ok(row(assessment, long)?.evidence)
}

fn no_window(length: Duration) -> String {
    format!("the policy has no window of {}", length_name(length))
}

fn alert(world: &World, id: &str, name: AlertName, want: &Phase) -> Result<(), String> {
    let alerts = world.alerts.get(id);
    let firing = alerts.and_then(|alerts| alerts.firing(name));
    let what = name.as_str().trim_start_matches("Slo").to_lowercase();
    match (want, firing) {
        (Phase::Quiet, None) => Ok(()),
        (Phase::Never, _) if !world.ever_fired.contains(&(id.to_owned(), name)) => Ok(()),
        (Phase::Firing { since, cause }, Some(alert)) => {
            let began = alert.since.since(world.begin);
            let causes: Vec<String> = alert.causes.iter().map(cause_name).collect();
            if since.is_some_and(|since| since != began) {
                return Err(format!("{what} fires since {}", length_name(began)));
            }
            match cause {
                Some(cause) if !causes.contains(cause) => {
                    Err(format!("{what} fires because {}", causes.join(", ")))
                }
                _ => Ok(()),
            }
        }
        (Phase::Quiet | Phase::Never, Some(alert)) if alert.state == AlertState::Firing => {
            let began = length_name(alert.since.since(world.begin));
            let causes: Vec<String> = alert.causes.iter().map(cause_name).collect();
            Err(format!("{what} fires since {began} because {}", causes.join(", ")))
        }
        (Phase::Never, _) => Err(format!("{what} fired before")),
        _ => Err(format!("{what} is quiet")),
    }
}

fn cause_name(cause: &Cause) -> String {
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
