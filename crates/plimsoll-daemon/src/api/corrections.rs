//! Corrections of what was counted, and who made them.

use super::Shared;
use super::events::unread;
use super::problem::Problem;
use crate::instant;
use axum::Json;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::http::StatusCode;
use plimsoll_model::TimeMs;
use plimsoll_slo::{Backend, Composite, Sli, Span};
use plimsoll_store::{Correction, CorrectionError, NewCorrection, Recent};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

const REASON_CHARS_MAX: usize = 1_000;
const AUTHOR_CHARS_MAX: usize = 200;

/// The body of `POST /api/v1/corrections`: what a stretch truly held.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    slo: String,
    /// RFC 3339 or seconds since the epoch, as `to`.
    from: Value,
    to: Value,
    good: u64,
    bad: u64,
    reason: String,
    author: String,
}

/// `POST /api/v1/corrections`: keeps a correction and counts it from the next step on.
pub(super) async fn put(
    State(shared): State<Arc<Shared>>,
    asked: Result<Json<Asked>, JsonRejection>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let Json(asked) = asked.map_err(|error| unread(&error))?;
    let (asked, recent) = valid(asked, &shared).await?;
    let made = shared.keeper.correct(asked, recent).await.map_err(|error| {
        Problem::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            format!("the correction isn't kept: {error}"),
        )
    })?;
    let made = made.map_err(|error| match error {
        CorrectionError::Archive(error) => {
            let detail = format!("the correction isn't kept: {error}");
            Problem::new(StatusCode::INTERNAL_SERVER_ERROR, detail)
        }
        error => Problem::bad_request(error.to_string()),
    })?;
    tracing::info!(slo = made.asked.slo, author = made.asked.author, "a correction was made");
    let told = shape(&made);
    shared.corrections.put(made);
    Ok((StatusCode::CREATED, Json(told)))
}

/// `GET /api/v1/corrections`: every one, oldest first, those that later ones cover included.
pub(super) async fn list(State(shared): State<Arc<Shared>>) -> Result<Json<Value>, Problem> {
    let corrections = shared.keeper.corrections().await.map_err(|error| {
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, format!("no corrections: {error}"))
    })?;
    Ok(Json(json!({ "corrections": corrections.iter().map(shape).collect::<Vec<_>>() })))
}

async fn valid(asked: Asked, shared: &Shared) -> Result<(NewCorrection, Recent), Problem> {
    for (key, text, longest) in
        [("reason", &asked.reason, REASON_CHARS_MAX), ("author", &asked.author, AUTHOR_CHARS_MAX)]
    {
        if text.trim().is_empty() {
            return Err(Problem::bad_request(format!("{key}: empty: the audit trail needs it")));
        }
        if text.chars().count() > longest {
            return Err(Problem::bad_request(format!("{key}: longer than {longest} characters")));
        }
    }
    let span = Span { start: edge("from", &asked.from)?, end: edge("to", &asked.to)? };
    let view = shared.seen().await;
    let slo = view.slos.iter().find(|slo| slo.id == asked.slo);
    let slo =
        slo.ok_or_else(|| Problem::bad_request(format!("slo: no SLO has the id {:?}", asked.slo)))?;
    if matches!(slo.slo.sli, Sli::Composite(Composite::Weighted(_))) {
        let detail = "slo: a weighted composite counts nothing of its own: correct its parts";
        return Err(Problem::bad_request(detail));
    }
    if slo.slo.backend != Backend::Own {
        let detail = "slo: a server counts it, and nothing here puts right what that counted";
        return Err(Problem::bad_request(detail));
    }
    let excluded = |exclusion: &Arc<plimsoll_slo::Exclusion>| {
        let times = exclusion.within(span.start, span.end);
        times.iter().any(|time| !time.overlap(span).is_zero())
    };
    if let Some(exclusion) = slo.slo.exclusions.iter().find(|exclusion| excluded(exclusion)) {
        let detail =
            format!("from: the exclusion {:?} lasts in it: leave that out", exclusion.reason);
        return Err(Problem::bad_request(detail));
    }
    let recent = slo.recent.clone();
    let Asked { slo, good, bad, reason, author, .. } = asked;
    Ok((NewCorrection { slo, span, good, bad, reason, author, at: shared.now() }, recent))
}

fn edge(key: &str, value: &Value) -> Result<TimeMs, Problem> {
    let at = match value {
        Value::String(text) => instant::parse(text),
        Value::Number(number) => instant::parse(&number.to_string()),
        _ => None,
    };
    at.ok_or_else(|| {
        Problem::bad_request(format!(
            "{key}: not an instant: give RFC 3339 or seconds since the epoch"
        ))
    })
}

fn shape(correction: &Correction) -> Value {
    let Correction { asked, was, in_force, .. } = correction;
    json!({
        "slo": asked.slo,
        "from": instant::rfc3339(asked.span.start),
        "to": instant::rfc3339(asked.span.end),
        "good": asked.good,
        "bad": asked.bad,
        "was": { "good": was.good, "bad": was.bad, "unknown": was.unknown },
        "reason": asked.reason,
        "author": asked.author,
        "at": instant::rfc3339(asked.at),
        "in_force": in_force,
    })
}
