//! The clocks of the façade: the one that stamps edges, and the wall's.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

pub(crate) use plimsoll_record::clock::now_ns;

/// Returns what the wall clock shows.
#[allow(clippy::disallowed_methods)] // This is the clock module.
pub(crate) fn wall() -> SystemTime {
    SystemTime::now()
}

/// Returns what the monotonic clock shows, where an interface wants it as an instant.
#[allow(clippy::disallowed_methods)] // This is the clock module.
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// Seconds since the Unix epoch, as a timestamp gauge has them; negative before it.
pub(crate) fn unix_seconds(at: SystemTime) -> f64 {
    match at.duration_since(UNIX_EPOCH) {
        Ok(since) => since.as_secs_f64(),
        Err(before) => -before.duration().as_secs_f64(),
    }
}
