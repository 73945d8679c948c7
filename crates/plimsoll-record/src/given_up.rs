//! What happens where exactness is given up: an owner that is stopped amid an edge, and edges that
//! find no room. What is linear stays exact, and the span says that it isn't.

#![allow(clippy::expect_used)] // A test fails by it.

use crate::Outcome;
use crate::account::{Account, Accounts, ActivityAccount, Bands, Distribution, Level};
use crate::clock::Clock;
use crate::edge::{Draft, EntryKey};
use crate::log::Owner;
use crate::recorder::Recorder;
use crate::shared::SHARED_LOGS;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};

pub(crate) const MS: u64 = 1_000_000;

/// A clock that the test sets. One thread's reading can be stopped between the reading and its use.
#[derive(Clone, Default)]
pub(crate) struct TestClock {
    pub(crate) now_ns: Arc<AtomicU64>,
    stop: Arc<Mutex<Option<Stop>>>,
}

struct Stop {
    stopped: SyncSender<()>,
    go_on: Receiver<()>,
}

impl Clock for TestClock {
    fn now_ns(&self) -> u64 {
        let now_ns = self.now_ns.load(Ordering::SeqCst);
        if std::thread::current().name() == Some("stopped")
            && let Some(stop) = self.stop.lock().expect("unpoisoned").take()
        {
            stop.stopped.send(()).expect("the test waits");
            stop.go_on.recv().expect("the test goes on");
        }
        now_ns
    }

    fn owner_fence(&self) {
        std::sync::atomic::fence(Ordering::SeqCst);
    }

    fn reader_fence(&self) {
        std::sync::atomic::fence(Ordering::SeqCst);
    }
}

type TestRecorder = Recorder<TestClock, Accounts>;

pub(crate) fn recorder() -> (TestClock, TestRecorder) {
    let clock = TestClock::default();
    (clock.clone(), recorder_by(clock))
}

/// Makes a recorder of one level.
pub(crate) fn recorder_by<C: Clock>(clock: C) -> Recorder<C, Accounts> {
    let recorder = Recorder::new(clock, Accounts::default());
    let account =
        ActivityAccount::new(Level::new(None, &[], 0), Bands::new(&[1]).expect("ascending"))
            .with_duration(Distribution::new(&[], true, 1))
            .with_ends();
    recorder.merge().sink.open(Account::Activity(Box::new(account))).expect("room");
    recorder
}

/// Merges at `now_ns`; returns the watermark, the inexact time, the level and its integral.
pub(crate) fn merge_at(
    clock: &TestClock,
    recorder: &TestRecorder,
    now_ns: u64,
) -> (u64, u64, u64, i128) {
    clock.now_ns.store(now_ns, Ordering::SeqCst);
    let mut merge = recorder.merge();
    let (watermark_ns, inexact_ns) = (merge.watermark_ns(), merge.inexact_ns());
    let level = merge.sink.activity_at(0, watermark_ns).expect("open").level();
    (watermark_ns, inexact_ns, level.now(), level.integral_ns())
}

/// Returns the level's peak.
pub(crate) fn peak(recorder: &TestRecorder, at_ns: u64) -> u64 {
    recorder.merge().sink.activity_at(0, at_ns).expect("open").level().peak()
}

/// Does `meanwhile` while the owner is stopped amid an edge that it has stamped already.
pub(crate) fn stopped_while<T>(
    (clock, recorder): (&TestClock, &TestRecorder),
    (at_ns, owner, draft): (u64, &mut Owner<TestClock>, Draft),
    meanwhile: impl FnOnce() -> T,
) -> T {
    let (stopped, has_stopped) = sync_channel(0);
    let (let_go, go_on) = sync_channel(0);
    *clock.stop.lock().expect("unpoisoned") = Some(Stop { stopped, go_on });
    clock.now_ns.store(at_ns, Ordering::SeqCst);
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().name("stopped".into());
        let thread = thread.spawn_scoped(scope, || recorder.record(owner, draft));
        has_stopped.recv().expect("it stops");
        let made = meanwhile();
        let_go.send(()).expect("it waits");
        thread.expect("spawns").join().expect("it records");
        made
    })
}

#[test]
fn a_stopped_owner_holds_the_watermark_for_a_tenth_of_a_second() {
    let (clock, recorder) = recorder();
    let merge_at = |now_ns| merge_at(&clock, &recorder, now_ns);
    let mut owner = recorder.adopt().expect("nobody else wants one");
    assert_eq!(merge_at(10 * MS), (10 * MS, 0, 0, 0));
    stopped_while((&clock, &recorder), (20 * MS, &mut owner, Draft::enter(0, 1)), || {
        assert_eq!(merge_at(50 * MS), (10 * MS, 0, 0, 0), "held back");
        assert_eq!(merge_at(110 * MS), (10 * MS, 0, 0, 0), "held back");
        assert_eq!(merge_at(150 * MS), (150 * MS, 140 * MS, 0, 0), "given up");
    });
    // The late entry counts from 20 ms in the integral.
    assert_eq!(merge_at(160 * MS), (160 * MS, 140 * MS, 1, i128::from(140 * MS)));
}

