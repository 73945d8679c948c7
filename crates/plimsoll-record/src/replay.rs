//! Holds the merge to a brute-force replay of the edges that the threads say they have published.

#![allow(clippy::expect_used)] // A test fails by it.

mod bursts;
mod tasks;

pub(crate) use tasks::note;

use crate::Outcome;
use crate::account::{Account, Accounts, ActivityAccount, Bands, Distribution, Level};
use crate::clock::SystemClock;
use crate::edge::{Draft, EntryKey};
use crate::log::Owner;
use crate::recorder::Recorder;
use crate::sync::lock;
use rand::{Rng, SeedableRng, rngs::SmallRng};
use std::collections::{BTreeMap, HashMap};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

const ACTIVITIES: usize = 3;
const LIMIT: u64 = 20;
const BANDS: [u64; 4] = [1, 4, 16, 64];
const EDGES: [u64; 3] = [0, 8, 50];
const THREADS: u64 = 4;
const ACTIONS: usize = 300_000;

type TestRecorder = Recorder<SystemClock, Accounts>;

/// An edge as its thread remembers it.
#[derive(Clone, Copy)]
struct Said {
    at: EntryKey,
    activity: usize,
    /// None when it entered.
    left: Option<(EntryKey, Outcome)>,
    count: u32,
}

/// What a scrape shows of one activity.
#[derive(Debug, Default, PartialEq, Clone)]
struct Shown {
    level: u64,
    peak: u64,
    integral_ns: i128,
    saturated_ns: u64,
    at_level_ns: Vec<u64>,
    ends: Vec<u64>,
    stays: u64,
    oldest_age_ns: u64,
    residual_ns: i128,
}

/// Makes an account that begins at `at_ns`.
fn account(at_ns: u64) -> Account {
    let bands = Bands::new(&BANDS).expect("ascending");
    let account = ActivityAccount::new(Level::new(Some(LIMIT), &EDGES, at_ns), bands)
        .with_duration(Distribution::new(&[], true, 1))
        .with_ends();
    Account::Activity(Box::new(account))
}

/// Scrapes the activities from the `first` one on.
fn scrape(recorder: &TestRecorder, first: u32) -> (u64, u64, Vec<Shown>) {
    let mut merge = recorder.merge();
    let at_ns = merge.watermark_ns();
    let inexact_ns = merge.inexact_ns();
    let shown = (first..first + ACTIVITIES as u32)
        .map(|number| {
            let account = merge.sink.activity_at(number, at_ns).expect("open");
            let level = account.level();
            Shown {
                level: level.now(),
                peak: level.peak(),
                integral_ns: level.integral_ns(),
                saturated_ns: level.saturated_ns(),
                at_level_ns: level.time_at_level_ns().1.to_vec(),
                ends: account.ends().to_vec(),
                stays: account.duration().expect("measured").values().map(|of| of.count()).sum(),
                oldest_age_ns: account.oldest_age_ns(at_ns),
                residual_ns: account.residual_ns(),
            }
        })
        .collect();
    (at_ns, inexact_ns, shown)
}

/// Gets a log; the recorder gives none while another thread is getting one.
fn adopt(recorder: &TestRecorder) -> Owner<SystemClock> {
    std::iter::repeat_with(|| recorder.adopt()).flatten().next().expect("endless")
}

/// Says that the threads are done, also when one of them fails.
struct Done<'a>(&'a AtomicBool);

impl Drop for Done<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

/// Enters and leaves at random; some of what one thread enters another leaves.
fn act(recorder: &TestRecorder, passed: &Mutex<Vec<Said>>, seed: u64) -> Vec<Said> {
    let mut random = SmallRng::seed_from_u64(seed);
    let mut owner = adopt(recorder);
    let (mut said, mut held): (Vec<Said>, Vec<Said>) = (Vec::new(), Vec::new());
    for _ in 0..ACTIONS {
        if random.random_ratio(1, 64) {
            // Given up here, the processor is seldom taken away amid an edge.
            std::thread::yield_now();
        }
        if random.random_ratio(1, 50) {
            std::mem::swap(&mut held, &mut lock(passed));
        }
        if random.random_ratio(1, 20_000) {
            recorder.vacate(std::mem::replace(&mut owner, adopt(recorder)));
        }
        let now = if held.len() < 30 && random.random_bool(0.52) {
            let (activity, count) = (random.random_range(0..ACTIVITIES), random.random_range(1..4));
            let at = recorder.record(&mut owner, Draft::enter(activity as u32, count));
            let entered = Said { at, activity, left: None, count };
            held.push(entered);
            entered
        } else if held.is_empty() {
            continue;
        } else {
            let entered = held.swap_remove(random.random_range(0..held.len()));
            let outcome = Outcome::ALL[random.random_range(0..5)];
            let draft = Draft::leave(entered.activity as u32, entered.at, entered.count);
            let at = recorder.record(&mut owner, draft.ending(outcome, 0));
            Said { at, left: Some((entered.at, outcome)), ..entered }
        };
        said.push(now);
    }
    recorder.vacate(owner);
    said
}

/// Replays the edges of one activity up to `until_ns`, in the plainest way.
struct Replay {
    shown: Shown,
    edges: Vec<u64>,
    at_ns: u64,
    began: HashMap<EntryKey, usize>,
    /// The highest level of each second.
    peaks: BTreeMap<u64, u64>,
}

const S: u64 = 1_000_000_000;

impl Replay {
    fn new(at_ns: u64) -> Self {
        let mut edges = vec![0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1_024, LIMIT, 50];
        edges.sort_unstable();
        let (at_level_ns, ends) = (vec![0; edges.len() + 1], vec![0; 5 * BANDS.len()]);
        let shown = Shown { at_level_ns, ends, ..Shown::default() };
        Self { shown, edges, at_ns, began: HashMap::new(), peaks: BTreeMap::new() }
    }

