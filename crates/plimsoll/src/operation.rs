use crate::Name;
use crate::instrument::{Level, Stay};
use plimsoll_model::catalog;
use plimsoll_record::{Activity, ActivitySpec, Outcome, Registry, Split};

/// Something that a service does many of at a time: a request, a transaction, a job.
///
/// It records (M1, M6, M7 of the catalog):
///
/// | series | what |
/// |---|---|
/// | level `concurrency_in_flight{operation}` | how many are in flight, with limit, peak, integral, saturated time, time at each level and age of the oldest |
/// | `concurrency_operations_total{operation,outcome,band}` | how many ended, how, and how many were in flight when each began |
/// | histogram `concurrency_operation_duration_seconds{operation,outcome}` | how long each took, the cancelled and panicked ones too |
///
/// A handle is small: clone it, keep it in the application's state.
///
/// # Cost
/// Two clock reads and two appends to the thread's own log a call; no lock, no shared counter.
///
/// # Cancellation
/// The guard does the accounting when it is dropped: a call that is dropped before it is done is
/// `cancelled`, one that a panic unwinds is `panicked`, and the level comes down in both.
///
/// # Reading it
/// ```promql
/// rate(concurrency_in_flight_time_seconds_total{operation="authorize"}[5m])       # exact mean in flight
/// concurrency_in_flight_peak{operation="authorize"}                                # worst of the last 60 s
/// rate(concurrency_in_flight_saturated_seconds_total{operation="authorize"}[5m])  # share of time at the limit
/// sum by (band) (rate(concurrency_operations_total{operation="authorize",outcome="error"}[5m]))
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Operation {
    level: Level,
}

impl Operation {
    /// Makes the operation in the global registry, or finds the one of this name.
    pub fn named(name: impl Into<Name>) -> Self {
        Self::named_in(Registry::global(), name)
    }

    /// Makes the operation in `registry`, or finds the one of this name.
    pub fn named_in(registry: &Registry, name: impl Into<Name>) -> Self {
        Self::made(registry, name.into(), None)
    }

    /// Makes an operation of which `limit` may be in flight, in the global registry. The limit isn't
    /// enforced here: time spent at it or above counts as saturated.
    pub fn limited(name: impl Into<Name>, limit: u64) -> Self {
        Self::limited_in(Registry::global(), name, limit)
    }

    /// Makes an operation of which `limit` may be in flight, in `registry`.
    pub fn limited_in(registry: &Registry, name: impl Into<Name>, limit: u64) -> Self {
        Self::made(registry, name.into(), Some(limit))
    }

    pub(crate) fn made(registry: &Registry, name: Name, limit: Option<u64>) -> Self {
        let mut spec = ActivitySpec::new(&catalog::IN_FLIGHT, name.under("operation"))
            .duration(&catalog::OPERATION_DURATION, Split::OUTCOME)
            .duration_edges(&name.edges_ns)
            .outcomes(&catalog::OPERATIONS);
        spec.limit = limit;
        if let Some(bands) = &name.bands {
            spec = spec.bands(bands);
        }
        Self { level: Level::new(registry, spec) }
    }

    /// Changes the limit from now on.
    pub fn set_limit(&self, limit: Option<u64>) {
        self.level.set_limit(limit);
    }

    /// Enters; the guard leaves when it is dropped.
    pub fn enter(&self) -> OperationGuard {
        OperationGuard(self.level.enter())
    }

    pub(crate) fn activity(&self) -> Option<Activity> {
        self.level.activity()
    }
}

/// One call of an [`Operation`] in flight, until it is dropped.
///
/// Dropped without a word it counts as [`Outcome::Cancelled`], because that is what a future that is
/// dropped at an await looks like; during a panic it counts as [`Outcome::Panicked`].
#[derive(Debug)]
#[must_use = "dropping the guard ends the call at once"]
pub struct OperationGuard(Stay);

impl OperationGuard {
    /// Ends the call with `outcome`.
    pub fn finish(self, outcome: Outcome) {
        self.0.end(outcome);
    }

    /// Ends the call: `Err` is [`Outcome::Error`]; the result is handed through.
    ///
    /// # Errors
    /// That of `result`.
    pub fn finish_with<T, E>(self, result: Result<T, E>) -> Result<T, E> {
        self.finish(if result.is_ok() { Outcome::Ok } else { Outcome::Error });
        result
    }

    /// Says how the call will have ended when the guard is dropped.
    pub fn set_outcome(&mut self, outcome: Outcome) {
        self.0.set_outcome(outcome);
    }
}
