//! The clock that stamps edges.

use std::sync::OnceLock;
use std::time::Instant;

/// Returns nanoseconds since the process's recorder began, on the clock that stamps edges.
///
/// For durations that are handed to [`crate::Histogram::observe`].
#[allow(clippy::disallowed_methods)] // This is the clock module.
pub fn now_ns() -> u64 {
    static START: OnceLock<Instant> = OnceLock::new();
    u64::try_from(START.get_or_init(Instant::now).elapsed().as_nanos()).unwrap_or(u64::MAX)
}