    fn pass(&mut self, to_ns: u64) {
        let (level, passed_ns) = (self.shown.level, to_ns - self.at_ns);
        self.shown.integral_ns += i128::from(level) * i128::from(passed_ns);
        if level >= LIMIT {
            self.shown.saturated_ns += passed_ns;
        }
        let place = self.edges.iter().position(|edge| level <= *edge);
        self.shown.at_level_ns[place.unwrap_or(self.edges.len())] += passed_ns;
        // A second begins with the level that the one before it left.
        self.peaks.extend((self.at_ns / S + 1..=to_ns / S).map(|second| (second, level)));
        self.at_ns = to_ns;
    }

    fn step(&mut self, said: &Said) {
        self.pass(said.at.at_ns);
        match said.left {
            None => {
                self.shown.level += u64::from(said.count);
                let peak = self.peaks.entry(self.at_ns / S).or_default();
                *peak = self.shown.level.max(*peak);
                let band = BANDS.iter().rposition(|edge| *edge <= self.shown.level);
                self.began.insert(said.at, band.expect("at least 1"));
            }
            Some((entered, outcome)) => {
                self.shown.level -= u64::from(said.count);
                let band = self.began.remove(&entered).expect("entered before it left");
                self.shown.ends[usize::from(outcome.index()) * BANDS.len() + band] += 1;
                self.shown.stays += 1;
            }
        }
    }

    fn shown_at(&mut self, at_ns: u64) -> Shown {
        self.pass(at_ns);
        // A slow machine takes longer than a peak is kept.
        let kept = self.peaks.range((at_ns / S).saturating_sub(60)..);
        self.shown.peak = kept.map(|(_, peak)| *peak).max().unwrap_or(0);
        let oldest_ns = self.began.keys().map(|entered| entered.at_ns).min();
        self.shown.oldest_age_ns = oldest_ns.map_or(0, |oldest_ns| at_ns - oldest_ns);
        self.shown.clone()
    }
}

/// Runs the threads and scrapes at random instants; returns what was said and what was shown.
#[expect(clippy::type_complexity, reason = "a test's own pair of lists")]
fn run(seed: u64) -> (Vec<Said>, Vec<(u64, u64, Vec<Shown>)>) {
    let recorder = TestRecorder::new(SystemClock::get(), Accounts::default());
    for _ in 0..ACTIVITIES {
        recorder.merge().sink.open(account(0)).expect("room");
    }
    let (passed, done) = (Mutex::new(Vec::new()), AtomicBool::new(false));
    let mut scrapes = Vec::new();
    let mut said = std::thread::scope(|scope| {
        let scrapers = [seed, !seed].map(|seed| {
            let (recorder, done) = (&recorder, &done);
            scope.spawn(move || {
                let mut random = SmallRng::seed_from_u64(seed);
                let mut scrapes = Vec::new();
                while !done.load(Ordering::Acquire) {
                    scrapes.push(scrape(recorder, 0));
                    (0..random.random_range(0..40)).for_each(|_| std::thread::yield_now());
                }
                scrapes
            })
        });
        let (recorder, passed, ending) = (&recorder, &passed, Done(&done));
        let threads: Vec<_> = (0..THREADS)
            .map(|thread| scope.spawn(move || act(recorder, passed, seed + thread)))
            .collect();
        let said: Vec<Said> =
            threads.into_iter().flat_map(|thread| thread.join().expect("acts")).collect();
        drop(ending);
        scrapes = scrapers.into_iter().flat_map(|of| of.join().expect("scrapes")).collect();
        // Neither scraper takes anything from the other: as one list they are as good.
        scrapes.sort_by_key(|(at_ns, ..)| *at_ns);
        said
    });
    scrapes.push(scrape(&recorder, 0));
    // Equal stamps: in the order of logs.
    said.sort_by_key(|said| (said.at.at_ns, said.at.log));
    (said, scrapes)
}

/// Compares every scrape before the run became inexact; returns how many edges they showed.
fn compare(from_ns: u64, said: &[Said], scrapes: &[(u64, u64, Vec<Shown>)]) -> usize {
    let mut replays: Vec<Replay> = (0..ACTIVITIES).map(|_| Replay::new(from_ns)).collect();
    let mut rest = said.iter().peekable();
    let mut compared = 0;
    for (at_ns, inexact_ns, shown) in scrapes {
        while let Some(said) = rest.next_if(|said| said.at.at_ns <= *at_ns) {
            replays[said.activity].step(said);
        }
        let exact = *inexact_ns == 0;
        compared = if exact { said.len() - rest.len() } else { compared };
        for (replay, shown) in replays.iter_mut().zip(shown) {
            let expected = replay.shown_at(*at_ns);
            if exact {
                assert_eq!(shown, &expected, "at {at_ns} ns");
            } else if rest.len() == 0 {
                // What is linear stays exact.
                assert_eq!((shown.level, shown.stays), (expected.level, expected.stays));
                assert_eq!(shown.integral_ns, expected.integral_ns, "at {at_ns} ns");
            }
        }
    }
    assert!(rest.next().is_none(), "the last scrape shows every edge");
    compared
}

#[test]
fn every_scrape_equals_a_replay_of_the_edges_up_to_its_watermark() {
    // A machine that stops a thread for long amid an edge makes a run inexact from there, and it says
    // so: as many runs as it takes.
    let mut compared = 0;
    for seed in 0..20 {
        let (said, scrapes) = run(seed * 100);
        compared += compare(0, &said, &scrapes);

        if compared > 1_000_000 {
            return;
        }
    }
    panic!("only {compared} edges were exact");
}
