//! Marks on the charts: what happened to a service, and when.

use super::Shared;
use super::problem::Problem;
use crate::instant;
use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use plimsoll_store::Mark;
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;

const TEXT_CHARS_MAX: usize = 1_000;
const NAME_CHARS_MAX: usize = 200;

/// How far back events are listed when nobody says from when.
const DAY: Duration = Duration::from_secs(86_400);

/// The body of `POST /api/v1/events`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewEvent {
    kind: String,
    #[serde(default)]
    service: String,
    /// RFC 3339 or seconds since the epoch; now, when it is missing.
    at: Option<Value>,
    #[serde(default)]
    text: String,
}

/// `POST /api/v1/events`: keeps a mark and tells every open page.
pub(super) async fn put(
    State(shared): State<Arc<Shared>>,
    event: Result<Json<NewEvent>, JsonRejection>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let Json(event) = event.map_err(|error| unread(&error))?;
    let mark = mark(event, &shared)?;
    let told = shape(&mark);
    shared.keeper.put_mark(mark).await.map_err(|error| {
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, format!("the event isn't kept: {error}"))
    })?;
    // Nobody may be listening, which is no fault.
    drop(shared.batches.send(Arc::new(vec![("mark", told.to_string())])));
    Ok((StatusCode::CREATED, Json(told)))
}

/// A body that is JSON of another shape is as bad a request as one that is no JSON.
pub(super) fn unread(error: &JsonRejection) -> Problem {
    match error {
        JsonRejection::JsonDataError(_) => Problem::bad_request(error.body_text()),
        _ => Problem::new(error.status(), error.body_text()),
    }
}

fn mark(event: NewEvent, shared: &Shared) -> Result<Mark, Problem> {
    let at = match &event.at {
        None | Some(Value::Null) => Some(shared.now()),
        Some(Value::String(text)) => instant::parse(text),
        Some(Value::Number(number)) => instant::parse(&number.to_string()),
        Some(_) => None,
    };
    let at = at.ok_or_else(|| {
        Problem::bad_request("at: not an instant: give RFC 3339 or seconds since the epoch")
    })?;
    if event.kind.is_empty() {
        return Err(Problem::bad_request("kind: empty: give one word, as deploy or scale"));
    }
    for (key, value, longest) in [
        ("kind", &event.kind, NAME_CHARS_MAX),
        ("service", &event.service, NAME_CHARS_MAX),
        ("text", &event.text, TEXT_CHARS_MAX),
    ] {
        if value.chars().count() > longest {
            let detail = format!("{key}: longer than {longest} characters");
            return Err(Problem::bad_request(detail));
        }
    }
    Ok(Mark { kind: event.kind, service: event.service, at, text: event.text })
}

/// Keeps the marks that the engine makes, and shows them to whoever looks.
pub(crate) async fn keep_marks(shared: Arc<Shared>, mut marks: mpsc::Receiver<Mark>) {
    while let Some(mark) = marks.recv().await {
        let told = shape(&mark);
        if let Err(error) = shared.keeper.put_mark(mark).await {
            tracing::warn!(%error, "a mark isn't kept");
        }
        drop(shared.batches.send(Arc::new(vec![("mark", told.to_string())])));
    }
}

/// The stretch that a query asks for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Stretch {
    from: Option<String>,
    to: Option<String>,
}

/// `GET /api/v1/events`: the marks from `from` to `to`, oldest first; the last day by default.
pub(super) async fn list(
    State(shared): State<Arc<Shared>>,
    stretch: Result<Query<Stretch>, axum::extract::rejection::QueryRejection>,
) -> Result<Json<Value>, Problem> {
    let Query(stretch) =
        stretch.map_err(|error| Problem::new(error.status(), error.body_text()))?;
    let to = super::query::instant_or(stretch.to.as_deref(), "to", shared.now())?;
    let from = super::query::instant_or(stretch.from.as_deref(), "from", to - DAY)?;
    let marks = shared.keeper.marks(from, to).await.map_err(|error| {
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, format!("no events: {error}"))
    })?;
    let events: Vec<Value> = marks.iter().map(shape).collect();
    Ok(Json(json!({ "events": events })))
}

fn shape(mark: &Mark) -> Value {
    json!({
        "kind": mark.kind,
        "service": mark.service,
        "at": instant::rfc3339(mark.at),
        "text": mark.text,
    })
}
