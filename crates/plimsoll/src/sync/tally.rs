use crate::instrument::Count;
use plimsoll_record::Registry;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

/// Counts what happens under locks of one name, each for itself: whoever holds a lock alone is the only
/// one that writes its count, which takes no read-modify-write. A snapshot adds them up.
#[derive(Debug)]
pub(crate) struct Tallies {
    total: Count,
    live: Mutex<Live>,
}

/// The counts of the locks that there are.
#[derive(Debug, Default)]
struct Live {
    places: Vec<Weak<Tally>>,
    free: Vec<usize>,
    /// What those counted that are gone.
    ended: u64,
    /// What the total has of all this.
    told: u64,
}

/// The count of one lock.
#[derive(Debug)]
pub(crate) struct Tally {
    count: AtomicU64,
    of: Arc<Tallies>,
    place: usize,
}

impl Tallies {
    /// Makes the sum, which each snapshot adds to `total`. Others may add to that as well.
    pub(crate) fn new(registry: &Registry, total: Count) -> Arc<Self> {
        let tallies = Arc::new(Self { total, live: Mutex::default() });
        let read = Arc::downgrade(&tallies);
        registry.on_snapshot(move || match read.upgrade() {
            Some(tallies) => {
                tallies.add_up();
                ControlFlow::Continue(())
            }
            None => ControlFlow::Break(()),
        });
        tallies
    }

    /// Makes the count of one more lock.
    pub(crate) fn tally(self: &Arc<Self>) -> Arc<Tally> {
        let mut live = self.live();
        let place = live.free.pop().unwrap_or(live.places.len());
        let tally = Arc::new(Tally { count: AtomicU64::new(0), of: Arc::clone(self), place });
        match live.places.get_mut(place) {
            Some(free) => *free = Arc::downgrade(&tally),
            None => live.places.push(Arc::downgrade(&tally)),
        }
        tally
    }

    fn add_up(&self) {
        let live = self.live();
        let ended = live.ended;
        let tallies: Vec<Arc<Tally>> = live.places.iter().filter_map(Weak::upgrade).collect();
        // Let go of before the counts are: one of them may be the last of its lock.
        drop(live);
        let counts = tallies.iter().map(|tally| tally.count.load(Ordering::Relaxed));
        let sum = ended + counts.sum::<u64>();
        let mut live = self.live();
        // Another snapshot may have told more meanwhile.
        self.total.add(sum.saturating_sub(live.told));
        live.told = live.told.max(sum);
    }

    fn live(&self) -> MutexGuard<'_, Live> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tally {
    /// Counts once, and returns how many it were before. Only who holds the lock alone may.
    #[inline]
    pub(crate) fn count(&self) -> u64 {
        let before = self.count.load(Ordering::Relaxed);
        self.count.store(before + 1, Ordering::Relaxed);
        before
    }
}

impl Drop for Tally {
    fn drop(&mut self) {
        let mut live = self.of.live();
        live.ended += *self.count.get_mut();
        if let Some(place) = live.places.get_mut(self.place) {
            *place = Weak::new();
        }
        live.free.push(self.place);
        if live.free.len() == live.places.len() {
            // All are gone: so is what they took.
            (live.places, live.free) = (Vec::new(), Vec::new());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use plimsoll_model::{Labels, Value, catalog};

    fn total(registry: &Registry) -> u64 {
        let families = registry.snapshot().families;
        let family = families.iter().find(|family| family.name == catalog::BACKPRESSURE.name);
        match family.and_then(|family| family.series.first()).map(|series| &series.value) {
            Some(Value::Count(count)) => *count,
            other => panic!("it is registered: {other:?}"),
        }
    }

    #[test]
    fn what_is_counted_stays_when_the_lock_is_gone() {
        let registry = Registry::new();
        let count = Count::new(&registry, &catalog::BACKPRESSURE, Labels::default());
        let tallies = Tallies::new(&registry, count);
        let (first, second) = (tallies.tally(), tallies.tally());
        assert_eq!((first.count(), first.count(), second.count()), (0, 1, 0));
        assert_eq!(total(&registry), 3);
        drop(first);
        let third = tallies.tally();
        third.count();
        assert_eq!((total(&registry), third.place), (4, 0));
        drop((second, third));
        assert_eq!((total(&registry), tallies.live().places.capacity()), (4, 0));
        let count = Count::new(&registry, &catalog::BACKPRESSURE, Labels::default());
        let others = Tallies::new(&registry, count);
        others.tally().count();
        assert_eq!(total(&registry), 5, "they share the total");
    }

    #[test]
    fn counts_of_locks_that_come_and_go_add_up_under_snapshots() {
        let registry = Registry::new();
        let count = Count::new(&registry, &catalog::BACKPRESSURE, Labels::default());
        let tallies = Tallies::new(&registry, count);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for turn in 0..500_u64 {
                        let tally = tallies.tally();
                        (0..turn % 7).for_each(|_| {
                            tally.count();
                        });
                    }
                });
            }
            let mut last = 0;
            for _ in 0..50 {
                let now = total(&registry);
                assert!(now >= last, "{now} after {last}");
                last = now;
            }
        });
        let each: u64 = (0..500).map(|turn| turn % 7).sum();
        assert_eq!(total(&registry), 4 * each);
    }
}
