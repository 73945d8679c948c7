use super::Shared;
use super::problem::Problem;
use crate::reload::ReloadError;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use std::sync::Arc;
use tokio::sync::oneshot;

/// `GET /-/healthy`: it answers, so it lives.
pub(super) async fn healthy() -> &'static str {
    "Healthy.\n"
}

/// `GET /-/ready`: the state is loaded and evaluation runs.
pub(super) async fn ready(State(shared): State<Arc<Shared>>) -> Response {
    let reasons = shared.readiness.waits_for();
    if reasons.is_empty() {
        return "Ready.\n".into_response();
    }
    let detail = format!("not ready: {}\n", reasons.join(", "));
    (StatusCode::SERVICE_UNAVAILABLE, detail).into_response()
}

/// `POST /-/reload`: answers when the new configuration runs, or says why the old one still does.
pub(super) async fn reload(State(shared): State<Arc<Shared>>) -> Response {
    let (answer, answered) = oneshot::channel();
    let stopping = || {
        let detail = "the daemon is stopping";
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail).into_response()
    };
    if shared.reloads.send(Some(answer)).await.is_err() {
        return stopping();
    }
    match answered.await {
        Ok(Ok(())) => "Reloaded.\n".into_response(),
        Ok(Err(error)) => refused(&error).into_response(),
        Err(_) => stopping(),
    }
}

fn refused(error: &ReloadError) -> Problem {
    let detail = format!("{error}; the old configuration stays in force");
    let problem = Problem::new(StatusCode::UNPROCESSABLE_ENTITY, detail);
    problem.with_faults(error.faults())
}
