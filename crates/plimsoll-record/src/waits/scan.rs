use super::graph::Graph;
use super::{LiveWait, live};
use std::collections::HashSet;

/// Looks for cycles again and again, and names those that it sees twice.
///
/// One look isn't enough: while it looks, holds and waits change, and what never stood at one moment
/// may look like a cycle. A wait has a number of its own; the same waits in a cycle in two scans have
/// lasted all the time between, and whoever waits releases nothing. Scan about once a second.
///
/// A future that a task polls beside others with its own waker, as those of a `FuturesUnordered`, is told
/// apart from them. Those of `join!` share the task's waker: two that use one lock look like one that
/// waits for itself, for as long as the first holds it and exactly one waits.
#[derive(Debug, Default)]
pub struct Scanner {
    /// The waits of the last scan, and the cycles among them.
    waits: HashSet<u64>,
    cycles: HashSet<Vec<u64>>,
}

/// A cycle: each of the waits is for something that another of them holds.
#[derive(Clone, Debug)]
pub struct Cycle {
    /// `lock`, `semaphore`, `pool` or `channel` when all resources are such; `mixed` when they differ;
    /// `self` when someone waits for what it holds itself.
    pub kind: &'static str,
    /// The waits, the oldest first.
    pub waits: Vec<LiveWait>,
}

impl Cycle {
    /// Every value of [`Cycle::kind`].
    pub const KINDS: [&'static str; 6] = ["self", "lock", "semaphore", "pool", "channel", "mixed"];

    fn of(waits: Vec<LiveWait>) -> Self {
        let kinds: HashSet<_> =
            waits.iter().map(|wait| wait.resource.what().kind.cycle()).collect();
        let mut kinds = kinds.into_iter();
        let kind = match (waits.len(), kinds.next(), kinds.next()) {
            (1, ..) => "self",
            (_, Some(kind), None) => kind,
            _ => "mixed",
        };
        Self { kind, waits }
    }
}

impl Scanner {
    /// Makes a scanner that has seen nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Scans the waits that last. Returns the cycles that the last scan saw as well.
    ///
    /// Nobody is held up by it. It costs what the live waits are: tens of microseconds for a hundred.
    pub fn scan(&mut self) -> Vec<Cycle> {
        self.scan_waits(live())
    }

