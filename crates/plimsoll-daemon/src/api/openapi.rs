use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;

/// The contract of the API, for people and generators.
const DOCUMENT: &str = include_str!("openapi.json");

/// `GET /api/openapi.json`.
pub(super) async fn document() -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/json")], DOCUMENT)
}
