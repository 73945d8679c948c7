//! One SLO over time: its counts, how fast it burnt, and what was left of its budget.

use super::Shared;
use super::problem::Problem;
use super::query::instant_or;
use crate::instant::rfc3339;
use crate::keeper::HistoryQuery;
use crate::view::SloView;
use axum::Json;
use axum::http::StatusCode;
use plimsoll_model::{Counts, TimeMs};
use plimsoll_slo::{Slo, Span};
use plimsoll_spec::Length;
use plimsoll_store::HistoryPoint;
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
    slo: &SloView,
    query: &str,
) -> Result<Json<Value>, Problem> {
    let range = range(query, shared.now())?;
    let period = slo.slo.period.longest();
    // What was left at the first point depends on the whole period before it.
    let asked = HistoryQuery {
        id: slo.id.clone(),
        from: range.from - period,
        to: range.to,
        step: range.step,
        recent: slo.recent.clone(),
    };
    let points = shared.keeper.history(asked).await.map_err(|error| {
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, format!("no history: {error}"))
    })?;
    Ok(Json(json!({ "points": shaped(&slo.slo, &points, &range) })))
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

fn shaped(slo: &Slo, points: &[HistoryPoint], range: &Range) -> Vec<Value> {
    let between = points.windows(2).map(|pair| match pair {
        [one, next] => next.at.since(one.at),
        _ => range.step,
    });
    let mut trailing = Trailing::new(slo, between.min().unwrap_or(range.step));
    let mut shaped = Vec::new();
    for point in points {
        let remaining = trailing.remaining(points, point);
        if point.at >= range.from {
            let (good, bad) = (point.counts.good, point.counts.bad);
            let coverage = part(point.known.as_secs_f64(), point.expected.as_secs_f64());
            shaped.push(json!({
                "at": rfc3339(point.at),
                "good": good,
                "bad": bad,
                "unknown": point.counts.unknown,
                "coverage": coverage,
                "burn": burn(slo, point.counts),
                "remaining": remaining,
            }));
        }
    }
    shaped
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

/// The counts of the period that ends with a point; the budget is what `plimsoll_slo` says it is:
/// E = observed total × period ÷ known time.
struct Trailing<'a> {
    slo: &'a Slo,
    /// How long one point lasts.
    step: Duration,
    first: usize,
    counts: Counts,
    known: Duration,
    expected: Duration,
}

impl<'a> Trailing<'a> {
    fn new(slo: &'a Slo, step: Duration) -> Self {
        let (counts, known, expected) = (Counts::default(), Duration::ZERO, Duration::ZERO);
        Self { slo, step, first: 0, counts, known, expected }
    }

    /// Takes `point` in, lets go of what the period that it belongs to doesn't reach back to, and says what is left then.
    fn remaining(&mut self, points: &[HistoryPoint], point: &HistoryPoint) -> Value {
        self.counts += point.counts;
        self.known += point.known;
        self.expected += point.expected;
        let period = self.slo.period.span(point.at + self.step);
        while let Some(oldest) = points.get(self.first)
            && oldest.at < period.start
        {
            self.counts.good = self.counts.good.saturating_sub(oldest.counts.good);
            self.counts.bad = self.counts.bad.saturating_sub(oldest.counts.bad);
            self.counts.unknown = self.counts.unknown.saturating_sub(oldest.counts.unknown);
            self.known = self.known.saturating_sub(oldest.known);
            self.expected = self.expected.saturating_sub(oldest.expected);
            self.first += 1;
        }
        let since = points.get(self.first).map_or(point.at, |oldest| oldest.at);
        let elapsed = point.at.since(since) + self.step;
        let left = |bad: u64| Some(1.0 - bad as f64 / self.allowed(elapsed, period)?);
        let most = self.counts.bad.saturating_add(self.counts.unknown);
        json!({ "low": left(most), "high": left(self.counts.bad) })
    }

    /// Returns how many bad ones the period's budget allows; `None` before anything was known.
    fn allowed(&self, elapsed: Duration, period: Span) -> Option<f64> {
        let seen = part(self.known.as_secs_f64(), self.expected.as_secs_f64())?;
        let known = elapsed.min(period.length()).as_secs_f64() * seen;
        let length = period.length().as_secs_f64();
        let expected = part(self.counts.known() as f64 * length, known)?;
        let allowed = expected * f64::from(self.slo.objective.allowed_ppm()) / 1e6;
        (allowed > 0.0).then_some(allowed)
    }
}
