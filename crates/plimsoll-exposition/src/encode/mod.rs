//! Writes a snapshot.

mod collector;
mod text;

pub use collector::{Exposed, openmetrics};
pub use text::text;

use crate::Format;
use plimsoll_model::Snapshot;

/// Writes `snapshot` in `format`.
pub fn body(format: Format, snapshot: &Snapshot) -> String {
    match format {
        Format::Text => text(snapshot),
        Format::OpenMetrics => openmetrics(snapshot),
    }
}
