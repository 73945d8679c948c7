use crate::sync::{AtomicBool, AtomicU64, Mutex, Ordering, lock, try_lock};

/// Instruments beyond these share a slot, and so a longest stay.
const SLOTS: usize = if cfg!(loom) { 1 } else { 256 };

/// Offers between two takings; those beyond are dropped.
const OFFERS_MAX: usize = 256;

/// What was longest since it was last taken, slot by slot: a few of many, the longest among them.
#[derive(Debug)]
pub(crate) struct Offers<T> {
    /// What a value must exceed to be offered.
    least: [AtomicU64; SLOTS],
    /// Whether one of them was raised since the last taking.
    raised: AtomicBool,
    /// Only ever tried.
    offered: Mutex<Vec<T>>,
}

impl<T> Offers<T> {
    /// Makes one that no value is offered to until it is opened.
    #[cfg(not(loom))]
    pub(crate) const fn new() -> Self {
        Self {
            least: [const { AtomicU64::new(u64::MAX) }; SLOTS],
            raised: AtomicBool::new(false),
            offered: Mutex::new(Vec::new()),
        }
    }

    #[cfg(loom)]
    pub(crate) fn new() -> Self {
        Self {
            least: std::array::from_fn(|_| AtomicU64::new(u64::MAX)),
            raised: AtomicBool::new(false),
            offered: Mutex::new(Vec::new()),
        }
    }

    /// Lets values be offered from now on.
    pub(crate) fn open(&self) {
        lock(&self.offered).reserve_exact(OFFERS_MAX);
        self.least.iter().for_each(|least| least.store(0, Ordering::Relaxed));
    }

    /// Offers what `make` makes if the value is the longest of its slot for now.
    #[inline]
    pub(crate) fn consider(&self, slot: usize, value: u64, make: impl FnOnce() -> Option<T>) {
        let Some(least) = self.least.get(slot % SLOTS) else { return };
        if value > least.load(Ordering::Relaxed) {
            self.offer(least, value, make);
        }
    }

    #[cold]
    fn offer(&self, least: &AtomicU64, value: u64, make: impl FnOnce() -> Option<T>) {
        // A maximum, or one that is shorter and slower would hide a longer one from whoever comes next.
        least.fetch_max(value, Ordering::Relaxed);
        // Release, and no bare store: whoever finds it raised lowers what everyone has raised before.
        self.raised.swap(true, Ordering::Release);
        let Some(made) = make() else { return };
        match try_lock(&self.offered) {
            Some(mut offered) if offered.len() < OFFERS_MAX => offered.push(made),
            Some(_) => {}
            // The next one is to try.
            None => least.store(0, Ordering::Relaxed),
        }
    }

    /// Takes what was offered. What is being offered right now comes with the next taking.
    pub(crate) fn take(&self) -> Vec<T> {
        if self.raised.swap(false, Ordering::Acquire) {
            self.least.iter().for_each(|least| least.store(0, Ordering::Relaxed));
        }
        try_lock(&self.offered).map(|mut offered| offered.drain(..).collect()).unwrap_or_default()
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn what_finds_the_list_in_use_hides_nothing_that_comes_later() {
        let offers = Offers::new();
        offers.open();
        let in_use = lock(&offers.offered);
        offers.consider(0, 9, || Some(9));
        drop(in_use);
        offers.consider(0, 3, || Some(3));
        assert_eq!(offers.take(), [3]);
    }
}
