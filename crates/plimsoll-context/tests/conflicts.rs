//! Conflicts, against a store that knows of each commit how many came before it.

#![allow(clippy::expect_used, reason = "a test fails by it")]

use plimsoll_context::{
    ConflictKey, DecisionPoint, DecisionSpec, Report, false_conflict_probability,
};
use plimsoll_record::Registry;
use rand::{Rng, SeedableRng, rngs::SmallRng};
use std::collections::{BinaryHeap, HashMap};
use std::sync::Barrier;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

const KEYS: usize = 4;
const THREADS: u64 = 4;
const DECISIONS: usize = 3_000;

/// Keys and how often each was committed.
type Store = [AtomicU64; KEYS];

/// One committed decision: of which key it read which version, which it made, and what was said of it.
#[derive(Debug)]
struct Done {
    key: usize,
    read: u64,
    made: u64,
    report: Report,
}

impl Done {
    /// Commits between its reading and its commit.
    fn missed(&self) -> u64 {
        self.made - self.read - 1
    }
}

#[derive(Clone, Copy)]
enum How {
    Stripes,
    Versions,
    Guarded,
}

/// Decides once, and dawdles in between as others would.
fn decide(point: &DecisionPoint, store: &Store, how: How, random: &mut SmallRng) -> Option<Done> {
    let key = random.random_range(0..KEYS);
    let conflict_key = ConflictKey::from_hash(key as u64);
    let mut decision = point.begin([conflict_key]);
    let read = store[key].load(Ordering::Relaxed);
    dawdle(random);
    if matches!(how, How::Versions) {
        decision.read_version(conflict_key, read);
    }
    if random.random_bool(0.05) {
        decision.begin_commit().aborted();
        return None;
    }
    let mut committing = match how {
        How::Guarded => decision.begin_commit_guarded()?,
        How::Stripes | How::Versions => decision.begin_commit(),
    };
    dawdle(random);
    let made = store[key].fetch_add(1, Ordering::Relaxed) + 1;
    dawdle(random);
    if matches!(how, How::Versions) {
        committing.made_version(conflict_key, made);
    }
    Some(Done { key, read, made, report: committing.committed() })
}

fn dawdle(random: &mut SmallRng) {
    match random.random_range(0..64) {
        0 => std::thread::yield_now(),
        1..8 => (0..random.random_range(0..200)).for_each(|_| std::hint::spin_loop()),
        _ => {}
    }
}

/// Lets threads decide at once; returns all that was committed.
fn race(how: How, stripes: usize) -> Vec<Done> {
    let point = DecisionSpec::new("race", Duration::from_secs(1))
        .stripes(stripes)
        .register_in(&Registry::new())
        .expect("registers");
    let store: Store = Default::default();
    let start = Barrier::new(THREADS as usize);
    let done: Vec<Done> = std::thread::scope(|scope| {
        let run = |seed| {
            let (point, store, start) = (&point, &store, &start);
            scope.spawn(move || {
                let mut random = SmallRng::seed_from_u64(seed);
                start.wait();
                let decide = |_| decide(point, store, how, &mut random);
                (0..DECISIONS).filter_map(decide).collect::<Vec<Done>>()
            })
        };
        let threads: Vec<_> = (0..THREADS).map(run).collect();
        threads.into_iter().flat_map(|thread| thread.join().expect("decides")).collect()
    });
    let stored: u64 = store.iter().map(|of| of.load(Ordering::Relaxed)).sum();
    assert_eq!(stored, done.len() as u64);
    done
}

/// Commits beyond the first on each version of a key.
fn excess(done: &[Done]) -> u64 {
    let mut read: HashMap<(usize, u64), u64> = HashMap::new();
    done.iter().for_each(|of| *read.entry((of.key, of.read)).or_default() += 1);
    read.values().map(|times| times - 1).sum()
}