    pub(super) fn scan_waits(&mut self, waits: Vec<LiveWait>) -> Vec<Cycle> {
        let lasted: Vec<LiveWait> =
            waits.iter().filter(|wait| self.waits.contains(&wait.number)).cloned().collect();
        let confirmed = Graph::of(&lasted)
            .cycles()
            .into_iter()
            .filter(|cycle| self.cycles.contains(&numbers(&lasted, cycle)))
            .map(|cycle| {
                let waits = cycle.iter().filter_map(|place| lasted.get(*place).cloned());
                Cycle::of(waits.collect())
            })
            .collect();
        let cycles = Graph::of(&waits).cycles();
        self.cycles = cycles.iter().map(|cycle| numbers(&waits, cycle)).collect();
        self.waits = waits.iter().map(|wait| wait.number).collect();
        confirmed
    }
}

fn numbers(waits: &[LiveWait], cycle: &[usize]) -> Vec<u64> {
    cycle.iter().filter_map(|place| waits.get(*place)).map(|wait| wait.number).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::waits::{By, Kind, Resource, Seat, Wait, What, Who};
    use std::panic::Location;
    use std::sync::Arc;
    use std::task::{Wake, Waker};

    /// Resources, and what is held and waited for in them, without anyone really waiting.
    #[derive(Default)]
    struct Scene {
        resources: Vec<Arc<Resource>>,
        waits: Vec<Wait>,
        scanner: Scanner,
    }

    impl Scene {
        fn add(&mut self, kind: Kind, sharers: usize) -> Arc<Resource> {
            let what = Arc::new(What::new(kind, "scene"));
            let resource = Resource::new(what, sharers, Location::caller());
            self.resources.push(Arc::clone(&resource));
            resource
        }

        fn mutex(&mut self, holder: u64) -> Arc<Resource> {
            let mutex = self.add(Kind::Mutex, 0);
            mutex.hold_at_once(Seat::ALONE, task(holder), Location::caller());
            mutex
        }

        fn permits(&mut self, holders: &[Who]) -> Arc<Resource> {
            let permits = self.add(Kind::Semaphore, holders.len());
            for holder in holders {
                let seat = permits.share(*holder, Location::caller(), None);
                assert!(!seat.is_untold());
            }
            permits
        }

        fn wait(&mut self, who: u64, resource: &Arc<Resource>) {
            self.wait_by(By { gives_up: false, ..by(task(who)) }, resource);
        }

        fn wait_by(&mut self, by: By, resource: &Arc<Resource>) {
            self.waits.push(resource.wait(by));
        }

        /// Scans what happens in this scene, whatever other tests do.
        fn scan(&mut self) -> Vec<(&'static str, usize)> {
            let ours = |wait: &LiveWait| {
                self.resources.iter().any(|resource| Arc::ptr_eq(resource, &wait.resource))
            };
            let waits: Vec<_> = live().into_iter().filter(ours).collect();
            assert_eq!(waits.len(), self.waits.len());
            let cycles = self.scanner.scan_waits(waits);
            cycles.iter().map(|cycle| (cycle.kind, cycle.waits.len())).collect()
        }

        /// Scans twice and returns what the second scan confirms.
        fn scan_twice(&mut self) -> Vec<(&'static str, usize)> {
            self.scanner = Scanner::new();
            assert_eq!(self.scan(), [], "a first look is no proof");
            self.scan()
        }
    }

    fn task(number: u64) -> Who {
        Who::task(number)
    }

    fn by(who: Who) -> By {
        By { who, thread: None, site: Location::caller(), gives_up: false }
    }

    #[test]
    fn two_that_want_what_the_other_has_are_a_cycle() {
        let mut scene = Scene::default();
        let (a, b) = (scene.mutex(1), scene.mutex(2));
        scene.wait(1, &b);
        scene.wait(2, &a);
        scene.wait(3, &a); // A victim, and no part of it.
        assert_eq!(scene.scan_twice(), [("lock", 2)]);
        drop(scene.waits.remove(0));
        assert_eq!(scene.scan(), [], "one gave up");
    }

    #[test]
    fn a_ring_of_three_is_a_cycle_and_a_line_of_three_is_none() {
        let mut scene = Scene::default();
        let locks = [scene.mutex(1), scene.mutex(2), scene.mutex(3)];
        scene.wait(1, &locks[1]);
        scene.wait(2, &locks[2]);
        assert_eq!(scene.scan_twice(), [], "task 3 holds for long, and waits for nobody");
        scene.wait(3, &locks[0]);
        assert_eq!(scene.scan_twice(), [("lock", 3)]);
    }

    #[test]
    fn one_that_wants_what_it_has_waits_for_itself() {
        let mut scene = Scene::default();
        let lock = scene.mutex(1);
        scene.wait(1, &lock);
        assert_eq!(scene.scan_twice(), [("self", 1)]);
    }

    #[test]
    fn waits_that_change_between_scans_are_no_cycle() {
        let mut scene = Scene::default();
        let (a, b) = (scene.mutex(1), scene.mutex(2));
        for _ in 0..5 {
            scene.wait(1, &b);
            scene.wait(2, &a);
            assert_eq!(scene.scan(), []);
            scene.waits.clear();
        }
    }

    #[test]
    fn a_semaphore_is_stuck_only_when_all_its_holders_are() {
        let mut scene = Scene::default();
        let permits = scene.permits(&[task(1), task(2)]);
        scene.wait(1, &permits);
        assert_eq!(scene.scan_twice(), [], "task 2 may give its permit back");
        scene.wait(2, &permits);
        assert_eq!(scene.scan_twice(), [("semaphore", 2)]);
    }

    #[test]
    fn permits_that_may_have_been_handed_on_accuse_nobody() {
        let mut scene = Scene::default();
        let permits = scene.permits(&[task(1), Who::UNKNOWN]);
        scene.wait(1, &permits);
        assert_eq!(scene.scan_twice(), []);
        permits.hand_to(Seat::at(1), task(1));
        permits.hand_to(Seat::at(2), task(1));
        assert_eq!(scene.scan(), [], "seen for the first time");
        assert_eq!(scene.scan(), [("self", 1)]);
    }

    #[test]
    fn more_sharers_than_seats_accuse_nobody() {
        let mut scene = Scene::default();
        let permits = scene.permits(&[task(1)]);
        let untold = permits.share(task(2), Location::caller(), None);
        assert!(untold.is_untold());
        scene.wait(1, &permits);
        assert_eq!(scene.scan_twice(), []);
        permits.release(untold);
        scene.scan();
        assert_eq!(scene.scan(), [("self", 1)]);
    }

    #[test]
    fn a_lock_is_stuck_when_any_reader_is() {
        let mut scene = Scene::default();
        let lock = scene.add(Kind::RwLock, 2);
        lock.share(task(1), Location::caller(), None);
        lock.share(task(2), Location::caller(), None);
        let other = scene.mutex(3);
        scene.wait(3, &lock);
        scene.wait(1, &other);
        assert_eq!(scene.scan_twice(), [("lock", 2)], "task 2 can't help the writer");
    }

    #[test]
    fn full_channels_whose_receivers_send_to_each_other_are_a_cycle() {
        let mut scene = Scene::default();
        let (there, back) = (scene.add(Kind::Channel, 0), scene.add(Kind::Channel, 0));
        there.attend(task(2), Location::caller());
        back.attend(task(1), Location::caller());
        scene.wait(1, &there);
        assert_eq!(scene.scan_twice(), [], "the receiver works");
        scene.wait(2, &back);
        assert_eq!(scene.scan_twice(), [("channel", 2)]);
    }

    #[test]
    fn kinds_mix() {
        let mut scene = Scene::default();
        let lock = scene.mutex(1);
        let permits = scene.permits(&[task(2)]);
        scene.wait(1, &permits);
        scene.wait(2, &lock);
        assert_eq!(scene.scan_twice(), [("mixed", 2)]);
    }

    #[test]
    fn who_waits_for_several_goes_on_with_any() {
        let mut scene = Scene::default();
        let (a, b, free) = (scene.mutex(1), scene.mutex(2), scene.mutex(9));
        scene.wait(1, &b);
        scene.wait(1, &free);
        scene.wait(2, &a);
        assert_eq!(scene.scan_twice(), [], "task 1 may get what task 9 holds");
    }

    #[test]
    fn parts_of_one_task_are_told_apart() {
        let part = |waker: &Arc<Flag>| task(1).strand(&Waker::from(Arc::clone(waker)));
        let wakers = [Arc::new(Flag), Arc::new(Flag)];
        let [one, other] = wakers.each_ref().map(part);
        assert_ne!(one, other);
        assert_eq!((one.whole(), one.to_string()), (task(1), task(1).to_string()));
        let mut scene = Scene::default();
        let lock = scene.add(Kind::Mutex, 0);
        lock.hold_at_once(Seat::ALONE, one, Location::caller());
        scene.wait_by(by(other), &lock);
        assert_eq!(scene.scan_twice(), [], "the part that holds goes on");
        lock.hand_to(Seat::ALONE, other);
        assert_eq!(scene.scan_twice(), [("self", 1)]);
        lock.hand_to(Seat::ALONE, task(1));
        assert_eq!(scene.scan_twice(), [("self", 1)], "only one part waits, so it is that one");
        scene.wait_by(by(one), &lock);
        assert_eq!(scene.scan_twice(), [], "nobody knows which part it is");
    }

    /// A waker that does nothing, at an address of its own.
    struct Flag;

    impl Wake for Flag {
        fn wake(self: Arc<Self>) {}
    }

    #[test]
    fn who_gives_up_after_a_time_is_not_stuck() {
        let mut scene = Scene::default();
        let (a, b) = (scene.mutex(1), scene.mutex(2));
        scene.wait(1, &b);
        scene.wait_by(By { gives_up: true, ..by(task(2)) }, &a);
        assert_eq!(scene.scan_twice(), []);
    }

    #[test]
    fn a_task_that_blocks_its_thread_is_both() {
        let mut scene = Scene::default();
        let held_by_thread = scene.add(Kind::Mutex, 0);
        held_by_thread.hold_at_once(Seat::ALONE, Who::thread(), Location::caller());
        let held_by_task = scene.mutex(1);
        scene.wait(1, &held_by_thread);
        let blocking = By { thread: Some(Who::thread()), ..by(task(2)) };
        scene.wait_by(blocking, &held_by_task);
        assert_eq!(scene.scan_twice(), [("lock", 2)]);
    }

    #[test]
    fn a_thread_that_goes_on_while_its_root_waits_is_not_stuck() {
        let mut scene = Scene::default();
        let held_by_thread = scene.add(Kind::Mutex, 0);
        held_by_thread.hold_at_once(Seat::ALONE, Who::thread(), Location::caller());
        let held_by_task = scene.mutex(1);
        scene.wait(1, &held_by_thread);
        scene.wait_by(by(Who::root()), &held_by_task);
        assert_eq!(scene.scan_twice(), [], "another task holds it there");
    }
}
