//! Ready = nothing holds it back any more.
//!
//! Whoever has something to do before the process may get traffic takes a [`Hold`] and drops it
//! when done, and again while it drains. A hold that a panic drops is released too.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Says whether the process is ready; clones share one state.
#[derive(Clone, Debug, Default)]
pub struct Readiness(Arc<Mutex<Vec<&'static str>>>);

/// Keeps the process from being ready until it is dropped.
#[derive(Debug)]
#[must_use = "dropping the hold at once makes the process ready"]
pub struct Hold {
    reason: &'static str,
    readiness: Readiness,
}

impl Readiness {
    /// Makes a state that nothing holds back: take the holds before anybody can ask.
    pub fn new() -> Self {
        Self::default()
    }

    /// Holds readiness back for `reason`, as `restoring the archive`.
    pub fn hold(&self, reason: &'static str) -> Hold {
        self.reasons().push(reason);
        Hold { reason, readiness: self.clone() }
    }

    /// Says whether nothing holds it back.
    pub fn is_ready(&self) -> bool {
        self.reasons().is_empty()
    }

    /// Returns what holds it back, in the order in which the holds were taken.
    pub fn waits_for(&self) -> Vec<&'static str> {
        self.reasons().clone()
    }

    fn reasons(&self) -> MutexGuard<'_, Vec<&'static str>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        let mut reasons = self.readiness.reasons();
        if let Some(at) = reasons.iter().position(|reason| *reason == self.reason) {
            reasons.remove(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_ready_when_the_last_hold_is_dropped() {
        let readiness = Readiness::new();
        let first = readiness.hold("archive");
        let second = readiness.clone().hold("listener");
        let again = readiness.hold("archive");
        assert_eq!(readiness.waits_for(), ["archive", "listener", "archive"]);
        drop(first);
        drop(second);
        assert!(!readiness.is_ready());
        drop(again);
        assert!(readiness.is_ready());
    }

    #[test]
    fn a_panic_releases_the_hold() {
        let readiness = Readiness::new();
        let hold = readiness.hold("doomed");
        let outcome = std::thread::spawn(move || {
            let _hold = hold;
            panic!("on purpose");
        })
        .join();
        assert!(outcome.is_err());
        assert!(readiness.is_ready());
    }
}
