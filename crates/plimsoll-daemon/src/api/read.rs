//! What the engine saw last, as JSON.

use super::problem::Problem;
use super::{Shared, history, shape};
use crate::instant::rfc3339;
use crate::words;
use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, RawQuery, State};
use serde_json::{Value, json};
use std::sync::{Arc, PoisonError};

/// `GET /api/v1/slos`.
pub(super) async fn slos(State(shared): State<Arc<Shared>>) -> Json<Value> {
    Json(json!({ "slos": shape::slos(&*shared.seen().await) }))
}

/// `GET /api/v1/slos/{id}` and `…/{id}/history`. An id holds a `/` and may end like either, so the
/// longest id that exists is meant.
pub(super) async fn slo_or_history(
    State(shared): State<Arc<Shared>>,
    path: Result<Path<String>, PathRejection>,
    RawQuery(query): RawQuery,
) -> Result<Json<Value>, Problem> {
    let Path(path) = path.map_err(|error| Problem::new(error.status(), error.body_text()))?;
    let view = shared.seen().await;
    if let Some(slo) = view.slos.iter().find(|slo| slo.id == path) {
        let mut whole = shape::slo(&view, slo);
        let band = slo.band.as_ref().map(words::band).unwrap_or_default();
        let explanation = plimsoll_slo::explain(&slo.slo, &slo.assessment) + &band;
        whole["explanation"] = explanation.into();
        return Ok(Json(whole));
    }
    if let Some(id) = path.strip_suffix("/history")
        && let Some(slo) = view.slos.iter().find(|slo| slo.id == id)
    {
        return history::history(&shared, (&view, slo), query.as_deref().unwrap_or_default()).await;
    }
    Err(Problem::not_found(format!("there is no SLO {path}; GET /api/v1/slos lists them")))
}

/// `GET /api/v1/alerts`.
pub(super) async fn alerts(State(shared): State<Arc<Shared>>) -> Json<Value> {
    Json(json!({ "alerts": shape::alerts(&*shared.seen().await) }))
}

/// `GET /api/v1/signals`.
pub(super) async fn signals(State(shared): State<Arc<Shared>>) -> Json<Value> {
    Json(json!({ "signals": shape::signals(&*shared.seen().await) }))
}

/// `GET /api/v1/targets`.
pub(super) async fn targets(State(shared): State<Arc<Shared>>) -> Json<Value> {
    let view = shared.seen().await;
    Json(json!({ "targets": shape::targets(&view), "discovery": shape::discovery(&view) }))
}

/// `GET /api/v1/status`.
pub(super) async fn status(State(shared): State<Arc<Shared>>) -> Json<Value> {
    let about = &shared.about;
    let view = shared.seen().await;
    let reload = shared.reload.lock().unwrap_or_else(PoisonError::into_inner).clone();
    Json(json!({
        "version": about.version,
        "instance": about.instance,
        "started": rfc3339(about.started),
        "config_file": about.config_file,
        "data_dir": about.data_dir,
        "as_of": rfc3339(view.at),
        "flushed_at": view.flushed_at.map(rfc3339),
        "flush_error": view.flush_error,
        "reload": {
            "at": reload.at.map(rfc3339),
            "ok": reload.refused.is_empty(),
            "refused": reload.refused,
        },
        "sinks": shared.tally.sinks().iter().map(shape::sink).collect::<Vec<_>>(),
        "now": rfc3339(shared.now()),
    }))
}
