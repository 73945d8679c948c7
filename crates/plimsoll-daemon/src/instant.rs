//! Instants as people and other programs write them: RFC 3339, or seconds since the epoch.

use plimsoll_model::TimeMs;
use time::format_description::well_known::Rfc3339;
use time::{OffsetDateTime, UtcOffset};

/// Writes an instant as RFC 3339 in UTC, milliseconds included where there are any.
pub(crate) fn rfc3339(at: TimeMs) -> String {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(at.0) * 1_000_000)
        .ok()
        .and_then(|instant| instant.format(&Rfc3339).ok())
        .unwrap_or_default()
}

/// Reads RFC 3339 or seconds since the epoch; `None` when it is neither.
pub(crate) fn parse(text: &str) -> Option<TimeMs> {
    if let Ok(seconds) = text.parse::<f64>() {
        let in_range = seconds.is_finite() && seconds.abs() < 1e12;
        return in_range.then_some(TimeMs((seconds * 1000.0).round() as i64));
    }
    let instant = OffsetDateTime::parse(text, &Rfc3339).ok()?.to_offset(UtcOffset::UTC);
    i64::try_from(instant.unix_timestamp_nanos() / 1_000_000).ok().map(TimeMs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_is_written_in_utc_and_read_in_both_forms() {
        assert_eq!(rfc3339(TimeMs(1_767_225_600_250)), "2026-01-01T00:00:00.25Z");
        assert_eq!(parse("2026-01-01T02:00:00.25+02:00"), Some(TimeMs(1_767_225_600_250)));
        assert_eq!(parse("1767225600.25"), Some(TimeMs(1_767_225_600_250)));
        for wrong in ["", "yesterday", "NaN", "1e300", "2026-01-01"] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }
}
