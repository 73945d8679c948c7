use crate::Name;
use crate::instrument::Count;
use plimsoll_model::catalog;
use plimsoll_record::Registry;

/// Counts attempts at an operation (D1): first ones, and retries.
///
/// | series | what |
/// |---|---|
/// | `concurrency_attempts_total{operation,attempt}` | attempts, `first` or `retry`; both from the start, at 0 |
///
/// # Cost
/// One addition to a line that the thread has for itself.
///
/// # Cancellation
/// An attempt counts when it begins, however it ends.
///
/// # Reading it
/// ```promql
/// sum by (operation) (rate(concurrency_attempts_total{attempt="retry"}[5m])) / sum by (operation) (rate(concurrency_attempts_total{attempt="first"}[5m]))  # retries a call
/// ```
///
/// # Example
/// ```
/// let charge = plimsoll::Attempts::named("charge");
/// for attempt in 0..3 {
///     charge.count(attempt);
///     // … the call; it breaks when it succeeds …
/// }
/// ```
#[derive(Clone, Debug)]
pub struct Attempts {
    first: Count,
    retry: Count,
}

impl Attempts {
    /// Makes the operation's counters in the global registry, or finds them.
    pub fn named(operation: impl Into<Name>) -> Self {
        Self::named_in(Registry::global(), operation)
    }

    /// Makes the operation's counters in `registry`, or finds them.
    pub fn named_in(registry: &Registry, operation: impl Into<Name>) -> Self {
        let name = operation.into();
        let count = |attempt| {
            let labels = name.with(&[("operation", &name.text), ("attempt", attempt)]);
            Count::new(registry, &catalog::ATTEMPTS, labels)
        };
        Self { first: count("first"), retry: count("retry") }
    }

    /// Counts the first attempt of a call.
    pub fn first(&self) {
        self.first.increment();
    }

    /// Counts an attempt that follows a failed one.
    pub fn retry(&self) {
        self.retry.increment();
    }

    /// Counts an attempt by how many came before it: 0 is the first.
    pub fn count(&self, before: u32) {
        if before == 0 { self.first() } else { self.retry() }
    }
}
