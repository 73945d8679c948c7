use plimsoll_model::TimeMs;
use plimsoll_runtime::clock::{Clock, SystemClock};
use plimsoll_spec::Length;
use std::time::Duration;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// A time, or so long ago.
#[derive(Clone, Copy, Debug)]
pub(crate) enum When {
    At(TimeMs),
    Ago(Duration),
}

impl When {
    pub(crate) fn at(self) -> TimeMs {
        match self {
            Self::At(at) => at,
            Self::Ago(length) => {
                let length_ms = i64::try_from(length.as_millis()).unwrap_or(i64::MAX);
                TimeMs(SystemClock::start().now().0.saturating_sub(length_ms))
            }
        }
    }
}

/// Reads RFC 3339, Unix seconds, or a length of time.
pub(crate) fn parse(text: &str) -> Result<When, String> {
    if let Ok(length) = text.parse::<Length>() {
        return Ok(When::Ago(length.0));
    }
    if let Some(seconds) = text.parse::<f64>().ok().filter(|seconds| seconds.is_finite()) {
        return Ok(When::At(TimeMs((seconds * 1_000.0) as i64)));
    }
    let time = OffsetDateTime::parse(text, &Rfc3339).map_err(|_| {
        "isn't a time: write 2026-01-04T03:00:00Z, Unix seconds, or a length of time ago as 30d"
            .to_owned()
    })?;
    let ms = time.unix_timestamp_nanos() / 1_000_000;
    Ok(When::At(TimeMs(i64::try_from(ms).unwrap_or(i64::MAX))))
}
