//! The same of a runtime's tasks and of threads, through the guards that a service uses: some end well,
//! some unwind, some are cancelled in every way that there is.

use super::{ACTIVITIES, Done, Said, Shown, account, compare, scrape};
use crate::edge::{Draft, EntryKey, Kind};
use crate::process::recorder;
use crate::sync::lock;
use crate::{Activity, Outcome};
use rand::{Rng, SeedableRng, rngs::SmallRng};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::task::JoinHandle;

/// The first of the activities whose edges are noted.
static FIRST: AtomicU32 = AtomicU32::new(u32::MAX);

/// What was published, in as many parts as keep the threads from waiting for each other.
static NOTES: [Mutex<Vec<Said>>; 16] = [const { Mutex::new(Vec::new()) }; 16];

/// Notes an edge that the process has published.
pub(crate) fn note(draft: Draft, at: EntryKey) {
    let edge = draft.stamped(at.at_ns, at.log);
    let activity = edge.instrument().wrapping_sub(FIRST.load(Ordering::Relaxed)) as usize;
    if activity >= ACTIVITIES {
        return;
    }
    let outcome = || Outcome::ALL[usize::from(edge.outcome())];
    let left = (edge.kind() == Kind::Leave).then(|| (edge.key(), outcome()));
    let said = Said { at, activity, left, count: edge.count };
    lock(&NOTES[at.log as usize % NOTES.len()]).push(said);
}

/// How one piece of work goes.
#[derive(Clone, Copy)]
struct Plan {
    activity: Activity,
    count: u32,
    /// How often it gives its thread up on its way.
    pauses: u32,
    ends: Outcome,
}

/// Whether it entered, which one that is cancelled early never does.
type Entered = Arc<AtomicBool>;

/// Works as planned; gives back how it ended.
async fn work(plan: Plan, entered: Entered) -> Outcome {
    let guard = plan.activity.guard_n(plan.count);
    entered.store(true, Ordering::Relaxed);
    for _ in 0..plan.pauses {
        tokio::task::yield_now().await;
    }
    if plan.ends == Outcome::Panicked {
        resume_unwind(Box::new("on purpose"));
    }
    guard.end(plan.ends);
    plan.ends
}

/// The same on a thread, without a pause. The panic is caught where it was made.
fn work_blocking(plan: Plan) -> Outcome {
    let worked = catch_unwind(AssertUnwindSafe(|| {
        let guard = plan.activity.guard_n(plan.count);
        (0..plan.pauses).for_each(|_| std::thread::yield_now());
        if plan.ends == Outcome::Panicked {
            resume_unwind(Box::new("on purpose"));
        }
        guard.end(plan.ends);
        plan.ends
    }));
    worked.unwrap_or(Outcome::Panicked)
}

/// Starts a piece of work that may be cut short in one of the ways there are. What its task gives back
/// is how it ended, or nothing if it was cancelled.
fn start(plan: Plan, entered: Entered, random: &mut SmallRng) -> JoinHandle<Option<Outcome>> {
    let all = work(plan, entered);
    let micros = Duration::from_micros(random.random_range(0..200));
    let pauses = random.random_range(0..4);
    match random.random_range(0..6) {
        0 => tokio::spawn(async move { tokio::time::timeout(micros, all).await.ok() }),
        1 => tokio::spawn(async move {
            let cut = async {
                for _ in 0..pauses {
                    tokio::task::yield_now().await;
                }
            };
            tokio::select! {
                biased;
                () = cut => None,
                ended = all => Some(ended),
            }
        }),
        2 => {
            let task = tokio::spawn(async move { Some(all.await) });
            task.abort();
            task
        }
        3 => tokio::spawn(async move {
            // Dropped before it is first polled.
            drop(all);
            None
        }),
        4 => tokio::task::spawn_blocking(move || Some(work_blocking(plan))),
        _ => tokio::spawn(async move { Some(all.await) }),
    }
}

