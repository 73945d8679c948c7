use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A value that is set. Until it is, and after [`Gauge::unset`], it is absent: unknown is no number.
#[derive(Clone, Debug)]
pub struct Gauge(Arc<AtomicU64>);

impl Gauge {
    /// Sets the value, in the signal's unit (seconds for `s`). One that isn't finite unsets it.
    pub fn set(&self, value: f64) {
        self.0.store(value.to_bits(), Ordering::Relaxed);
    }

    /// Makes the value unknown: it isn't exported until it is set again.
    pub fn unset(&self) {
        self.0.store(f64::NAN.to_bits(), Ordering::Relaxed);
    }
}
