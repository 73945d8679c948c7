//! Times and lengths as numbers.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Nanoseconds of a duration; 584 years are enough.
pub(crate) fn ns(length: Duration) -> u64 {
    u64::try_from(length.as_nanos()).unwrap_or(u64::MAX)
}

/// Nanoseconds since 1970, negative before; 292 years either way are enough.
pub(crate) fn unix_ns(at: SystemTime) -> i64 {
    match at.duration_since(UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_nanos()).unwrap_or(i64::MAX),
        Err(before) => i64::try_from(before.duration().as_nanos()).map_or(i64::MIN, |ns| -ns),
    }
}

/// As a time or a difference of times; what doesn't fit is as good as the largest.
pub(crate) fn signed(ns: u64) -> i64 {
    i64::try_from(ns).unwrap_or(i64::MAX)
}
