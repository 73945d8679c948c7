//! How far consumers are behind, in the same words for every broker.

mod status;

pub(crate) use status::{Seen, Statuses};

use crate::reading::labelled;
use crate::skew::Skew;
use crate::{Reading, World};
use plimsoll_model::{Labels, catalog};
use plimsoll_runtime::clock::Clock;
use std::time::Duration;

/// What one group has yet to read of one partition.
pub(crate) struct Lag {
    pub(crate) group: String,
    pub(crate) topic: String,
    /// Empty where the broker has none.
    pub(crate) partition: String,
    pub(crate) messages: u64,
    pub(crate) oldest: Oldest,
}

/// When the next message to be read was produced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Oldest {
    /// The broker doesn't tell, or wasn't asked in this round.
    Unknown,
    /// There is no such message: the end says so.
    None,
    /// Then, by the clock that stamped it; `age_ms` is how long ago that is by the same clock, or by ours
    /// where nobody knows that clock's present.
    At { unix_ms: i64, age_ms: i64 },
}

/// Writes lags down.
pub(crate) struct Ledger(Skew);

impl Lag {
    /// Returns the labels of its series.
    pub(crate) fn labels(&self) -> Labels {
        labelled([("group", &self.group), ("topic", &self.topic), ("partition", &self.partition)])
    }
}

impl Ledger {
    pub(crate) fn new(world: &World) -> Self {
        Self(Skew::new(world))
    }

    /// Adds the series of a lag. Seconds are those of the oldest message: a number that was extrapolated
    /// would read 0 when nothing is produced.
    pub(crate) fn write(&self, lag: &Lag, reading: &mut Reading) {
        let labels = lag.labels();
        reading.gauge(&catalog::CONSUMER_LAG, &labels, lag.messages as f64);
        match lag.oldest {
            Oldest::Unknown => {}
            Oldest::None => reading.gauge(&catalog::CONSUMER_LAG_TIME, &labels, 0.0),
            Oldest::At { unix_ms, age_ms } => {
                let age_s = self.0.age(age_ms as f64 / 1e3);
                reading.gauge(&catalog::CONSUMER_LAG_TIME, &labels, age_s);
                let at_s = unix_ms as f64 / 1e3;
                reading.gauge(&catalog::CONSUMER_OLDEST_TIMESTAMP, &labels, at_s);
            }
        }
    }
}

/// Returns what a clock on the wall shows, in milliseconds since 1970.
pub(crate) fn wall_ms(clock: &dyn Clock) -> i64 {
    clock.now().0.saturating_add(clock.wall_offset_ms())
}

/// How long a consumer may stand still before that is its status, unless told otherwise.
pub(crate) const STALLED_AFTER: Duration = Duration::from_secs(60);
