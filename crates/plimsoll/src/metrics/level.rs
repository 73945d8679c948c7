use super::metric::{Metric, Series, private};
use crate::instrument::{self, Stay};
use plimsoll_model::{Labels, Signal};
use plimsoll_record::{ActivitySpec, Registry};

/// Something of a service's own that is entered and left: checkouts, sessions, files being sent.
///
/// `level(name = "checkouts", unit = "{checkout}", limit = 64)` with the prefix `shop` records, in
/// `{checkout}`:
///
/// | series | what |
/// |---|---|
/// | gauge `shop_checkouts` | the level now |
/// | gauge `shop_checkouts_limit` | the limit, if there is one; it isn't enforced here |
/// | gauge `shop_checkouts_peak` | the highest of the last 60 s |
/// | `shop_checkouts_time_seconds_total` | its integral |
/// | `shop_checkouts_saturated_seconds_total` | time at the limit or above |
/// | histogram `shop_checkouts_time_weighted` | milliseconds by level |
/// | gauge `shop_checkouts_oldest_age_seconds` | age of the oldest still in it |
///
/// # Cost
/// Two clock reads and two appends to the thread's own log for each stay.
///
/// # Cancellation
/// The guard leaves when it is dropped, by whatever: an end, a cancelled future, a panic.
///
/// # Reading it
/// ```promql
/// rate(shop_checkouts_time_seconds_total[5m])       # exact mean
/// rate(shop_checkouts_saturated_seconds_total[5m])  # share of time at the limit
/// ```
pub type Level<L = ()> = Metric<LevelSeries, L>;

/// One series of a [`Level`].
#[derive(Clone, Copy, Debug)]
pub struct LevelSeries(instrument::Level);

impl private::Sealed for LevelSeries {}

impl Series for LevelSeries {
    /// The limit, if it has one.
    type Details = Option<u64>;

    fn made(
        registry: &Registry,
        signal: &'static Signal,
        limit: Option<u64>,
        labels: Labels,
    ) -> Self {
        let spec = ActivitySpec { limit, ..ActivitySpec::new(signal, labels) };
        Self(instrument::Level::new(registry, spec))
    }
}

impl LevelSeries {
    /// Enters; the guard leaves when it is dropped.
    pub fn enter(&self) -> LevelGuard {
        LevelGuard { _stay: self.0.enter() }
    }

    /// Changes the limit from now on.
    pub fn set_limit(&self, limit: Option<u64>) {
        self.0.set_limit(limit);
    }
}

impl Level {
    /// Enters; the guard leaves when it is dropped.
    pub fn enter(&self) -> LevelGuard {
        self.with(LevelSeries::enter)
    }

    /// Changes the limit from now on.
    pub fn set_limit(&self, limit: Option<u64>) {
        self.with(|series| series.set_limit(limit));
    }
}

/// A stay in a [`Level`], until it is dropped.
#[derive(Debug)]
#[must_use = "dropping the guard leaves at once"]
pub struct LevelGuard {
    _stay: Stay,
}
