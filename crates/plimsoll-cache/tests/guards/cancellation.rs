//! Callers that are dropped at every await, and caches that are.

use crate::world::{World, ms};
use futures_util::FutureExt;
use plimsoll_cache::{LockConfig, Origin};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Waker};
use tokio::task::yield_now;
use tokio::time::sleep;

/// Polls a call so many times, lets others run in between, drops it, and returns whether it had ended.
async fn polled<F: Future>(call: F, times: usize) -> bool {
    let mut call = pin!(call);
    for _ in 0..times {
        if call.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready() {
            return true;
        }
        yield_now().await;
        sleep(ms(7)).await;
    }
    false
}

#[tokio::test(start_paused = true)]
async fn a_leader_that_is_dropped_at_any_await_takes_the_rebuild_from_nobody() {
    let mut dropped = 0;
    for polls in 1..60 {
        let world = World::new();
        let leases = Arc::default();
        let config = plimsoll_cache::CacheConfig {
            lock: Some(world.lock(&leases, LockConfig::default())),
            ..world.config()
        };
        let cache = world.cache(config, world.local(), ms(100));
        let has_ended = polled(cache.get("shoe"), polls).await;
        let served = cache.get("shoe").await.expect("the rebuild goes on");
        assert_eq!((served.value, world.origin.calls()), (1, 1), "after {polls} polls");
        let [leader, follower, fallback, abandoned] = world.roles();
        assert_eq!((leader + abandoned, fallback), (1.0, 0.0), "after {polls} polls");
        assert_eq!(abandoned, f64::from(u8::from(!has_ended)));
        assert_eq!(follower, f64::from(u8::from(served.from == Origin::Rebuild)));
        assert_eq!(world.waiters(), 0.0);
        sleep(ms(10)).await;
        assert_eq!(world.lease("concurrency_lease_margin_seconds").count, 1, "it was given back");
        dropped += u32::from(!has_ended);
    }
    assert!((10..50).contains(&dropped), "both ways are taken: {dropped}");
}

#[tokio::test(start_paused = true)]
async fn followers_that_are_dropped_leave_the_others() {
    let world = World::new();
    let cache = world.cache(world.config(), world.local(), ms(100));
    let leader = tokio::spawn({
        let cache = cache.clone();
        async move { cache.get("shoe").await }
    });
    yield_now().await;
    for polls in 1..5 {
        assert!(!polled(cache.get("shoe"), polls).await);
    }
    assert_eq!(leader.await.expect("no panic").expect("a value").value, 1);
    assert_eq!(world.roles(), [1.0, 0.0, 0.0, 4.0]);
    assert_eq!((world.herd().sum, world.waiters()), (4, 0.0));
}

#[tokio::test(start_paused = true)]
async fn the_last_handle_takes_the_rebuild_with_it() {
    let world = World::new();
    let leases = Arc::default();
    let config = plimsoll_cache::CacheConfig {
        lock: Some(world.lock(&leases, LockConfig::default())),
        ..world.config()
    };
    let cache = world.cache(config, world.local(), ms(1_000));
    assert!(!polled(cache.get("shoe"), 3).await);
    assert_eq!(world.origin.running.load(std::sync::atomic::Ordering::SeqCst), 1);
    drop(cache);
    sleep(ms(1)).await;
    assert_eq!(world.origin.running.load(std::sync::atomic::Ordering::SeqCst), 0);
    assert_eq!((world.rebuilds("cancelled").count, world.herd().count), (1, 1));
    assert_eq!(world.lease("concurrency_lease_hold_seconds").count, 1);
}

#[tokio::test(start_paused = true)]
async fn a_wait_for_a_lease_that_is_dropped_is_recorded() {
    let world = World::new();
    let leases = Arc::default();
    let lock = world.lock(&leases, LockConfig::default());
    let held = lock.acquire("k").await.expect("it is free");
    tokio::select! {
        _ = lock.acquire("k") => unreachable!("it is held"),
        () = sleep(ms(2_000)) => {}
    }
    let wait = world.lease("concurrency_lease_wait_seconds");
    assert_eq!((wait.count, wait.sum), (2, 2_000));
    held.release().await.expect("the leases are up");
    assert!(lock.acquire("k").now_or_never().is_some(), "it is free at once");
}
