use crate::stripe::Striped;
use std::sync::Arc;

/// A sum that only grows. Cloning shares it; adding costs one atomic addition, once threads have met in
/// it on the thread's own line.
#[derive(Clone, Debug)]
pub struct Counter(Arc<Striped>);

impl Counter {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Striped::new()))
    }

    /// Adds one.
    #[inline]
    pub fn increment(&self) {
        self.add(1);
    }

    /// Adds to the sum: nanoseconds for a signal in seconds, else the signal's unit.
    #[inline]
    pub fn add(&self, amount: u64) {
        self.0.add(amount);
    }

    /// Raises the sum to `total`, which something else has counted; a lower one changes nothing.
    ///
    /// A counter is either added to or raised, never both.
    pub fn raise_to(&self, total: u64) {
        self.0.raise_to(total);
    }

    pub(crate) fn sum(&self) -> u64 {
        self.0.sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_threads_add_is_lost() {
        let counter = Counter::new();
        std::thread::scope(|scope| {
            for _ in 0..20 {
                scope.spawn(|| (0..1_000).for_each(|_| counter.increment()));
            }
        });
        assert_eq!(counter.sum(), 20_000);
    }

    #[test]
    fn a_total_from_elsewhere_never_falls() {
        let counter = Counter::new();
        for total in [5, 3, 9, 9, 0] {
            counter.raise_to(total);
        }
        assert_eq!(counter.sum(), 9);
    }
}