#[test]
fn by_the_stores_versions_each_decision_is_told_the_truth() {
    let done = race(How::Versions, 1 << 20);
    for of in &done {
        assert_eq!(of.report.conflicts.commits_missed, of.missed(), "{of:?}");
        assert_eq!(of.report.conflicts.stale_keys, u32::from(of.missed() > 0));
    }
    let seen: u64 = done.iter().map(|of| u64::from(of.report.conflicts.excess_keys)).sum();
    let truth = excess(&done);
    assert!(truth > 0, "they do meet");
    // A slot may be taken by another key between two claims; never is one seen that isn't there.
    assert!(seen <= truth && truth - seen <= 5, "{seen} of {truth}");
}

#[test]
fn by_the_stripes_no_commit_that_was_missed_is_missed() {
    for stripes in [1, KEYS] {
        let done = race(How::Stripes, stripes);
        for key in 0..KEYS {
            let of = || done.iter().filter(|of| of.key == key);
            let truth: u64 = of().map(Done::missed).sum();
            let seen: u64 = of().map(|of| of.report.conflicts.commits_missed).sum();
            assert!(truth > 0 && seen >= truth, "key {key}: {seen} of {truth}");
        }
    }
}

#[test]
fn a_guarded_commit_has_missed_none() {
    let done = race(How::Guarded, KEYS);
    assert!(done.len() > DECISIONS, "most go through: {}", done.len());
    let wrong = done.iter().find(|of| of.missed() > 0 || of.report.conflicts.stale_keys > 0);
    assert!(wrong.is_none(), "{wrong:?}");
}

/// What happens next, and to which decision.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Next {
    Ends(usize),
    Commits(usize),
    Begins,
}

/// Plays decisions of distinct keys that arrive at random; returns how many were said to be stale.
fn play(rate: f64, think_ns: u64, commit_ns: u64, stripes: usize, count: usize) -> usize {
    let point = DecisionSpec::new("play", Duration::from_secs(1))
        .stripes(stripes)
        .register_in(&Registry::new())
        .expect("registers");
    let mut random = SmallRng::seed_from_u64(11);
    let mut queue = BinaryHeap::from([(std::cmp::Reverse(0), Next::Begins)]);
    let (mut open, mut committing) = (HashMap::new(), HashMap::new());
    let (mut begun, mut stale) = (0, 0);
    while let Some((std::cmp::Reverse(at_ns), next)) = queue.pop() {
        match next {
            Next::Begins if begun < count => {
                open.insert(begun, point.begin([ConflictKey::from_hash(random.random())]));
                queue.push((std::cmp::Reverse(at_ns + think_ns), Next::Commits(begun)));
                begun += 1;
                let gap_ns = -(1.0 - random.random::<f64>()).ln() / rate * 1e9;
                queue.push((std::cmp::Reverse(at_ns + gap_ns as u64), Next::Begins));
            }
            Next::Begins => {}
            Next::Commits(which) => {
                let decision = open.remove(&which).expect("it is open");
                committing.insert(which, decision.begin_commit());
                queue.push((std::cmp::Reverse(at_ns + commit_ns), Next::Ends(which)));
            }
            Next::Ends(which) => {
                let report = committing.remove(&which).expect("it commits").committed();
                stale += report.conflicts.stale_keys as usize;
            }
        }
    }
    stale
}

#[test]
fn conflicts_that_are_none_come_as_often_as_the_model_says() {
    let (rate, think_ns, commit_ns, count) = (2_000.0, 100_000_000, 20_000_000, 40_000);
    for stripes in [1 << 10, 1 << 12, 1 << 16] {
        let exposure = Duration::from_nanos(think_ns + commit_ns);
        let probability = false_conflict_probability(rate, exposure, 1, stripes);
        let expected = probability * count as f64;
        let half_width = 1.96 * (expected * (1.0 - probability)).sqrt();
        let seen = play(rate, think_ns, commit_ns, stripes, count) as f64;
        assert!((seen - expected).abs() <= half_width, "{stripes}: {seen}, {expected:.0} expected");
    }
}
