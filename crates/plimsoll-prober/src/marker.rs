use std::fmt;
use std::str::FromStr;

/// What a prober writes to the system of record and looks for in the stores: which prober, and its how
/// many-th.
///
/// As text, `RUN-NUMBER`: a pipeline passes it on as it is, under the heartbeat's key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Marker {
    /// Tells one prober's markers from those of another, or of an earlier start.
    pub run: u32,
    /// Ascends within a run, from 1.
    pub number: u32,
}

/// A text that is no marker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it isn't RUN-NUMBER, as the prober wrote it: the pipeline must pass it on unchanged")]
pub struct NoMarker;

impl fmt::Display for Marker {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}-{}", self.run, self.number)
    }
}

impl FromStr for Marker {
    type Err = NoMarker;

    fn from_str(text: &str) -> Result<Self, NoMarker> {
        let plain = |text: &str| {
            let is_plain = text.bytes().all(|byte| byte.is_ascii_digit());
            text.parse().ok().filter(|_| is_plain).ok_or(NoMarker)
        };
        let (run, number) = text.trim().split_once('-').ok_or(NoMarker)?;
        Ok(Self { run: plain(run)?, number: plain(number)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_marker_is_read_as_it_was_written_and_nothing_else_is_one() {
        let marker = Marker { run: u32::MAX, number: 7 };
        assert_eq!(marker.to_string(), "4294967295-7");
        assert_eq!(" 4294967295-7\n".parse(), Ok(marker));
        for text in ["", "-", "7", "1-", "-1", "+1-2", "1-2-3", "1--2", "4294967296-1", "a-b"] {
            assert_eq!(text.parse::<Marker>(), Err(NoMarker), "{text:?}");
        }
    }
}
