//! The backup's lines: JSON that a person reads and a later version still does.
//!
//! One value a line: first what it is and of when, then ledgers, targets, alerts and marks in any
//! order, last how many lines came before. Times are milliseconds since the Unix epoch. Counts are
//! numbers; what only this program needs is the data file's own record, in hexadecimal digits.

use super::ArchiveError;
use super::events::Mark;
use crate::tally::{FIELDS, Tally};
use plimsoll_model::TimeMs;
use serde::{Deserialize, Serialize};
use std::fmt::Write;

/// The version of the lines that is written, and the newest that is read: 1 had no corrections.
pub(super) const VERSION: u32 = 2;

/// A slot's six integers: good, bad, unknown; target-time expected, missing of it, and missing
/// without a known rate.
pub(super) type Fields = [u64; FIELDS];

/// When a slot begins, and what it held.
pub(super) type Slot = (i64, Fields);

/// One line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Line {
    /// The first.
    Plimsoll { version: u32, format: u64, at_ms: Option<i64> },
    /// One SLO, or one group of it.
    Ledger {
        key: String,
        record: Hex,
        /// What its windows hold, tier by tier.
        tiers: Vec<(u32, Vec<Slot>)>,
        history: Vec<Slot>,
    },
    /// One target.
    Target { key: String, names: Hex, record: Hex },
    /// The alerts of one SLO, in the daemon's own JSON.
    Alert { key: String, state: String },
    /// A mark on the charts.
    Mark { mark: KeptMark },
    /// A correction, in force or not, oldest first.
    Correction { correction: KeptCorrection },
    /// What happened after the last whole checkpoint, as the data file holds it.
    Journal { at_ms: i64, record: Hex },
    /// The last: a file that was cut has none.
    End { lines: u64 },
}

/// Bytes as hexadecimal digits.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(super) struct Hex(pub(super) Vec<u8>);

impl From<Hex> for String {
    fn from(hex: Hex) -> Self {
        hex.0.iter().fold(Self::with_capacity(2 * hex.0.len()), |mut text, byte| {
            // Writing to a string can't fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
    }
}

impl TryFrom<String> for Hex {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let digit =
            |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        let pair = |pair: &[u8]| match pair {
            [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
            _ => None,
        };
        let bytes: Option<Vec<u8>> = text.as_bytes().chunks(2).map(pair).collect();
        bytes.map(Self).ok_or("a record isn't pairs of hexadecimal digits")
    }
}

/// A mark on the charts.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct KeptMark {
    at_ms: i64,
    what: String,
    service: String,
    text: String,
}

impl From<Mark> for KeptMark {
    fn from(mark: Mark) -> Self {
        Self { at_ms: mark.at.0, what: mark.kind, service: mark.service, text: mark.text }
    }
}

impl From<KeptMark> for Mark {
    fn from(kept: KeptMark) -> Self {
        let KeptMark { at_ms, what, service, text } = kept;
        Self { kind: what, service, at: TimeMs(at_ms), text }
    }
}

/// What somebody knew better, and who.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct KeptCorrection {
    pub(super) slo: String,
    /// The ledger's.
    pub(super) key: String,
    pub(super) from_ms: i64,
    pub(super) to_ms: i64,
    pub(super) good: u64,
    pub(super) bad: u64,
    /// What was seen, as the fields of a slot.
    pub(super) was: Fields,
    pub(super) reason: String,
    pub(super) author: String,
    pub(super) at_ms: i64,
}

/// Returns what came out of the archive as a slot of a line.
pub(super) fn slot((start_ms, tally): (i64, Tally)) -> Slot {
    (start_ms, tally.to_fields())
}

/// Why a backup couldn't be written.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The archive can't be read.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// The backup can't be written.
    #[error("the backup can't be written: {0}")]
    Write(#[from] std::io::Error),
}

/// Why a backup wasn't taken in. The data directory is as it was.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// A line isn't what it should be.
    #[error("line {line}: {what}")]
    Line {
        /// Its number, from 1.
        line: u64,
        /// What is wrong with it, and what it should be.
        what: String,
    },
    /// There is state already.
    #[error("{0} is there already: move it away, or choose another data directory")]
    Occupied(std::path::PathBuf),
    /// The backup or the data directory can't be read or written.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// The new data file can't be made.
    #[error("{0}")]
    Archive(#[from] ArchiveError),
    /// The data directory can't be used.
    #[error(transparent)]
    Open(#[from] super::OpenError),
}
