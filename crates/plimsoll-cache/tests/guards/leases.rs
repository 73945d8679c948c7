//! Leases among the processes of a fleet: each world is one, and they share the store.

use crate::world::{Faulty, MemoryLeases, World, ms};
use futures_util::future::join_all;
use plimsoll_cache::{AcquireError, Cache, CacheConfig, LockConfig};
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use tokio::time::{Instant, sleep};

type Store<const FENCED: bool> = Faulty<FENCED>;

/// Makes processes that share a store, leases, and the first one's origin and clock.
fn fleet<const FENCED: bool>(
    processes: usize,
    config: &LockConfig,
    takes_ms: impl Fn(usize) -> u64,
) -> (Vec<World>, Vec<Cache<Store<FENCED>>>, Arc<MemoryLeases>) {
    let first = World::new();
    let store = Store::<FENCED>::new(first.local());
    let leases = Arc::new(MemoryLeases::default());
    let worlds: Vec<World> = (0..processes)
        .map(|_| World { origin: first.origin.clone(), clock: first.clock.clone(), ..World::new() })
        .collect();
    let cache = |(number, world): (usize, &World)| {
        let lock = world.lock(&leases, config.clone());
        let config = CacheConfig { lock: Some(lock), wait_max: ms(60_000), ..world.config() };
        world.cache(config, store.clone(), ms(takes_ms(number)))
    };
    let caches = worlds.iter().enumerate().map(cache).collect();
    (worlds, caches, leases)
}

fn sum(worlds: &[World], read: impl Fn(&World) -> f64) -> f64 {
    worlds.iter().map(read).sum()
}

fn ttl(ttl_ms: u64, is_renewed: bool) -> LockConfig {
    LockConfig { ttl: ms(ttl_ms), is_renewed, wait_max: ms(60_000), ..LockConfig::default() }
}

#[tokio::test(start_paused = true)]
async fn a_fleet_rebuilds_once() {
    let (worlds, caches, _) = fleet::<true>(20, &ttl(10_000, true), |_| 2_000);
    let calls = caches.iter().flat_map(|cache| (0..50).map(|_| cache.get("shoe")));
    let got = join_all(calls).await;
    assert!(got.iter().all(|served| served.as_ref().is_ok_and(|served| served.value == 1)));
    assert_eq!(worlds[0].origin.calls(), 1);
    assert_eq!(sum(&worlds, |world| world.role("leader")), 20.0);
    assert_eq!(sum(&worlds, |world| world.role("follower")), 980.0);
    assert_eq!(sum(&worlds, |world| world.rebuilds("ok").count as f64), 1.0);
    assert_eq!(sum(&worlds, |world| world.writes("true")[0]), 1.0);
    assert_eq!(sum(&worlds, |world| world.lost("release")), 0.0);
}

#[tokio::test(start_paused = true)]
async fn a_lease_shorter_than_the_rebuild_lets_more_in_until_one_is_done() {
    // R = 3.5 EX: ⌈R/EX⌉ = 4 begin before the first one writes.
    let (worlds, caches, _) = fleet::<true>(10, &ttl(1_000, false), |_| 3_500);
    join_all(caches.iter().map(|cache| cache.get("shoe"))).await;
    sleep(ms(10_000)).await;
    let origin = &worlds[0].origin;
    assert_eq!((origin.calls(), origin.running_max.load(SeqCst)), (4, 4));
    assert_eq!(sum(&worlds, |world| world.lost("release")), 4.0, "each is seen, once");
    let late = |world: &World| world.lease("concurrency_lease_overrun_seconds").sum as f64;
    assert_eq!(sum(&worlds, late), 4.0 * 2_500.0);
    assert_eq!(sum(&worlds, |world| world.writes("true")[0]), 1.0);
    assert_eq!(sum(&worlds, |world| world.writes("true")[1]), 3.0, "duplicates");
}

#[tokio::test(start_paused = true)]
async fn renewal_keeps_the_lease_for_as_long_as_it_takes() {
    let (worlds, caches, _) = fleet::<true>(10, &ttl(1_000, true), |_| 3_500);
    join_all(caches.iter().map(|cache| cache.get("shoe"))).await;
    assert_eq!(worlds[0].origin.calls(), 1);
    let lost = ["renewal", "release", "write"];
    assert_eq!(sum(&worlds, |world| lost.iter().map(|seen| world.lost(seen)).sum()), 0.0);
    // Renewed at 333 ms 10 times until 3.33 s: 0.83 s are left.
    let left: Vec<u64> = worlds
        .iter()
        .map(|world| world.lease("concurrency_lease_margin_seconds"))
        .filter(|margin| margin.count > 0)
        .map(|margin| margin.sum)
        .collect();
    assert!(matches!(left[..], [820..=840]), "{left:?}");
}

/// The first holder takes 1.2 s under a lease of 0.5 s, the second 0.1 s.
async fn slow_and_fast<const FENCED: bool>() -> (Vec<World>, u64) {
    let takes = |process| if process == 0 { 1_200 } else { 100 };
    let (worlds, caches, _) = fleet::<FENCED>(2, &ttl(500, false), takes);
    let slow = caches[0].get("shoe");
    let fast = async {
        sleep(ms(10)).await;
        caches[1].get("shoe").await
    };
    let (slow, fast) = tokio::join!(slow, fast);
    assert_eq!((slow.expect("a value").value, fast.expect("a value").value), (1, 2));
    let kept = caches[1].get("shoe").await.expect("a value").value;
    (worlds, kept)
}

