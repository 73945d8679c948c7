//! What can go wrong, and whether it does now.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The card network answers in 400 ms instead of a few.
pub(crate) const SLOW_DEPENDENCY: usize = 0;
/// A batch job keeps the ledger locked most of the time.
pub(crate) const LOCK_HOG: usize = 1;
/// The tax office refuses, and billing tries the same order again and again.
pub(crate) const STALLED_CONSUMER: usize = 2;

/// The names of all faults, in the order of their numbers.
const NAMES: [&str; 3] = ["slow-dependency", "lock-hog", "stalled-consumer"];

/// Which faults are on; clones share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Faults(Arc<[AtomicBool; NAMES.len()]>);

impl Faults {
    /// Says whether a fault is on.
    pub(crate) fn is_on(&self, fault: usize) -> bool {
        self.0.get(fault).is_some_and(|on| on.load(Ordering::Relaxed))
    }

    /// Turns on those that are named, and all others off.
    pub(crate) fn set<'a>(&self, names: impl Iterator<Item = &'a str> + Clone) {
        for (on, name) in self.0.iter().zip(NAMES) {
            on.store(names.clone().any(|named| named == name), Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_named_is_off() {
        let faults = Faults::default();
        faults.set(["lock-hog", "nonsense"].into_iter());
        let on = || [SLOW_DEPENDENCY, LOCK_HOG, STALLED_CONSUMER].map(|fault| faults.is_on(fault));
        assert_eq!(on(), [false, true, false]);
        faults.set(["slow-dependency"].into_iter());
        assert_eq!(on(), [true, false, false]);
    }
}
