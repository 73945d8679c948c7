//! Locks and semaphores: what an acquisition, a wait, its cancellation and a panic leave behind.

#![allow(clippy::expect_used)] // A test that finds nothing has failed.

mod reading;

use plimsoll::Registry;
use plimsoll::sync::tokio::{
    Mutex, MutexGuard, Notify, OnceCell, OwnedMutexGuard, OwnedRwLockReadGuard,
    OwnedRwLockWriteGuard, RwLock, RwLockReadGuard, Semaphore,
};
use reading::{histogram, value};
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

const WAIT: &str = "concurrency_lock_wait_seconds";
const HOLD: &str = "concurrency_lock_hold_seconds";

/// Polls once; a future that the test wants to see waiting must not be ready.
fn begins_to_wait<F: Future>(future: &mut std::pin::Pin<&mut F>) {
    let mut context = Context::from_waker(Waker::noop());
    assert!(matches!(future.as_mut().poll(&mut context), Poll::Pending), "it doesn't wait");
}

fn acquisitions(registry: &Registry, mode: &str, contended: &str) -> f64 {
    let labels = [("lock", "ledger"), ("mode", mode), ("contended", contended)];
    value(registry, "concurrency_lock_acquisitions", labels).expect("the lock is registered")
}

fn waiters(registry: &Registry) -> f64 {
    value(registry, "concurrency_lock_waiters", [("lock", "ledger")]).expect("it is registered")
}

fn waits(registry: &Registry, mode: &str) -> plimsoll_model::HistogramValue {
    histogram(registry, WAIT, [("lock", "ledger"), ("mode", mode)])
}

fn holds(registry: &Registry, mode: &str) -> u64 {
    histogram(registry, HOLD, [("lock", "ledger"), ("mode", mode)]).count()
}

#[tokio::test]
async fn an_uncontended_lock_waits_no_time() {
    let registry = Registry::new();
    let ledger = Mutex::named_in(&registry, "ledger", 0);
    for _ in 0..128 {
        *ledger.lock().await += 1;
    }
    assert_eq!(acquisitions(&registry, "exclusive", "false"), 128.0);
    assert_eq!(acquisitions(&registry, "exclusive", "true"), 0.0);
    let waits = waits(&registry, "exclusive");
    assert_eq!((waits.count(), waits.sum), (128, 0.0));
    assert_eq!(holds(&registry, "exclusive"), 0, "nobody had to wait");
    let sampled = histogram(
        &registry,
        "concurrency_lock_hold_sampled_seconds",
        [("lock", "ledger"), ("mode", "exclusive")],
    );
    assert_eq!(sampled.count(), 2, "one in 64");
    assert_eq!(ledger.into_inner(), 128);
}

#[tokio::test]
async fn a_wait_is_counted_and_both_holds_with_it() {
    let registry = Registry::new();
    let ledger = Mutex::named_in(&registry, "ledger", ());
    let held = ledger.lock().await;
    let mut waiting = pin!(ledger.lock());
    begins_to_wait(&mut waiting);
    assert_eq!(waiters(&registry), 1.0);
    drop(held);
    assert_eq!(holds(&registry, "exclusive"), 1, "it made another wait");
    drop(waiting.await);
    assert_eq!(holds(&registry, "exclusive"), 2, "it was acquired after a wait");
    assert_eq!(waiters(&registry), 0.0);
    assert_eq!(acquisitions(&registry, "exclusive", "true"), 1.0);
    let waits = waits(&registry, "exclusive");
    assert_eq!(waits.count(), 2);
    assert!(waits.sum > 0.0);
    drop(ledger.lock().await);
    assert_eq!(holds(&registry, "exclusive"), 2, "the contention is over");
}

#[tokio::test]
async fn a_cancelled_wait_counts_as_a_wait_and_not_as_an_acquisition() {
    let registry = Registry::new();
    let ledger = Mutex::named_in(&registry, "ledger", ());
    let held = ledger.lock().await;
    drop(ledger.lock()); // Never polled: it never waited.
    assert_eq!(waits(&registry, "exclusive").count(), 1);
    {
        let mut waiting = pin!(ledger.lock());
        begins_to_wait(&mut waiting);
    }
    assert_eq!(waits(&registry, "exclusive").count(), 2);
    assert_eq!(waiters(&registry), 0.0);
    assert_eq!(acquisitions(&registry, "exclusive", "true"), 0.0);
    drop(held);
    assert!(ledger.try_lock().is_ok());
}

#[tokio::test]
async fn a_holder_that_panics_frees_the_lock_and_its_hold_counts() {
    let registry = Registry::new();
    let ledger = Arc::new(Mutex::named_in(&registry, "ledger", ()));
    let held = ledger.lock().await;
    let holder = tokio::spawn({
        let ledger = Arc::clone(&ledger);
        async move {
            let _held = ledger.lock().await;
            panic!("on purpose");
        }
    });
    while waiters(&registry) == 0.0 {
        tokio::task::yield_now().await;
    }
    drop(held);
    assert!(holder.await.is_err_and(|error| error.is_panic()));
    assert_eq!(holds(&registry, "exclusive"), 2);
    assert!(ledger.try_lock().is_ok());
}

