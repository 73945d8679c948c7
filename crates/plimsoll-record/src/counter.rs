use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A sum that only grows. Cloning shares it.
#[derive(Clone, Debug)]
pub struct Counter(Arc<AtomicU64>);

impl Counter {
    /// Adds one.
    pub fn increment(&self) {
        self.add(1);
    }

    /// Adds to the sum: nanoseconds for a signal in seconds, else the signal's unit.
    pub fn add(&self, amount: u64) {
        self.0.fetch_add(amount, Ordering::Relaxed);
    }

    /// Raises the sum to `total`, which something else has counted; a lower one changes nothing.
    ///
    /// A counter is either added to or raised, never both.
    pub fn raise_to(&self, total: u64) {
        self.0.fetch_max(total, Ordering::Relaxed);
    }
}
