use super::{Blame, Kind, Resource};
use crate::Counter;
use crate::sync::lock;
use std::fmt;
use std::sync::{Arc, Mutex, Weak};

/// What all resources of one name share.
pub struct What {
    /// What it is.
    pub kind: Kind,
    /// Its name.
    pub name: String,
    /// Where waits are charged to; none if nobody asks whose fault they are.
    pub blame: Option<Arc<Blame>>,
    /// Where acquisitions that needed no wait are counted: those that hold it alone, that share it, and
    /// that may become the writer. Empty if nobody asks.
    at_once: Vec<Counter>,
    listed: Mutex<Listed>,
}

/// The resources of one name, each of which counts for itself: whoever holds one is the only one that
/// writes its count, which takes no read-modify-write.
#[derive(Default)]
struct Listed {
    places: Vec<Weak<Resource>>,
    free: Vec<usize>,
    /// What those counted that are gone.
    ended: [u64; 3],
    /// What the counters have of all this.
    told: [u64; 3],
}

impl What {
    /// Describes resources whose acquisitions nobody counts.
    pub fn new(kind: Kind, name: impl Into<String>) -> Self {
        let (name, listed) = (name.into(), Mutex::default());
        Self { kind, name, blame: None, at_once: Vec::new(), listed }
    }

    /// Charges waits to the call sites that held the resource meanwhile.
    #[must_use]
    pub fn blaming(self, blame: Option<Arc<Blame>>) -> Self {
        Self { blame, ..self }
    }

    /// Counts acquisitions that needed no wait, by mode: alone, shared, upgradable. Others may add to
    /// these counters as well.
    #[must_use]
    pub fn counting(self, at_once: Vec<Counter>) -> Self {
        Self { at_once, ..self }
    }

    /// Brings the counters up to what the resources have counted.
    pub fn add_up(&self) {
        let listed = lock(&self.listed);
        let mut sums = listed.ended;
        let live: Vec<Arc<Resource>> = listed.places.iter().filter_map(Weak::upgrade).collect();
        // Let go of before the counts are: one of them may be the last of its resource.
        drop(listed);
        live.iter().for_each(|resource| add(&mut sums, resource.at_once()));
        drop(live);
        let mut listed = lock(&self.listed);
        for ((counter, sum), told) in self.at_once.iter().zip(sums).zip(&mut listed.told) {
            // Another snapshot may have told more meanwhile.
            counter.add(sum.saturating_sub(*told));
            *told = sum.max(*told);
        }
    }

    /// Puts a resource on the list, if it is counted.
    pub(super) fn enlist(
        what: &Self,
        make: impl FnOnce(Option<usize>) -> Resource,
    ) -> Arc<Resource> {
        if what.at_once.is_empty() {
            return Arc::new(make(None));
        }
        let mut listed = lock(&what.listed);
        let place = listed.free.pop().unwrap_or(listed.places.len());
        let resource = Arc::new(make(Some(place)));
        match listed.places.get_mut(place) {
            Some(free) => *free = Arc::downgrade(&resource),
            None => listed.places.push(Arc::downgrade(&resource)),
        }
        resource
    }

    /// Takes a resource off the list, which has counted so much.
    pub(super) fn strike(&self, place: usize, at_once: [u64; 3]) {
        let mut listed = lock(&self.listed);
        add(&mut listed.ended, at_once);
        if let Some(place) = listed.places.get_mut(place) {
            *place = Weak::new();
        }
        listed.free.push(place);
        if listed.free.len() == listed.places.len() {
            // All are gone: so is what they took.
            (listed.places, listed.free) = (Vec::new(), Vec::new());
        }
    }
}

fn add(sums: &mut [u64; 3], counts: [u64; 3]) {
    for (sum, count) in sums.iter_mut().zip(counts) {
        *sum = sum.wrapping_add(count);
    }
}

impl fmt::Debug for What {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} {}", self.kind.name(), self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::waits::{Held, Seat, Who};
    use std::panic::Location;

    fn counted(counter: &Counter) -> Arc<What> {
        let counters = vec![counter.clone(), Counter::new(), Counter::new()];
        Arc::new(What::new(Kind::Mutex, "counted").counting(counters))
    }

    fn mutex(what: &Arc<What>) -> Arc<Resource> {
        Resource::new(Arc::clone(what), 0, Location::caller())
    }

    fn hold(resource: &Resource) -> Option<Held> {
        resource.hold_at_once(Seat::ALONE, Who::thread(), Location::caller());
        resource.release(Seat::ALONE)
    }

    fn total(what: &What, counter: &Counter) -> u64 {
        what.add_up();
        counter.sum()
    }

    #[test]
    fn what_is_counted_stays_when_the_resource_is_gone() {
        let counter = Counter::new();
        let what = counted(&counter);
        let (first, second) = (mutex(&what), mutex(&what));
        [&first, &first, &second].into_iter().for_each(|resource| _ = hold(resource));
        assert_eq!((total(&what, &counter), total(&what, &counter)), (3, 3));
        drop(first);
        let third = mutex(&what);
        hold(&third);
        assert_eq!((total(&what, &counter), third.place()), (4, Some(0)));
        drop((second, third));
        assert_eq!((total(&what, &counter), lock(&what.listed).places.capacity()), (4, 0));
        let others = counted(&counter);
        hold(&mutex(&others));
        assert_eq!(total(&others, &counter), 5, "they share the total");
    }

    #[test]
    fn modes_are_counted_apart() {
        let counters: Vec<Counter> = (0..3).map(|_| Counter::new()).collect();
        let what = What::new(Kind::RwLock, "counted").counting(counters.clone());
        let lock = Resource::new(Arc::new(what), 2, Location::caller());
        let (who, site) = (Who::thread(), Location::caller());
        hold(&lock);
        let readers = [(); 4].map(|()| lock.share_at_once(who, site));
        lock.hold_at_once(Seat::UPGRADABLE, who, site);
        assert_eq!(readers.map(Seat::is_untold), [false, false, true, true], "there are two seats");
        lock.what().add_up();
        let sums: Vec<u64> = counters.iter().map(Counter::sum).collect();
        assert_eq!(sums, [1, 2, 1]);
    }

    #[test]
    fn one_hold_in_64_is_timed_and_not_the_same_one_of_each() {
        let counter = Counter::new();
        let what = counted(&counter);
        let sampled = |resource: &Resource| (0..640).filter(|_| hold(resource).is_some()).count();
        assert_eq!(sampled(&mutex(&what)), 10);
        let first = |_| hold(&mutex(&what)).is_some();
        // Others may make resources meanwhile, so the numbers have gaps.
        let of_short_lives = (0..6_400).filter(|n| first(*n)).count();
        assert!((1..=200).contains(&of_short_lives), "{of_short_lives}");
    }

    #[test]
    fn counts_of_resources_that_come_and_go_add_up_under_snapshots() {
        let counter = Counter::new();
        let what = counted(&counter);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for turn in 0..500_u64 {
                        let resource = mutex(&what);
                        (0..turn % 7).for_each(|_| _ = hold(&resource));
                    }
                });
            }
            let mut last = 0;
            for _ in 0..50 {
                let now = total(&what, &counter);
                assert!(now >= last, "{now} after {last}");
                last = now;
            }
        });
        let each: u64 = (0..500).map(|turn| turn % 7).sum();
        assert_eq!(total(&what, &counter), 4 * each);
    }
}