#[tokio::test]
async fn an_owned_guard_keeps_the_mutex() {
    let registry = Registry::new();
    let ledger = Arc::new(Mutex::named_in(&registry, "ledger", 1));
    let held = Arc::clone(&ledger).lock_owned().await;
    assert!(Arc::clone(&ledger).try_lock_owned().is_err());
    let mut waiting = pin!(Arc::clone(&ledger).lock_owned());
    begins_to_wait(&mut waiting);
    drop(held);
    *waiting.await += 1;
    let mut ledger = Arc::into_inner(ledger).expect("no guard is left");
    *ledger.get_mut() += 1;
    assert_eq!(ledger.into_inner(), 3);
}

#[tokio::test]
async fn readers_share_and_a_writer_waits_for_them() {
    let registry = Registry::new();
    let ledger = RwLock::named_in(&registry, "ledger", 0);
    let (first, second) = (ledger.read().await, ledger.read().await);
    assert_eq!(acquisitions(&registry, "shared", "false"), 2.0);
    let mut writing = pin!(ledger.write());
    begins_to_wait(&mut writing);
    assert!(ledger.try_read().is_err(), "the writer is first");
    drop(first);
    assert_eq!(holds(&registry, "shared"), 1, "the first to leave is charged");
    drop(second);
    *writing.await += 1;
    assert_eq!(acquisitions(&registry, "exclusive", "true"), 1.0);
    assert_eq!(waits(&registry, "exclusive").count(), 1);
    assert_eq!(waits(&registry, "shared").count(), 2);
    assert_eq!(*ledger.read().await, 1);
}

fn in_use(registry: &Registry) -> f64 {
    value(registry, "concurrency_pool_in_use", [("pool", "db")]).expect("it is registered")
}

fn pool_waits(registry: &Registry, outcome: &str) -> u64 {
    let labels = [("pool", "db"), ("outcome", outcome)];
    histogram(registry, "concurrency_pool_wait_seconds", labels).count()
}

#[tokio::test]
async fn a_semaphore_is_a_pool_of_permits() {
    let registry = Registry::new();
    let db = Arc::new(Semaphore::named_in(&registry, "db", 4));
    let three = db.acquire_many(3).await.expect("open");
    assert_eq!(in_use(&registry), 3.0);
    assert!(db.try_acquire_many(2).is_err());
    {
        let mut waiting = pin!(db.acquire_many(2));
        begins_to_wait(&mut waiting);
    }
    assert_eq!(pool_waits(&registry, "cancelled"), 1);
    let mut waiting = pin!(Arc::clone(&db).acquire_many_owned(2));
    begins_to_wait(&mut waiting);
    drop(three);
    let two = waiting.await.expect("open");
    assert_eq!((in_use(&registry), two.num_permits()), (2.0, 2));
    two.forget();
    assert_eq!(in_use(&registry), 0.0);
    assert_eq!(value(&registry, "concurrency_pool_in_use_limit", [("pool", "db")]), Some(2.0));
    db.close();
    assert!(db.acquire().await.is_err());
    assert_eq!(pool_waits(&registry, "ok"), 2);
    assert_eq!(pool_waits(&registry, "error"), 1);
}

/// The level may never show more permits in use than there are, whatever the threads do. A round in
/// which the recorder says that it wasn't exact, as on a machine that is overrun, proves nothing.
#[test]
fn the_peak_of_a_semaphore_is_at_most_its_permits() {
    let inexact = |registry: &Registry| value(registry, "concurrency_inexact_seconds", []);
    let mut exact_rounds = 0;
    for _ in 0..30 {
        let registry = Registry::new();
        let before = inexact(&registry);
        let db = Semaphore::named_in(&registry, "db", 2);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..100 {
                        (0..32).for_each(|_| drop(db.try_acquire()));
                        registry.merge(); // As the admin thread does, so that no log fills.
                    }
                });
            }
        });
        let peak = value(&registry, "concurrency_pool_in_use_peak", [("pool", "db")]);
        if inexact(&registry) == before {
            assert!(peak.is_some_and(|peak| (1.0..=2.0).contains(&peak)), "{peak:?}");
            assert_eq!(in_use(&registry), 0.0);
            exact_rounds += 1;
        }
    }
    assert!(exact_rounds > 0, "the recorder was never exact");
}

