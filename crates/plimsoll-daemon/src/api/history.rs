//! One SLO over time: its counts, how fast it burnt, and what was left of its budget.

use super::Shared;
use super::past::{Past, Stretch};
use super::problem::Problem;
use super::query::instant_or;
use crate::instant::rfc3339;
use crate::view::{SloView, View};
use axum::Json;
use axum::http::StatusCode;
use plimsoll_model::{Counts, TimeMs, WindowCounts};
use plimsoll_slo::{Slo, Span};
use plimsoll_spec::Length;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::time::Duration;

/// Points that one answer holds at most, as in Prometheus.
const POINTS_MAX: u128 = 11_000;

/// The stretch that a query asks for.
#[derive(Debug, PartialEq)]
struct Range {
    from: TimeMs,
    to: TimeMs,
    step: Duration,
}

/// `GET /api/v1/slos/{id}/history?from&to&step`; the last hour in steps of ten seconds by default.
pub(super) async fn history(
    shared: &Shared,
    (view, slo): (&View, &SloView),
    query: &str,
) -> Result<Json<Value>, Problem> {
    let range = range(query, shared.now())?;
    let period = slo.slo.period.longest();
    // What was left at the first point depends on the whole period before it.
    let stretch = Stretch { from: range.from - period, to: range.to, step: range.step };
    let past = Past::read(shared, view, slo, stretch).await.map_err(|error| {
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, format!("no history: {error}"))
    })?;
    Ok(Json(json!({ "points": shaped(&slo.slo, &past, &range) })))
}

fn range(query: &str, now: TimeMs) -> Result<Range, Problem> {
    let pairs: HashMap<String, String> = url_pairs(query);
    let get = |key: &str| pairs.get(key).map(String::as_str);
    if let Some(other) = pairs.keys().find(|key| !["from", "to", "step"].contains(&key.as_str())) {
        return Err(Problem::bad_request(format!("{other}: unknown; known are from, to and step")));
    }
    let to = instant_or(get("to"), "to", now)?;
    let from = instant_or(get("from"), "from", to - Duration::from_secs(3_600))?;
    let step = step(get("step").unwrap_or("10s"))
        .ok_or_else(|| Problem::bad_request("step: give seconds or a length, as 10 or 5m"))?;
    if from >= to {
        return Err(Problem::bad_request("from: has to be before to"));
    }
    if to.since(from).as_millis() / step.as_millis().max(1) > POINTS_MAX {
        let detail = format!("step: more than {POINTS_MAX} points; ask for longer steps");
        return Err(Problem::bad_request(detail));
    }
    Ok(Range { from, to, step })
}

/// Reads seconds, as Prometheus's API takes them, or a length.
fn step(text: &str) -> Option<Duration> {
    let length = match text.parse::<f64>() {
        Ok(seconds) => Duration::try_from_secs_f64(seconds).ok()?,
        Err(_) => text.parse::<Length>().ok()?.0,
    };
    (length >= Duration::from_millis(1)).then_some(length)
}

fn url_pairs(query: &str) -> HashMap<String, String> {
    reqwest::Url::parse(&format!("http://query/?{query}"))
        .map(|url| url.query_pairs().into_owned().collect())
        .unwrap_or_default()
}

fn shaped(slo: &Slo, past: &Past, range: &Range) -> Vec<Value> {
    let starts = past.starts();
    let between = starts.windows(2).map(|pair| match pair {
        [one, next] => next.since(*one),
        _ => range.step,
    });
    let step = between.min().unwrap_or(range.step);
    let first = starts.partition_point(|start| *start < range.from);
    let shown = starts.get(first..).unwrap_or_default().iter().enumerate();
    let point = |(number, at): (usize, &TimeMs)| {
        let next = starts.get(first + number + 1).copied().unwrap_or(*at + step);
        let held = past.held(*at, next, step);
        json!({
            "at": rfc3339(*at),
            "good": held.counts.good,
            "bad": held.counts.bad,
            "unknown": held.counts.unknown,
            "coverage": part(held.known.as_secs_f64(), held.expected.as_secs_f64()),
            "burn": burn(slo, held.counts),
            "remaining": remaining(slo, past, &starts, *at + step),
        })
    };
    shown.map(point).collect()
}

fn part(part: f64, whole: f64) -> Option<f64> {
    (whole > 0.0).then(|| part / whole)
}

/// Returns between what and what the burn of a stretch lies; nothing without demand.
fn burn(slo: &Slo, counts: Counts) -> Value {
    let total = counts.known() as f64 + counts.unknown as f64;
    let allowed = f64::from(slo.objective.allowed_ppm()) / 1e6;
    let burn = |bad: u64| part(bad as f64, total).map(|ratio| ratio / allowed);
    json!({ "low": burn(counts.bad), "high": burn(counts.bad.saturating_add(counts.unknown)) })
}

/// Returns what was left of the budget at the end of a point; the budget is what `plimsoll_slo` says
/// it is: E = observed total × period ÷ known time.
fn remaining(slo: &Slo, past: &Past, starts: &[TimeMs], end: TimeMs) -> Value {
    let period = slo.period.span(end);
    let first = starts.partition_point(|start| *start < period.start);
    let since = starts.get(first).copied().unwrap_or(end).min(end);
    let elapsed = end.since(since);
    let held = past.held(period.start, end, elapsed);
    let left = |bad: u64| Some(1.0 - bad as f64 / allowed(slo, &held, elapsed, period)?);
    let most = held.counts.bad.saturating_add(held.counts.unknown);
    json!({ "low": left(most), "high": left(held.counts.bad) })
}

/// Returns how many bad ones the period's budget allows; `None` before anything was known.
fn allowed(slo: &Slo, held: &WindowCounts, elapsed: Duration, period: Span) -> Option<f64> {
    let seen = part(held.known.as_secs_f64(), held.expected.as_secs_f64())?;
    let known = elapsed.min(period.length()).as_secs_f64() * seen;
    let expected = part(held.counts.known() as f64 * period.length().as_secs_f64(), known)?;
    let allowed = expected * f64::from(slo.objective.allowed_ppm()) / 1e6;
    (allowed > 0.0).then_some(allowed)
}