#[tokio::test(start_paused = true)]
async fn a_slow_holder_regresses_an_unfenced_store_and_is_seen() {
    let (worlds, kept) = slow_and_fast::<false>().await;
    assert_eq!(kept, 1, "the older value is there");
    assert_eq!(worlds[0].writes("false"), [0.0, 0.0, 1.0, 0.0]);
    assert_eq!(worlds[0].lost("release"), 1.0);
}

#[tokio::test(start_paused = true)]
async fn a_slow_holder_is_refused_by_a_fenced_store() {
    let (worlds, kept) = slow_and_fast::<true>().await;
    assert_eq!(kept, 2, "the newer value stays");
    assert_eq!(worlds[0].writes("true"), [0.0, 0.0, 0.0, 1.0]);
    assert_eq!(
        (worlds[0].lost("write"), worlds[0].lost("release")),
        (1.0, 0.0),
        "seen first, once"
    );
}

#[tokio::test(start_paused = true)]
async fn a_crashed_holder_costs_one_time_to_live_and_a_rebuild() {
    let (worlds, mut caches, _) = fleet::<true>(2, &ttl(3_000, true), |_| 300);
    let crashed = caches.remove(0);
    assert!(tokio::time::timeout(ms(1), crashed.get("shoe")).await.is_err());
    drop(crashed);
    let start = Instant::now();
    caches[0].get("shoe").await.expect("a value");
    let waited = start.elapsed();
    assert!((ms(3_290)..ms(3_460)).contains(&waited), "EX + R and a pause at most: {waited:?}");
    assert_eq!(worlds[1].rebuilds("ok").count, 1);
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_is_held_for_too_long_is_not_waited_for() {
    let world = World::new();
    let leases = Arc::default();
    let config = LockConfig { wait_max: ms(700), ..LockConfig::default() };
    let lock = world.lock(&leases, config);
    let held = lock.acquire("k").await.expect("it is free");
    let start = Instant::now();
    let error = lock.acquire("k").await.expect_err("it is held");
    assert_eq!(error, AcquireError::TimedOut(ms(700)));
    assert!((ms(700)..ms(860)).contains(&start.elapsed()), "{:?}", start.elapsed());
    assert!(leases.attempts.load(SeqCst) < 20, "pauses grow");
    drop(held);
}

#[tokio::test(start_paused = true)]
async fn after_enough_rebuilds_a_time_to_live_is_suggested() {
    // Each rebuild takes 200 ms under a lease of 100 ms, which is renewed.
    let (worlds, caches, _) = fleet::<true>(2, &ttl(100, true), |_| 200);
    let world = &worlds[1];
    let advice = |world: &World| {
        let of = |family| crate::reading::value(&world.registry, family, [("cache", "prices")]);
        let suggested = of("concurrency_rebuild_lease_ttl_suggested_seconds");
        (of("concurrency_rebuild_outlasting_lease_ratio"), suggested)
    };
    for key in 0..298 {
        caches[1].get(&key.to_string()).await.expect("a value");
        caches[0].get(&key.to_string()).await.expect("what the other has built");
    }
    assert_eq!(advice(world), (None, None), "of 298 nothing can be said");
    caches[1].get("the last").await.expect("a value");
    assert_eq!(advice(world), (Some(1.0), Some(0.2)));
    assert_eq!(advice(&worlds[0]), (None, None), "it has rebuilt nothing");
    assert_eq!(world.lost("renewal"), 0.0, "though each was renewed");
}

#[tokio::test(start_paused = true)]
async fn a_renewal_that_finds_another_owner_says_so() {
    let world = World::new();
    let leases = Arc::default();
    let lock = world.lock(&leases, ttl(3_000, true));
    let held = lock.acquire("k").await.expect("it is free");
    let work = held.keep(async {
        sleep(ms(3_500)).await;
        let holder = lock.holder("k").await.expect("the leases are up").expect("it is held");
        lock.void("k", holder).await.expect("the leases are up");
        sleep(ms(2_000)).await;
    });
    work.await;
    assert!(held.is_lost());
    held.release().await.expect("the leases are up");
    assert_eq!((world.lost("renewal"), world.lost("release")), (1.0, 0.0), "counted once");
    // Renewed at 3 s, it would have lasted until the sixth; it was seen at the fourth.
    let late = world.lease("concurrency_lease_overrun_seconds");
    assert_eq!((late.count, late.sum), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn what_came_between_a_miss_and_the_lease_is_not_rebuilt() {
    let (world, leases) = (World::new(), Arc::default());
    let store = Store::<true>::new(world.local());
    let cache = |world: &World, lag_ms| {
        let lock = Some(world.lock(&leases, ttl(10_000, true)));
        let mut store = store.clone();
        store.lag_ms = lag_ms;
        world.cache(CacheConfig { lock, ..world.config() }, store, ms(100))
    };
    let quick = cache(&world, 0);
    // Its miss is under way for as long as the other needs for lease, rebuild, write and release.
    let other = World { origin: world.origin.clone(), clock: world.clock.clone(), ..World::new() };
    let late = cache(&other, 500);
    let (quick, late) = tokio::join!(quick.get("shoe"), late.get("shoe"));
    assert_eq!((quick.expect("a value").value, late.expect("a value").value), (1, 1));
    assert_eq!((world.origin.calls(), other.writes("true")), (1, [0.0; 4]));
}
