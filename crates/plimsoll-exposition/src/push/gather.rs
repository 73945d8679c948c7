//! Puts points together within bounds.

use super::fields::NoMessage;
use super::point::{Point, PointValue, Pushed};
use crate::Interest;
use plimsoll_model::{Labels, SeriesKey};

/// The most points that one body may give: what is of use of a body is bounded, whatever it holds.
const POINTS_MAX: usize = 1_000_000;

/// The most labels of one series.
pub(super) const LABELS_MAX: usize = 128;

/// Prometheus's marker of a series that ended, told from every other NaN by its bits.
const STALE_NAN: u64 = 0x7ff0_0000_0000_0002;

/// Why a pushed body was refused as a whole.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PushError {
    /// It is no message of its kind.
    #[error(transparent)]
    Message(#[from] NoMessage),
    /// It is no JSON of its kind.
    #[error("not OTLP metrics as JSON: {0}")]
    Json(String),
    /// It holds too much.
    #[error("more than {POINTS_MAX} points of use in one body: push smaller ones")]
    TooMany,
}

/// What is gathered of one body.
#[derive(Debug)]
pub(super) struct Gather<'i> {
    pub(super) interest: &'i Interest,
    pub(super) pushed: Pushed,
}

/// When a point is from, and what its value stands for.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Stamp {
    pub(super) at_ms: i64,
    pub(super) start_ms: Option<i64>,
    pub(super) is_delta: bool,
}

impl<'i> Gather<'i> {
    pub(super) fn new(interest: &'i Interest) -> Self {
        Self { interest, pushed: Pushed::default() }
    }

    /// Makes the identity of a series; `None`, and counted, when its labels can't be.
    pub(super) fn key<'l>(
        &mut self,
        name: &str,
        labels: impl IntoIterator<Item = (&'l str, &'l str)>,
    ) -> Option<SeriesKey> {
        let labels = labels.into_iter().filter(|(_, value)| !value.is_empty());
        match Labels::new(labels) {
            Ok(labels) => Some(SeriesKey { name: name.into(), labels }),
            Err(_) => {
                self.pushed.malformed += 1;
                None
            }
        }
    }

    pub(super) fn add(
        &mut self,
        key: SeriesKey,
        stamp: Stamp,
        value: PointValue,
    ) -> Result<(), PushError> {
        if self.pushed.points.len() >= POINTS_MAX {
            return Err(PushError::TooMany);
        }
        let Stamp { at_ms, start_ms, is_delta } = stamp;
        self.pushed.points.push(Point { key, at_ms, start_ms, is_delta, value });
        Ok(())
    }
}

/// Says what a number stands for.
pub(super) fn number(value: f64) -> PointValue {
    match value.to_bits() {
        STALE_NAN => PointValue::Stale,
        _ => PointValue::Number(value),
    }
}