/// Runs the tasks; returns how many ended in which way, as the runtime tells it.
async fn run(first: u32, seed: u64, tasks: usize) -> [u64; 5] {
    const AT_ONCE: usize = 64;
    let mut random = SmallRng::seed_from_u64(seed);
    let mut ended = [0; 5];
    for _ in 0..tasks / AT_ONCE {
        let started: Vec<_> = (0..AT_ONCE)
            .map(|_| {
                let plan = Plan {
                    activity: Activity::numbered(first + random.random_range(0..ACTIVITIES as u32)),
                    count: random.random_range(1..4),
                    pauses: random.random_range(0..6),
                    ends: Outcome::ALL[random.random_range(0..5)],
                };
                let entered = Entered::default();
                (start(plan, Arc::clone(&entered), &mut random), entered)
            })
            .collect();
        if random.random_bool(0.5) {
            tokio::task::yield_now().await;
        }
        for (task, entered) in &started {
            if random.random_ratio(1, 8) && !entered.load(Ordering::Relaxed) {
                task.abort();
            }
        }
        for (task, entered) in started {
            let outcome = match task.await {
                Ok(Some(outcome)) => outcome,
                Err(error) if error.is_panic() => Outcome::Panicked,
                Ok(None) | Err(_) if entered.load(Ordering::Relaxed) => Outcome::Cancelled,
                Ok(None) | Err(_) => continue,
            };
            ended[usize::from(outcome.index())] += 1;
        }
    }
    ended
}

/// Reads at random instants until it is done.
fn read(first: u32, seed: u64, done: &AtomicBool) -> Vec<(u64, u64, Vec<Shown>)> {
    let mut random = SmallRng::seed_from_u64(seed);
    let mut scrapes = Vec::new();
    while !done.load(Ordering::Acquire) {
        scrapes.push(scrape(recorder(), first));
        std::thread::sleep(Duration::from_micros(random.random_range(0..2_000)));
    }
    scrapes
}

/// Opens the activities of a run; returns the first one, when they begin, and how long was inexact.
fn open() -> (u32, u64, u64) {
    let mut merge = recorder().merge();
    let (from_ns, inexact_ns) = (merge.watermark_ns(), merge.inexact_ns());
    let numbers = [(); ACTIVITIES].map(|()| merge.sink.open(account(from_ns)).expect("room"));
    (numbers[0], from_ns, inexact_ns)
}

#[test]
fn tasks_that_end_unwind_or_are_cancelled_equal_a_replay() {
    const TASKS: usize = 20_000;
    let (first, from_ns, inexact_ns) = open();
    FIRST.store(first, Ordering::Relaxed);
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads(4).max_blocking_threads(2).enable_time();
    let runtime = runtime.build().expect("a runtime");
    let done = AtomicBool::new(false);
    let (mut scrapes, ended) = std::thread::scope(|scope| {
        let readers = [3, 5].map(|seed| {
            let done = &done;
            scope.spawn(move || read(first, seed, done))
        });
        let ending = Done(&done);
        let ended = runtime.block_on(run(first, 7, TASKS));
        drop(ending);
        let scrapes: Vec<_> =
            readers.into_iter().flat_map(|of| of.join().expect("scrapes")).collect();
        (scrapes, ended)
    });
    drop(runtime);
    recorder().catch_up();
    scrapes.push(scrape(recorder(), first));
    FIRST.store(u32::MAX, Ordering::Relaxed);
    scrapes.iter_mut().for_each(|of| of.1 -= inexact_ns);
    scrapes.sort_by_key(|(at_ns, ..)| *at_ns);
    let mut said: Vec<Said> =
        NOTES.iter().flat_map(|notes| std::mem::take(&mut *lock(notes))).collect();
    said.sort_by_key(|said| (said.at.at_ns, said.at.log));
    let compared = compare(from_ns, &said, &scrapes);
    assert!(scrapes.len() > 100 && compared > 1_000, "{compared} edges in {}", scrapes.len());

    // The replay is of what was published; that this is right, the runtime tells.
    let (.., shown) = scrapes.last().expect("the last");
    let by_outcome = |of: usize| {
        let bands = shown.iter().flat_map(|shown| shown.ends.chunks(super::BANDS.len()).nth(of));
        bands.flatten().sum::<u64>()
    };
    assert_eq!([0, 1, 2, 3, 4].map(by_outcome), ended);
    assert!(ended.iter().all(|times| *times > 500), "{ended:?}");
    assert!(shown.iter().all(|shown| (shown.level, shown.residual_ns) == (0, 0)), "{shown:?}");
    let mut merge = recorder().merge();
    (first..first + ACTIVITIES as u32).for_each(|number| merge.sink.close(number));
}
