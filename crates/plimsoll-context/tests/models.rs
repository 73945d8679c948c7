//! Models of the stripes that ship, which loom runs through every order of their steps: this file
//! compiles `src/stripes.rs` anew, with loom's atomics in place of the standard library's.
//!
//! The store is a relaxed counter of commits: it orders nothing, so that what holds is held by the
//! stripes alone. What a decision has really missed is what the counter says at its commit.

#![allow(clippy::expect_used)] // A model fails by it.

#[path = "../src/stripes.rs"]
mod stripes;

mod sync {
    pub(crate) use loom::model;
    pub(crate) use loom::sync::atomic::{AtomicU64, Ordering};
}

use loom::sync::Arc;
use loom::thread;
use stripes::Stripes;
use sync::{AtomicU64, Ordering};

struct World {
    stripes: Stripes,
    store: AtomicU64,
}

/// What a decision has missed: as the stripes say, and in truth.
type Missed = (u64, u64);

impl World {
    fn new() -> Arc<Self> {
        Arc::new(Self { stripes: Stripes::new(1), store: AtomicU64::new(0) })
    }

    /// Reads and commits.
    fn decide(&self) -> Missed {
        let seen = self.stripes.look(0);
        let read = self.store.load(Ordering::Relaxed);
        let missed = self.stripes.begin(seen);
        let before = self.store.fetch_add(1, Ordering::Relaxed);
        self.stripes.end(0);
        (missed, before - read)
    }

    /// Reads, and commits unless it is refused.
    fn decide_guarded(&self) -> Option<Missed> {
        let seen = self.stripes.look(0);
        let read = self.store.load(Ordering::Relaxed);
        self.stripes.begin_alone(seen).then(|| {
            let before = self.store.fetch_add(1, Ordering::Relaxed);
            self.stripes.end(0);
            (0, before - read)
        })
    }

    /// Begins a commit that the store doesn't take.
    fn abort(&self) {
        self.stripes.begin(self.stripes.look(0));
        self.stripes.end(0);
    }
}

/// Runs every order in which at most so many threads are stopped in the midst of something.
fn model(preemptions: usize, body: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(preemptions);
    builder.check(body);
}

/// Lets threads do what they do and returns what they return, in their order.
fn threads<T: 'static, const N: usize>(world: &Arc<World>, run: [fn(&World) -> T; N]) -> [T; N] {
    let running = run.map(|run| {
        let world = Arc::clone(world);
        thread::spawn(move || run(&world))
    });
    running.map(|thread| thread.join().expect("decides"))
}

#[test]
fn each_pair_of_which_one_overtook_the_other_is_seen() {
    model(4, || {
        let of = threads(&World::new(), [World::decide; 2]);
        let sum = |by: fn(&Missed) -> u64| of.iter().map(by).sum::<u64>();
        assert!(sum(|missed| missed.0) >= sum(|missed| missed.1), "{of:?}");
    });
}

#[test]
fn three_that_read_the_same_are_two_that_were_overtaken_and_three_pairs() {
    model(2, || {
        let world = World::new();
        let of = threads(&world, [World::decide; 3]);
        let (seen, truth) = of.iter().fold((0, 0), |sum, of| (sum.0 + of.0, sum.1 + of.1));
        assert!(seen >= truth, "{of:?}");
        if truth == 3 {
            let stale = of.iter().filter(|(missed, _)| *missed > 0).count();
            assert_eq!((seen, stale), (3, 2), "{of:?}");
        }
    });
}

#[test]
fn of_guarded_commits_none_has_missed_one() {
    model(4, || {
        let of = threads(&World::new(), [World::decide_guarded; 2]);
        let committed: Vec<Missed> = of.into_iter().flatten().collect();
        assert!(!committed.is_empty(), "one of them goes through");
        assert!(committed.iter().all(|(_, truth)| *truth == 0), "{committed:?}");
    });
}

#[test]
fn an_aborted_commit_hides_no_other() {
    model(2, || {
        let run: [fn(&World) -> Missed; 3] = [World::decide, World::decide, |world| {
            world.abort();
            (0, 0)
        }];
        let of = threads(&World::new(), run);
        let (seen, truth) = of.iter().fold((0, 0), |sum, of| (sum.0 + of.0, sum.1 + of.1));
        assert!(seen >= truth, "{of:?}");
    });
}
