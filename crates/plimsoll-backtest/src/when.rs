use plimsoll_model::TimeMs;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Writes a time as RFC 3339 in UTC, in whole seconds where it is.
pub(crate) fn rfc3339(at: TimeMs) -> String {
    let nanoseconds = i128::from(at.0) * 1_000_000;
    let time = OffsetDateTime::from_unix_timestamp_nanos(nanoseconds).ok();
    time.and_then(|time| time.format(&Rfc3339).ok()).unwrap_or_else(|| at.0.to_string())
}
