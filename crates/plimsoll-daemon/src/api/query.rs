//! What queries hold.

use super::problem::Problem;
use crate::instant;
use plimsoll_model::TimeMs;

/// Reads an instant of a query, or takes the default.
pub(super) fn instant_or(
    text: Option<&str>,
    key: &str,
    default: TimeMs,
) -> Result<TimeMs, Problem> {
    text.map_or(Some(default), instant::parse).ok_or_else(|| {
        Problem::bad_request(format!("{key}: give RFC 3339 or seconds since the epoch"))
    })
}
