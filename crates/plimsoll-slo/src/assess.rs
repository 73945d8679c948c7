use crate::page::conditions;
use crate::{Budget, Condition, Forecast, Reason, RowVerdict, Slo, WindowBurn, Windows};
use plimsoll_model::{Counts, Interval, TimeMs};

/// What an SLO's numbers count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Events.
    Events,
    /// Milliseconds.
    Milliseconds,
}

impl Unit {
    /// Returns its name, `events` or `ms`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Events => "events",
            Self::Milliseconds => "ms",
        }
    }
}

/// Everything that can be said of one SLO at one time.
#[derive(Clone, Debug, PartialEq)]
pub struct Assessment {
    /// When, which is the end of the last closed slice.
    pub at: TimeMs,
    /// What the counts count.
    pub unit: Unit,
    /// What the whole period held.
    pub counts: Counts,
    /// The part of the period's expected target-time that is known.
    pub coverage: Option<f64>,
    /// The error ratio over the whole period.
    pub ratio: Interval,
    /// The burn of each window of the policy, shortest first, each once.
    pub windows: Vec<WindowBurn>,
    /// The budget.
    pub budget: Budget,
    /// The budget as if there were no exclusions and no corrections.
    pub budget_observed: Budget,
    /// Whether an exclusion lasts, in which no alert begins or ends.
    pub is_excluded: bool,
    /// When the budget ends, at the pace of the shortest long window.
    pub forecast: Forecast,
    /// The policy's rows, each with every number of its decision.
    pub rows: Vec<RowVerdict>,
    /// Every cause that it can alert for.
    pub conditions: Vec<Condition>,
    /// Why a number is missing: the field, as `burn.5m`, and the reason.
    pub reasons: Vec<(String, Reason)>,
}

/// Assesses an SLO on what its windows hold. `now` is the end of the last closed slice.
pub fn assess(slo: &Slo, windows: &impl Windows, now: TimeMs) -> Assessment {
    let whole = WindowBurn::new(slo.period.longest(), windows.period(), slo.objective);
    let budget = Budget::new(slo, windows, now);
    let rows: Vec<RowVerdict> = slo
        .alerting
        .policy
        .rows
        .iter()
        .map(|row| RowVerdict::new(slo, windows, row, &budget))
        .collect();
    let pace = rows.iter().map(|row| row.long).min_by_key(|long| long.length).unwrap_or(whole);
    let watched = now.since(windows.watched_since());
    let forecast = Forecast::new(&budget, &pace, pace.length.min(watched));
    let mut burns: Vec<WindowBurn> = rows.iter().flat_map(|row| [row.long, row.short]).collect();
    burns.sort_by_key(|burn| burn.length);
    burns.dedup_by_key(|burn| burn.length);
    let mut assessment = Assessment {
        at: now,
        unit: if slo.sli.counts_time() { Unit::Milliseconds } else { Unit::Events },
        counts: whole.held.counts,
        coverage: whole.coverage,
        ratio: whole.ratio,
        windows: burns,
        conditions: conditions(slo, windows, now, &budget, &rows),
        budget,
        budget_observed: Budget::observed(slo, windows, now),
        is_excluded: windows.excluded_until().is_some_and(|until| now <= until),
        forecast,
        rows,
        reasons: Vec::new(),
    };
    assessment.reasons = reasons(&assessment, &whole, windows.last_known().is_some());
    assessment
}

fn reasons(assessment: &Assessment, whole: &WindowBurn, was_seen: bool) -> Vec<(String, Reason)> {
    let burns = assessment
        .windows
        .iter()
        .map(|burn| (format!("burn.{}", crate::length_name(burn.length)), burn.reason));
    let coverage = assessment.coverage.is_none().then_some(Reason::NoTarget);
    let fields = [
        ("ratio".to_owned(), whole.reason),
        ("coverage".to_owned(), coverage),
        ("budget".to_owned(), assessment.budget.reason),
        ("exhaustion_seconds".to_owned(), assessment.forecast.reason),
    ];
    let never = |reason| match reason {
        Reason::NoData | Reason::RateUnknown if !was_seen => Reason::NeverSeen,
        reason => reason,
    };
    let known = fields.into_iter().chain(burns);
    known.filter_map(|(field, reason)| Some((field, never(reason?)))).collect()
}
