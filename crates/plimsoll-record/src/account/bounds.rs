use std::sync::{Arc, Mutex, PoisonError, Weak};

/// Values below this are looked up, since most levels are low.
const LOW: usize = 64;

/// Ascending upper bounds that values are sorted by.
#[derive(Debug)]
pub(super) struct Bounds {
    bounds: Vec<u64>,
    /// The place of each low value.
    low: [u8; LOW],
}

impl Bounds {
    /// Returns the bounds, sorted and each once. Accounts that have the same ones share them, so that they
    /// stay in a processor's cache when many accounts are gone through.
    pub(super) fn new(mut bounds: Vec<u64>) -> Arc<Self> {
        static KNOWN: Mutex<Vec<Weak<Bounds>>> = Mutex::new(Vec::new());
        bounds.sort_unstable();
        bounds.dedup();
        let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|of| of.strong_count() > 0);
        let same = |of: &Arc<Self>| of.bounds == bounds;
        if let Some(of) = known.iter().filter_map(Weak::upgrade).find(same) {
            return of;
        }
        // Distinct bounds below a low value are fewer than 64.
        let place = |value| bounds.partition_point(|bound| *bound < value as u64) as u8;
        let low = std::array::from_fn(place);
        let of = Arc::new(Self { bounds, low });
        known.push(Arc::downgrade(&of));
        of
    }

    /// Returns how many bounds lie below a value, which is the place of the first that doesn't.
    #[inline(always)]
    pub(super) fn place(&self, value: u64) -> usize {
        match self.low.get(usize::try_from(value).unwrap_or(LOW)) {
            Some(place) => usize::from(*place),
            None => self.bounds.partition_point(|bound| *bound < value),
        }
    }

    pub(super) fn as_slice(&self) -> &[u64] {
        &self.bounds
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_on_a_bound_is_below_it() {
        let bounds = Bounds::new(vec![100, 0, 3, 3, 63, 64, u64::MAX]);
        let of = [(0, 0), (1, 1), (3, 1), (4, 2), (63, 2), (64, 3), (65, 4), (100, 4), (101, 5)];
        for (value, place) in of {
            assert_eq!(bounds.place(value), place, "of {value}");
        }
        assert_eq!(bounds.place(u64::MAX), 5);
        assert_eq!(bounds.as_slice(), [0, 3, 63, 64, 100, u64::MAX]);
    }

    #[test]
    fn the_same_bounds_are_shared() {
        let bounds = Bounds::new(vec![7, 5]);
        assert!(Arc::ptr_eq(&bounds, &Bounds::new(vec![5, 7])));
        assert!(!Arc::ptr_eq(&bounds, &Bounds::new(vec![5])));
    }
}
