use std::time::SystemTime;

/// Returns nanoseconds since the Unix epoch.
#[allow(clippy::disallowed_methods)] // This is the clock module.
pub(crate) fn unix_ns() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |since| u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
}

/// Returns when the process's recorder began, from which all its sums count.
pub(crate) fn began_unix_ns() -> u64 {
    unix_ns().saturating_sub(plimsoll_record::clock::now_ns())
}
