use crate::instrument::{Level, Stay, Value};
use crate::{Backpressure, Name, Reason};
use plimsoll_model::catalog;
use plimsoll_record::{ActivitySpec, Outcome, Registry};

/// Records a limiter of any make, whose limit may move (M8): a concurrency limit, an adaptive one, a
/// bulkhead, a breaker.
///
/// | series | what |
/// |---|---|
/// | gauge `concurrency_limiter_limit{limiter}` | the limit that it enforces now |
/// | level `concurrency_limiter_in_flight{limiter}` | requests that it has let in, with that limit |
/// | `concurrency_backpressure_total{source,reason}` | requests that it refused; the source is the limiter's name |
///
/// # Cost
/// Two clock reads and two log edges a request that is let in; one addition for one that is refused.
///
/// # Cancellation
/// An [`Admitted`] that is dropped leaves the level.
///
/// # Reading it
/// ```promql
/// rate(concurrency_limiter_in_flight_time_seconds_total[5m]) / concurrency_limiter_limit  # how much of the limit is in use
/// rate(concurrency_limiter_in_flight_saturated_seconds_total[5m])  # share of time at the limit
/// ```
///
/// # Example
/// ```
/// use plimsoll::{LimiterProbe, Reason};
///
/// let limiter = LimiterProbe::named("checkout", 64);
/// let is_let_in = true; // as the limiter says
/// if is_let_in {
///     let _admitted = limiter.admit();
///     // … the request …
/// } else {
///     limiter.refuse(Reason::Shed);
/// }
/// limiter.set_limit(48); // as the limiter moves it
/// ```
#[derive(Clone, Debug)]
pub struct LimiterProbe {
    limit: Value,
    in_flight: Level,
    refused: Backpressure,
}

impl LimiterProbe {
    /// Makes the probe of a limiter that starts at `limit` in the global registry.
    pub fn named(name: impl Into<Name>, limit: u64) -> Self {
        Self::named_in(Registry::global(), name, limit)
    }

    /// Makes the probe of a limiter that starts at `limit` in `registry`.
    pub fn named_in(registry: &Registry, name: impl Into<Name>, limit: u64) -> Self {
        let name = name.into();
        let labels = name.under("limiter");
        let in_flight = ActivitySpec::new(&catalog::LIMITER_IN_FLIGHT, labels.clone()).limit(limit);
        let probe = Self {
            limit: Value::new(registry, &catalog::LIMITER_LIMIT, labels),
            in_flight: Level::new(registry, in_flight),
            refused: Backpressure::named_in(registry, name),
        };
        probe.set_limit(limit);
        probe
    }

    /// Changes the limit from now on.
    pub fn set_limit(&self, limit: u64) {
        self.limit.set(Some(limit as f64));
        self.in_flight.set_limit(Some(limit));
    }

    /// Counts a request that is let in, until the returned value is dropped.
    pub fn admit(&self) -> Admitted {
        Admitted(self.in_flight.enter())
    }

    /// Counts a request that is refused.
    pub fn refuse(&self, reason: Reason) {
        self.refused.count(reason);
    }
}

/// A request that a limiter has let in, until it is dropped.
#[derive(Debug)]
#[must_use = "dropping it says that the request is over"]
pub struct Admitted(Stay);

impl Admitted {
    /// Ends the request.
    pub fn end(self) {
        self.0.end(Outcome::Ok);
    }
}
