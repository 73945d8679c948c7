//! Whose fault it was: wait charged to the call sites that held the lock.

#![allow(clippy::expect_used)] // A test that finds nothing has failed.

mod reading;

use plimsoll::Registry;
use plimsoll::sync::tokio::{Mutex, RwLock};
use plimsoll_model::Value;
use rand::{Rng, SeedableRng, rngs::SmallRng};
use reading::histogram;
use std::collections::BTreeMap;
use std::future::Future;
use std::panic::Location;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// Returns the charged nanoseconds by the line of the site.
fn blamed(registry: &Registry) -> BTreeMap<u32, u128> {
    let families = registry.snapshot().families;
    let family = families.iter().find(|family| family.name == "concurrency_lock_blamed_seconds");
    let series = family.map(|family| family.series.as_slice()).unwrap_or_default();
    let charged = series.iter().map(|series| {
        let site = series.labels.get("site").expect("a site");
        let (file, line) = site.rsplit_once(':').expect("file:line");
        assert!(file.ends_with("tests/blame.rs"), "{site}");
        let Value::SecondsNs(ns) = series.value else { unreachable!("it is a time") };
        (line.parse().expect("a line"), ns)
    });
    charged.collect()
}

/// The sum of all waits, in nanoseconds; the registry adds up whole ones.
fn waited_ns(registry: &Registry, modes: &[&str]) -> u128 {
    let sum = modes.iter().map(|mode| {
        histogram(registry, "concurrency_lock_wait_seconds", [("lock", "l"), ("mode", mode)]).sum
    });
    (sum.sum::<f64>() * 1e9).round() as u128
}

fn begins_to_wait<F: Future>(future: &mut Pin<&mut F>) {
    let mut context = Context::from_waker(Waker::noop());
    assert!(matches!(future.as_mut().poll(&mut context), Poll::Pending), "it doesn't wait");
}

fn pass(ms: u64) {
    std::thread::sleep(Duration::from_millis(ms));
}

/// A waiter that outlives three holders charges each of them with its own slice, and only that.
#[tokio::test]
async fn each_holder_is_charged_with_its_own_slice() {
    let registry = Registry::new();
    let lock = Mutex::named_in(&registry, "l", ());
    let line = Location::caller().line();
    let first = lock.lock().await; // + 1
    let mut second = pin!(lock.lock()); // + 2
    begins_to_wait(&mut second);
    let mut third = pin!(lock.lock()); // + 4
    begins_to_wait(&mut third);
    let mut last = pin!(lock.lock()); // + 6
    begins_to_wait(&mut last);
    pass(40); // Three wait.
    drop(first);
    let second = second.await;
    pass(20); // Two wait.
    drop(second);
    let third = third.await;
    pass(30); // One waits.
    drop(third);
    drop(last.await);
    let blamed = blamed(&registry);
    assert_eq!(blamed.values().sum::<u128>(), waited_ns(&registry, &["exclusive"]));
    let ms = |line: u32| blamed.get(&line).copied().unwrap_or(0) / 1_000_000;
    assert!(ms(line + 1) >= 120 && ms(line + 2) >= 40 && ms(line + 4) >= 30, "{blamed:?}");
    assert!(!blamed.contains_key(&(line + 6)), "nobody waited for the last: {blamed:?}");
}

#[tokio::test]
async fn a_wait_that_lasts_is_charged_already_and_a_cancelled_one_stays() {
    let registry = Registry::new();
    let lock = Mutex::named_in(&registry, "l", ());
    let held = lock.lock().await;
    let mut waiting = Box::pin(lock.lock());
    begins_to_wait(&mut waiting.as_mut());
    pass(10);
    let early: u128 = blamed(&registry).values().sum();
    assert!(early >= 10_000_000, "{early}");
    pass(10);
    drop(waiting);
    let late: u128 = blamed(&registry).values().sum();
    assert!(late >= early + 10_000_000, "{early} {late}");
    drop(held);
    assert_eq!(blamed(&registry).values().sum::<u128>(), waited_ns(&registry, &["exclusive"]));
}

/// A writer that waits for several readers charges each from when the one before it had left.
#[tokio::test]
async fn readers_are_charged_as_they_leave() {
    let registry = Registry::new();
    let lock = RwLock::named_in(&registry, "l", ());
    let line = Location::caller().line();
    let first = lock.read().await; // + 1
    let second = lock.read().await; // + 2
    let mut writing = pin!(lock.write());
    begins_to_wait(&mut writing);
    pass(20);
    drop(first);
    pass(10);
    drop(second);
    drop(writing.await);
    let blamed = blamed(&registry);
    let ms = |line: u32| blamed.get(&line).copied().unwrap_or(0) / 1_000_000;
    assert!(ms(line + 1) >= 20 && ms(line + 2) >= 10, "{blamed:?}");
    let waited_ns = waited_ns(&registry, &["exclusive", "shared"]);
    assert_eq!(blamed.values().sum::<u128>(), waited_ns);
}

/// Whatever tasks on several threads do, what is charged is what was waited, to the nanosecond.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn all_that_is_waited_is_charged() {
    let registry = Registry::new();
    let lock = Arc::new(RwLock::named_in(&registry, "l", 0_u64));
    let tasks: Vec<_> = (0..8)
        .map(|seed| {
            let lock = Arc::clone(&lock);
            tokio::spawn(async move {
                let mut random = SmallRng::seed_from_u64(seed);
                for _ in 0..500 {
                    let patience = Duration::from_micros(random.random_range(0..200));
                    match random.random_range(0..4) {
                        0 => drop(tokio::time::timeout(patience, lock.write()).await),
                        1 => drop(tokio::time::timeout(patience, lock.read()).await),
                        2 => *lock.write().await += 1,
                        _ => {
                            let _reading = lock.read().await;
                            tokio::task::yield_now().await;
                        }
                    }
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.expect("it ends");
    }
    let charged: u128 = blamed(&registry).values().sum();
    let waited = waited_ns(&registry, &["exclusive", "shared"]);
    assert!(waited > 0);
    assert_eq!(charged, waited);
}
