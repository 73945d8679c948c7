use std::sync::{Mutex, PoisonError};

/// How many of one operation are in flight over all targets, as the engine last knew it: by this a prober
/// sorts its markers.
#[derive(Debug)]
pub(crate) struct InFlight {
    operation: String,
    told: Mutex<Option<u64>>,
}

impl InFlight {
    pub(super) fn of(operation: &str) -> Self {
        Self { operation: operation.to_owned(), told: Mutex::default() }
    }

    /// Returns the value of the label `operation`.
    pub(crate) fn operation(&self) -> &str {
        &self.operation
    }

    /// Takes what is known now, which may be nothing.
    pub(crate) fn tell(&self, count: Option<u64>) {
        *self.told.lock().unwrap_or_else(PoisonError::into_inner) = count;
    }

    pub(super) fn now(&self) -> Option<u64> {
        *self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
