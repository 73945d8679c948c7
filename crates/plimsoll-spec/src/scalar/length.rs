use std::str::FromStr;
use std::time::Duration;

/// The longest that Prometheus counts, which keeps nanoseconds in 63 bits: 292 years.
const LENGTH_MS_MAX: u64 = i64::MAX as u64 / 1_000_000;

const UNITS: [(&str, u64); 7] = [
    ("y", 365 * 86_400_000),
    ("w", 7 * 86_400_000),
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1_000),
    ("ms", 1),
];

/// A length of time in Prometheus's syntax: `250ms`, `5m`, `1h30m`, `30d`; units fall and each
/// stands once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Length(pub Duration);

/// Why a text isn't a length of time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LengthError {
    /// Nothing stands there, or a unit is missing.
    #[error("isn't a length of time: write a whole number and a unit, as 250ms, 5m or 1h30m")]
    Syntax,
    /// A unit that Prometheus doesn't know.
    #[error("has no unit `{0}`: units are y, w, d, h, m (minutes), s and ms")]
    Unit(String),
    /// Units that don't fall.
    #[error("has `{0}` out of order: units go from y down to ms, each once")]
    Order(String),
    /// More than 292 years.
    #[error("is longer than can be counted")]
    TooLong,
}

impl FromStr for Length {
    type Err = LengthError;

    fn from_str(text: &str) -> Result<Self, LengthError> {
        if text == "0" {
            return Ok(Self(Duration::ZERO));
        }
        if text.is_empty() {
            return Err(LengthError::Syntax);
        }
        let (mut rest, mut total_ms, mut next_unit) = (text, 0_u64, 0);
        while !rest.is_empty() {
            let (count, after) = split_at_first(rest, |character| !character.is_ascii_digit());
            let (unit, after) = split_at_first(after, |character| character.is_ascii_digit());
            if count.is_empty() || unit.is_empty() || !unit.chars().all(char::is_alphabetic) {
                return Err(LengthError::Syntax);
            }
            let at = UNITS.iter().position(|(name, _)| *name == unit);
            let at = at.ok_or_else(|| LengthError::Unit(unit.into()))?;
            if at < next_unit {
                return Err(LengthError::Order(unit.into()));
            }
            let unit_ms = UNITS.get(at).map_or(0, |(_, ms)| *ms);
            let count: u64 = count.parse().map_err(|_| LengthError::TooLong)?;
            total_ms = count
                .checked_mul(unit_ms)
                .and_then(|ms| total_ms.checked_add(ms))
                .filter(|ms| *ms <= LENGTH_MS_MAX)
                .ok_or(LengthError::TooLong)?;
            (rest, next_unit) = (after, at + 1);
        }
        Ok(Self(Duration::from_millis(total_ms)))
    }
}

fn split_at_first(text: &str, is_end: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(is_end).unwrap_or(text.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_is_read_as_prometheus_reads_it() {
        for (text, ms) in [
            ("0", 0),
            ("250ms", 250),
            ("1h30m", 5_400_000),
            ("30d", 2_592_000_000),
            ("1y1w", 32_140_800_000),
            ("2s500ms", 2_500),
        ] {
            assert_eq!(text.parse(), Ok(Length(Duration::from_millis(ms))), "{text}");
        }
    }

    #[test]
    fn what_prometheus_refuses_is_refused() {
        use LengthError::{Order, Syntax, TooLong, Unit};
        for (text, error) in [
            ("", Syntax),
            ("5", Syntax),
            ("m", Syntax),
            ("-5m", Syntax),
            ("1.5h", Syntax),
            ("5 m", Syntax),
            ("1M", Unit("M".into())),
            ("1min", Unit("min".into())),
            ("5m1h", Order("h".into())),
            ("5m5m", Order("m".into())),
            ("99999999999999999999y", TooLong),
            ("300y", TooLong),
        ] {
            assert_eq!(text.parse::<Length>(), Err(error), "{text}");
        }
    }
}
