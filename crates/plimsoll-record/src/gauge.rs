use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A value that is set. Until it is, and after [`Gauge::unset`], it is absent: unknown is no number.
/// Cloning shares it.
#[derive(Clone, Debug)]
pub struct Gauge(Arc<AtomicU64>);

impl Gauge {
    pub(crate) fn new() -> Self {
        Self(Arc::new(AtomicU64::new(f64::NAN.to_bits())))
    }

    /// Sets the value, in the signal's unit (seconds for `s`). One that isn't finite unsets it.
    pub fn set(&self, value: f64) {
        self.0.store(value.to_bits(), Ordering::Relaxed);
    }

    /// Makes the value unknown: it isn't exported until it is set again.
    pub fn unset(&self) {
        self.set(f64::NAN);
    }

    pub(crate) fn value(&self) -> Option<f64> {
        Some(f64::from_bits(self.0.load(Ordering::Relaxed))).filter(|value| value.is_finite())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_unknown_is_absent() {
        let gauge = Gauge::new();
        assert_eq!(gauge.value(), None);
        gauge.set(0.0);
        assert_eq!(gauge.value(), Some(0.0));
        gauge.set(f64::INFINITY);
        assert_eq!(gauge.value(), None);
        gauge.set(-1.5);
        gauge.unset();
        assert_eq!(gauge.value(), None);
    }
}
