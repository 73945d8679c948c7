//! Writes a snapshot.

mod collector;
mod message;
mod number;
mod openmetrics;
mod protobuf;
mod sample;
mod text;

pub use collector::Exposed;
pub use openmetrics::openmetrics;
pub use protobuf::protobuf;
pub use text::text;

use crate::{Encoding, Format};
use plimsoll_model::{Details, Snapshot};

/// Writes `snapshot` in `format`.
pub fn body(format: Format, snapshot: &Snapshot) -> String {
    match format {
        Format::Text => text(snapshot),
        Format::OpenMetrics => openmetrics(snapshot, &Details::default()),
    }
}

/// Writes `snapshot` in `encoding`, with what that has words for of its `details`.
pub fn detailed(encoding: Encoding, snapshot: &Snapshot, details: &Details) -> Vec<u8> {
    match encoding {
        Encoding::Text(Format::Text) => text(snapshot).into_bytes(),
        Encoding::Text(Format::OpenMetrics) => openmetrics(snapshot, details).into_bytes(),
        Encoding::Protobuf => protobuf(snapshot, details),
    }
}
