//! A collector as it was written.

use super::{CollectorConfig, Pace, Planned};
use plimsoll_spec::{Key, Length, Parsed, Shape, optional};
use serde::Deserialize;
use std::path::Path;
use std::time::Duration;

/// More often than this, a look costs more than what it sees is worth.
const INTERVAL_MIN: Duration = Duration::from_millis(20);

/// What `collector` says, for every kind.
pub(crate) const LABEL: Key = optional("label", Shape::TEXT);

/// How often it looks, for every kind.
pub(crate) const INTERVAL: Key = optional("interval", Shape::Text(interval));

/// How long a look may take, for every kind.
pub(crate) const DEADLINE: Key = optional("deadline", Shape::Text(interval));

/// What every kind of collector takes, and what this kind does.
#[derive(Debug, Deserialize)]
pub(super) struct RawCollector<T> {
    label: Option<String>,
    interval: Option<Parsed<Length>>,
    deadline: Option<Parsed<Length>>,
    #[serde(flatten)]
    of: T,
}

impl<T> RawCollector<T> {
    pub(super) fn map<U>(self, to: impl FnOnce(T) -> U) -> RawCollector<U> {
        let Self { label, interval, deadline, of } = self;
        RawCollector { label, interval, deadline, of: to(of) }
    }
}

impl RawCollector<CollectorConfig> {
    /// Plans it; what only shows between its keys is a fault of one of them, or of none, with the reason.
    pub(super) fn planned(mut self, folder: &Path) -> Result<Planned, (&'static str, String)> {
        self.of.lies_in(folder);
        self.of.check().map_err(|reason| ("", reason.to_string()))?;
        let own = self.of.pace();
        let interval = self.interval.map_or(own.interval, |length| length.0.0);
        // Who looks more often than the deadline is used to waiting less, unless told otherwise.
        let deadline = self.deadline.map_or(own.deadline.min(interval), |length| length.0.0);
        if deadline > interval {
            let reason =
                format!("is longer than the interval of {interval:?}: rounds don't overlap");
            return Err(("deadline", reason));
        }
        Ok(Planned { label: self.label, pace: Pace { interval, deadline }, collector: self.of })
    }
}

/// Accepts a length of 20 ms or more.
pub(crate) fn interval(text: &str) -> Result<(), String> {
    let length = text.parse::<Length>().map_err(|error| error.to_string())?;
    if length.0 < INTERVAL_MIN {
        return Err(format!("is below {INTERVAL_MIN:?}"));
    }
    Ok(())
}

/// Accepts a length of time.
pub(crate) fn length(text: &str) -> Result<(), String> {
    text.parse::<Length>().map(drop).map_err(|error| error.to_string())
}