#[test]
fn edges_that_find_no_room_keep_their_sums() {
    const EDGES: u64 = 400_000;
    let (clock, recorder) = recorder();
    let at = |now_ns: u64| clock.now_ns.store(now_ns, Ordering::SeqCst);
    let mut keys: Vec<EntryKey> = Vec::new();
    for edge in 1..=EDGES {
        at(edge * 10);
        keys.push(recorder.record_shared(Draft::enter(0, 1)));
    }
    let until_ns = EDGES * 10;
    let entered = merge_at(&clock, &recorder, until_ns);
    let integral_ns: u64 = keys.iter().map(|key| until_ns - key.at_ns).sum();
    assert_eq!(entered, (until_ns, until_ns, EDGES, i128::from(integral_ns)));
    let mut stays_ns = 0;
    for key in &keys {
        let draft = Draft::leave(0, *key, 1).ending(Outcome::Error, 0);
        stays_ns += recorder.record_shared(draft).at_ns - key.at_ns;
    }
    let (_, _, level, integral_ns) = merge_at(&clock, &recorder, until_ns + MS);
    assert_eq!((level, integral_ns), (0, i128::from(stays_ns)));
    let mut merge = recorder.merge();
    let account = merge.sink.activity_at(0, until_ns + MS).expect("open");
    let duration = account.duration().expect("measured").values().next().expect("one series");
    assert_eq!((duration.count(), duration.sum), (EDGES, stays_ns as f64 / 1e9));
    assert_eq!(account.ends(), [0, EDGES, 0, 0, 0]);
    assert_eq!((account.residual_ns(), account.oldest_age_ns(until_ns + MS)), (0, 0));
}

#[test]
fn a_full_log_keeps_what_comes_beside_it_until_it_is_merged() {
    const EDGES: u64 = 1 << 18;
    let (clock, recorder) = recorder();
    clock.now_ns.store(MS, Ordering::SeqCst);
    let mut owner = recorder.adopt().expect("nobody else wants one");
    let mut enter = || recorder.record(&mut owner, Draft::enter(0, 1));
    let merging = recorder.merge();
    let keys: Vec<EntryKey> = (0..EDGES).map(|_| enter()).collect();
    drop(merging);
    assert!(keys.iter().all(|key| key.log >= SHARED_LOGS), "none went to a shared log");
    let until_ns = 2 * MS;
    let integral_ns: u64 = keys.iter().map(|key| until_ns - key.at_ns).sum();
    let shown = merge_at(&clock, &recorder, until_ns);
    assert_eq!(shown, (until_ns, 0, EDGES, i128::from(integral_ns)), "and all of it is exact");
    assert_eq!(recorder.merge().sink.activity_at(0, until_ns).expect("open").level().peak(), EDGES);
}

#[test]
fn a_fork_forgets_what_its_parent_has_in_progress() {
    let bands = Bands::new(&[1]).expect("ascending");
    let mut account = ActivityAccount::new(Level::new(None, &[], 0), bands);
    let key = EntryKey { at_ns: 10, log: 8 };
    account.apply(&Draft::enter(0, 2).stamped(10, 8));
    account.advance(30);
    account.forget_progress();
    account.apply(&Draft::leave(0, key, 2).stamped(40, 8));
    account.advance(50);
    assert_eq!((account.level().now(), account.level().integral_ns()), (0, 40));
    assert_eq!(account.oldest_age_ns(50), 0);
}

#[test]
fn threads_that_come_and_go_share_their_logs() {
    let (clock, recorder) = recorder();
    let mut logs: Vec<u32> = Vec::new();
    for thread in 1..=1_000 {
        clock.now_ns.store(thread * MS, Ordering::SeqCst);
        let mut owner = recorder.adopt().expect("one was left behind, or none is there yet");
        logs.push(recorder.record(&mut owner, Draft::enter(0, 1)).log);
        recorder.vacate(owner);
    }
    logs.dedup();
    // The first one fills unmerged up to three quarters, then its owner merges and gets a larger one.
    assert!(logs.len() <= 2, "{logs:?}");
    assert_eq!(merge_at(&clock, &recorder, 1_001 * MS).2, 1_000);
}

#[test]
fn a_stay_of_days_keeps_its_length() {
    const DAYS_NS: u64 = 30 * 86_400 * 1_000 * MS;
    let (clock, recorder) = recorder();
    let mut owner = recorder.adopt().expect("nobody else wants one");
    clock.now_ns.store(MS, Ordering::SeqCst);
    let key = recorder.record(&mut owner, Draft::enter(0, 1));
    clock.now_ns.store(MS + DAYS_NS, Ordering::SeqCst);
    recorder.record(&mut owner, Draft::leave(0, key, 1).ending(Outcome::Ok, 0));
    let shown = merge_at(&clock, &recorder, 2 * MS + DAYS_NS);
    assert_eq!(shown, (2 * MS + DAYS_NS, 0, 0, i128::from(DAYS_NS)));
    let mut merge = recorder.merge();
    let account = merge.sink.activity_at(0, 2 * MS + DAYS_NS).expect("open");
    let duration = account.duration().expect("measured").values().next().expect("one series");
    assert_eq!((duration.count(), duration.sum), (1, DAYS_NS as f64 / 1e9));
}

#[test]
fn a_clock_that_steps_back_shortens_a_stay_and_is_counted() {
    let (clock, recorder) = recorder();
    let mut owner = recorder.adopt().expect("nobody else wants one");
    clock.now_ns.store(10 * MS, Ordering::SeqCst);
    let key = recorder.record(&mut owner, Draft::enter(0, 1));
    clock.now_ns.store(4 * MS, Ordering::SeqCst);
    let left = recorder.record(&mut owner, Draft::leave(0, key, 1).ending(Outcome::Ok, 0));
    assert_eq!(left.at_ns, key.at_ns + 1);
    assert_eq!(merge_at(&clock, &recorder, 20 * MS), (20 * MS, 0, 0, 1));
    assert_eq!(recorder.merge().sink.skewed(), 1);
}