#[tokio::test]
async fn one_makes_the_value_and_others_wait_for_it() {
    let registry = Registry::new();
    let ledger = OnceCell::named_in(&registry, "ledger");
    {
        let mut dropped = pin!(ledger.get_or_init(std::future::pending));
        begins_to_wait(&mut dropped);
        let mut waiting = pin!(ledger.get_or_init(std::future::pending));
        begins_to_wait(&mut waiting);
        assert_eq!((waiters(&registry), acquisitions(&registry, "exclusive", "false")), (1.0, 1.0));
        assert!(ledger.set(0).is_err_and(|error| error.is_initializing_err()));
    }
    assert_eq!((waiters(&registry), holds(&registry, "exclusive")), (0.0, 1));
    let failed = ledger.get_or_try_init(|| async { Err("no") }).await;
    assert_eq!((failed, ledger.get()), (Err("no"), None));
    let mut making = pin!(ledger.get_or_init(|| async {
        tokio::task::yield_now().await;
        7
    }));
    begins_to_wait(&mut making);
    let mut waiting = pin!(ledger.get_or_init(|| async { 8 }));
    begins_to_wait(&mut waiting);
    assert_eq!((*making.await, *waiting.await), (7, 7));
    assert_eq!(*ledger.get_or_init(|| async { 9 }).await, 7);
    assert_eq!(
        acquisitions(&registry, "exclusive", "false"),
        3.0,
        "what is there is no acquisition"
    );
    assert_eq!(acquisitions(&registry, "exclusive", "true"), 0.0);
    assert_eq!((waits(&registry, "exclusive").count(), waiters(&registry)), (5, 0.0));
}

#[tokio::test]
async fn a_waiter_makes_the_value_when_the_maker_goes() {
    let registry = Registry::new();
    let ledger = OnceCell::named_in(&registry, "ledger");
    let mut waiting = {
        let mut dropped = pin!(ledger.get_or_init(std::future::pending));
        begins_to_wait(&mut dropped);
        let mut waiting = Box::pin(ledger.get_or_init(|| async { 8 }));
        begins_to_wait(&mut waiting.as_mut());
        waiting
    };
    assert_eq!(*waiting.as_mut().await, 8);
    assert_eq!(acquisitions(&registry, "exclusive", "true"), 1.0);
    assert_eq!(holds(&registry, "exclusive"), 2);
}

#[tokio::test]
async fn whoever_waits_for_a_notification_is_in_a_level() {
    let registry = Registry::new();
    let ledger = Notify::named_in(&registry, "ledger");
    ledger.notify_one();
    ledger.notified().await;
    assert_eq!(value(&registry, "concurrency_lock_waiters_peak", [("lock", "ledger")]), Some(0.0));
    let mut enabled = Box::pin(ledger.notified());
    assert!(!enabled.as_mut().enable());
    let mut waiting = pin!(ledger.notified());
    begins_to_wait(&mut waiting);
    assert_eq!(waiters(&registry), 2.0);
    drop(enabled);
    assert_eq!(waiters(&registry), 1.0);
    ledger.notify_waiters();
    waiting.await;
    assert_eq!(waiters(&registry), 0.0);
    assert_eq!(waits(&registry, "exclusive").count(), 0, "nobody held it");
}

#[tokio::test]
async fn a_part_is_held_as_the_whole_and_a_writer_may_become_a_reader() {
    let registry = Registry::new();
    let ledger = Arc::new(Mutex::named_in(&registry, "ledger", (1, [2, 3])));
    let part = MutexGuard::map(ledger.lock().await, |ledger| ledger.1.as_mut_slice());
    assert!(ledger.try_lock().is_err() && part.len() == 2);
    drop(part);
    let whole = Arc::clone(&ledger).lock_owned().await;
    let Err(whole) = OwnedMutexGuard::try_map(whole, |_| None::<&mut u8>) else {
        panic!("there is no such part");
    };
    let mut part = OwnedMutexGuard::map(whole, |ledger| &mut ledger.0);
    *part += 1;
    drop(part);
    assert_eq!((ledger.lock().await.0, acquisitions(&registry, "exclusive", "false")), (2, 3.0));

    let registry = Registry::new();
    let ledger = Arc::new(RwLock::named_in(&registry, "ledger", [1, 2]));
    let reader = ledger.write().await.downgrade();
    assert!(ledger.try_read().is_ok() && ledger.try_write().is_err());
    let first = RwLockReadGuard::map(reader, |ledger| &ledger[0]);
    let owned = Arc::clone(&ledger).read_owned().await;
    assert_eq!((*first, *OwnedRwLockReadGuard::map(owned, |ledger| &ledger[1])), (1, 2));
    drop(first);
    let owned = Arc::clone(&ledger).write_owned().await;
    *OwnedRwLockWriteGuard::map(owned, |ledger| &mut ledger[1]) += 1;
    let owned = Arc::clone(&ledger).write_owned().await.downgrade();
    assert_eq!(*owned, [1, 3]);
    drop(owned);
    assert!(ledger.try_write().is_ok(), "nothing is left");
    assert_eq!(acquisitions(&registry, "exclusive", "false"), 4.0);
    assert_eq!(acquisitions(&registry, "shared", "false"), 4.0);
}
