//! Callers that are dropped at every await, and caches that are.

use crate::world::{Faulty, MemoryLeases, World, ms};
use futures_util::FutureExt;
use plimsoll_cache::{Cache, CacheConfig, LockConfig, Origin};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::task::{Context, Waker};
use std::time::Duration;
use tokio::task::yield_now;
use tokio::time::{Instant, sleep, timeout};

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
        let config = CacheConfig {
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
    let config =
        CacheConfig { lock: Some(world.lock(&leases, LockConfig::default())), ..world.config() };
    let cache = world.cache(config, world.local(), ms(1_000));
    assert!(!polled(cache.get("shoe"), 3).await);
    assert_eq!(world.origin.running.load(SeqCst), 1);
    drop(cache);
    sleep(ms(1)).await;
    assert_eq!(world.origin.running.load(SeqCst), 0);
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

/// Two processes that share a store and leases, each answer of which is under way for 2 ms; rebuilds take
/// 4 ms, and a lease lasts for 300.
struct Pair {
    worlds: [World; 2],
    caches: [Cache<Faulty<true>>; 2],
}

impl Pair {
    fn new() -> Self {
        let first = World::new();
        let (origin, clock) = (first.origin.clone(), first.clock.clone());
        let second = World { origin, clock, ..World::new() };
        let leases = Arc::<MemoryLeases>::default();
        leases.lag_ms.store(2, SeqCst);
        let mut store = Faulty::<true>::new(first.local());
        store.lag_ms = 2;
        let worlds = [first, second];
        let cache = |world: &World| {
            let lock = world.lock(&leases, LockConfig { ttl: ms(300), ..LockConfig::default() });
            let config = CacheConfig { lock: Some(lock), ..world.config() };
            world.cache(config, store.clone(), ms(4))
        };
        let caches = [cache(&worlds[0]), cache(&worlds[1])];
        Self { worlds, caches }
    }
}

/// Halfway through each millisecond of a call something is under way.
fn steps() -> impl Iterator<Item = Duration> {
    (0..30).map(|step| Duration::from_micros(500 + 1_000 * step))
}

#[tokio::test(start_paused = true)]
async fn a_flight_that_is_dropped_at_any_await_holds_up_nobody_for_longer_than_its_lease() {
    let mut cut = [0; 3];
    for step in steps() {
        let Pair { worlds: [world, other], caches: [first, second] } = Pair::new();
        let has_ended = timeout(step, first.get("shoe")).await.is_ok();
        drop(first);
        sleep(ms(1)).await;
        let calls = world.origin.calls();
        assert_eq!(world.origin.running.load(SeqCst), 0, "nothing runs on after {step:?}");
        let [leader, _, _, abandoned] = world.roles();
        // Before it has looked it up, a call waits for no rebuild.
        let flew = world.herd().count as f64;
        assert_eq!((leader + abandoned, world.waiters()), (flew, 0.0), "after {step:?}");
        let rebuilt = world.rebuilds("ok").count + world.rebuilds("cancelled").count;
        assert_eq!(rebuilt, calls, "after {step:?}");
        let held = world.lease("concurrency_lease_hold_seconds").count;
        let given_back = world.lease("concurrency_lease_margin_seconds").count;
        assert!(calls <= held && given_back <= held, "after {step:?}");

        let start = Instant::now();
        let served = second.get("shoe").await.expect("the other goes on");
        let waited = start.elapsed();
        assert!(waited < ms(300 + 100 + 30), "a lease, a pause, a call: {waited:?} after {step:?}");
        assert_eq!((served.value, world.origin.calls()), (served.value, served.value));
        assert_eq!(other.writes("true")[2..], [0.0, 0.0], "nothing regressed or was refused");
        cut[usize::from(has_ended) + usize::from(calls == 1)] += 1;
    }
    assert!(cut.iter().all(|times| *times >= 4), "before, in and after the rebuild: {cut:?}");
}

#[tokio::test(start_paused = true)]
async fn an_invalidation_that_is_dropped_at_any_await_can_be_repeated() {
    let mut cut = 0;
    for step in steps() {
        let Pair { worlds: [world, _], caches: [first, second] } = Pair::new();
        // A rebuild runs under a lease, which is void then as well.
        let invalidated = async {
            sleep(ms(9)).await;
            timeout(step, first.invalidate("shoe")).await.is_ok()
        };
        let (before, is_done) = tokio::join!(first.get("shoe"), invalidated);
        assert_eq!(before.expect("a value").value, 1);
        cut += u32::from(!is_done);
        second.invalidate("shoe").await.expect("all is up");
        assert_eq!(first.get("shoe").await.expect("a value").value, 2, "after {step:?}");
        assert_eq!((world.origin.calls(), world.waiters()), (2, 0.0));
    }
    assert!((5..20).contains(&cut), "both ways are taken: {cut}");
}

#[tokio::test(start_paused = true)]
async fn a_lease_whose_holder_is_dropped_at_any_await_ends_with_its_time_to_live() {
    let mut cut = 0;
    for step in (0..20).map(|step| Duration::from_micros(500 + 50_000 * step)) {
        let world = World::new();
        let leases = Arc::<MemoryLeases>::default();
        leases.lag_ms.store(60, SeqCst);
        let config = LockConfig { ttl: ms(300), ..LockConfig::default() };
        let lock = world.lock(&leases, config);
        let work = async {
            let held = lock.acquire("k").await?;
            held.keep(sleep(ms(600))).await;
            held.release().await.map_err(plimsoll_cache::AcquireError::from)
        };
        cut += u32::from(timeout(step, work).await.is_err());
        let start = Instant::now();
        let next = lock.acquire("k").await.expect("it is free some time");
        let waited = start.elapsed();
        // Its attempts are under way for 60 ms each.
        assert!(waited < ms(300 + 150 + 120), "{waited:?} after {step:?}");
        drop(next);
        let [waits, holds] = ["wait", "hold"]
            .map(|of| world.lease(&format!("concurrency_lease_{of}_seconds")).count);
        // The first may have been dropped before it knew that it had the lease.
        assert!(waits == 2 && (holds == 2 || step < ms(60)), "{waits} {holds} after {step:?}");
    }
    assert!((5..20).contains(&cut), "both ways are taken: {cut}");
}
