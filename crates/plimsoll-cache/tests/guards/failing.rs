//! The service goes on while stores, leases and clocks fail, and a signal says which.

use crate::world::{Faulty, World, ms};
use plimsoll_cache::{
    CacheConfig, ConfigError, GetError, Lock, LockConfig, Origin, RedisLeases, StoreError,
    WithoutLease,
};
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use tokio::time::sleep;

fn down() -> Option<StoreError> {
    Some(StoreError::Failed("connection refused".to_owned()))
}

#[tokio::test(start_paused = true)]
async fn a_store_that_is_down_is_no_miss_and_the_last_copy_is_served() {
    let world = World::new();
    let store = Faulty::<true>::new(world.local());
    let config = CacheConfig { copies_max: 10, ..world.config() };
    let cache = world.cache(config, store.clone(), ms(50));
    cache.get("shoe").await.expect("a value");
    store.fail(down());
    sleep(ms(4_000)).await;
    let served = cache.get("shoe").await.expect("the copy");
    assert_eq!((served.value, served.from, served.age), (1, Origin::Stale, Some(ms(4_000))));
    assert_eq!((world.lookups(), world.fault("store_failed")), ([0.0, 0.0, 1.0, 1.0], 1.0));
    assert_eq!(world.origin.calls(), 1);

    // Past its freshness the copy is rebuilt while it is served, though nothing can be stored.
    sleep(ms(8_000)).await;
    assert_eq!(cache.get("shoe").await.expect("the copy").value, 1);
    sleep(ms(100)).await;
    assert_eq!(cache.get("shoe").await.expect("the new copy").value, 2);

    store.fail(None);
    let served = cache.get("shoe").await.expect("what the store has kept");
    assert_eq!((served.value, served.from), (1, Origin::Stale));
    assert_eq!(world.fault("went_back"), 1.0, "which is older than what was served");
}

#[tokio::test(start_paused = true)]
async fn without_a_store_each_process_still_rebuilds_once_at_a_time() {
    let world = World::new();
    let store = Faulty::<true>::new(world.local());
    store.fail(Some(StoreError::TimedOut(ms(100))));
    let cache = world.cache(world.config(), store, ms(50));
    let got = futures_util::future::join_all((0..9).map(|_| cache.get("shoe"))).await;
    assert!(got.iter().all(|served| served.as_ref().is_ok_and(|served| served.value == 1)));
    assert_eq!((world.origin.calls(), world.lookups()), (1, [0.0, 0.0, 0.0, 9.0]));
    assert_eq!(world.fault("store_timed_out"), 9.0 + 1.0, "nine look-ups and a write");
}

#[tokio::test(start_paused = true)]
async fn the_fallback_comes_last() {
    let world = World::new();
    let config = CacheConfig {
        wait_max: ms(100),
        fallback: Some(Arc::new(|key| (key == "shoe").then_some(99))),
        ..world.config()
    };
    let cache = world.cache(config, world.local(), ms(5_000));
    let served = cache.get("shoe").await.expect("the fallback");
    assert_eq!((served.value, served.from, served.age), (99, Origin::Fallback, None));
    assert!(matches!(cache.get("sock").await, Err(GetError::TimedOut(_))), "it has none");
    assert_eq!(world.roles(), [0.0, 0.0, 2.0, 0.0]);
}

#[tokio::test(start_paused = true)]
async fn a_value_beyond_the_limit_is_served_and_not_kept() {
    let world = World::new();
    let store = Faulty::<true>::new(world.local());
    let cache = world.cache(world.config(), store.clone(), ms(50));
    let leave_reads = tokio::spawn(async move {
        sleep(ms(25)).await;
        store.fail(Some(StoreError::TooLarge { bytes: 2, bytes_max: 1 }));
    });
    assert_eq!(cache.get("shoe").await.expect("it is served").value, 1);
    leave_reads.await.expect("no panic");
    assert_eq!((world.fault("too_large"), world.writes("true")), (1.0, [0.0; 4]));
}

#[tokio::test(start_paused = true)]
async fn without_leases_it_rebuilds_or_refuses_as_configured() {
    for (without_lease, calls) in [(WithoutLease::Rebuild, 1), (WithoutLease::Refuse, 0)] {
        let world = World::new();
        let leases = Arc::default();
        let lock = Some(world.lock(&leases, LockConfig::default()));
        leases.is_down.store(true, SeqCst);
        let config = CacheConfig { lock, without_lease, ..world.config() };
        let cache = world.cache(config, world.local(), ms(50));
        let got = cache.get("shoe").await;
        assert_eq!((world.origin.calls(), world.fault("lease_failed")), (calls, 1.0));
        assert_eq!(got.is_ok(), calls == 1);
        assert!(calls == 1 || matches!(got, Err(GetError::NoLease(_))), "{got:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_wall_clock_that_is_set_back_makes_no_generation_older() {
    let world = World::new();
    let store = Faulty::<false>::new(world.local());
    let cache = world.cache(world.config(), store, ms(50));
    cache.get("shoe").await.expect("a value");
    let skew = || crate::reading::value(&world.registry, "concurrency_clock_skew", []);
    assert_eq!(skew(), Some(0.0));
    world.clock.wall_us.store(0, SeqCst);
    sleep(ms(31_000)).await;
    assert_eq!(cache.get("shoe").await.expect("a value").value, 2);
    assert_eq!(world.writes("false"), [2.0, 0.0, 0.0, 0.0], "nothing regressed");
    assert_eq!(skew(), Some(1.0));
}

#[tokio::test(start_paused = true)]
async fn a_wall_clock_that_is_behind_anothers_makes_no_generation_older() {
    let (world, behind) = (World::new(), World::new());
    behind.clock.wall_us.store(0, SeqCst);
    let store = Faulty::<false>::new(world.local());
    world.cache(world.config(), store.clone(), ms(50)).get("shoe").await.expect("a value");
    sleep(ms(12_000)).await;
    let cache = behind.cache(behind.config(), store, ms(50));
    assert_eq!(cache.get("shoe").await.expect("the stale one").from, Origin::Stale);
    sleep(ms(100)).await;
    assert_eq!(cache.get("shoe").await.expect("the new one").from, Origin::Hit);
    assert_eq!(behind.writes("false"), [1.0, 0.0, 0.0, 0.0], "later than what it has seen");
}

#[tokio::test]
async fn a_lock_that_makes_no_sense_is_refused() {
    let made = |config| {
        let redis = plimsoll_cache::Redis::lazy("redis://127.0.0.1:1", ms(10)).expect("a URL");
        Lock::named_in(&plimsoll::Registry::new(), "l", RedisLeases::new(redis, "p"), config).err()
    };
    let short = LockConfig { ttl: ms(2), ..LockConfig::default() };
    assert_eq!(made(short), Some(ConfigError::TooShort { what: "ttl", least: ms(3) }));
    let zero = LockConfig { wait_max: ms(0), ..LockConfig::default() };
    assert_eq!(made(zero), Some(ConfigError::Zero { what: "wait_max" }));
    assert_eq!(made(LockConfig::default()), None);
    for (url, limit) in [("http://127.0.0.1", ms(10)), ("", ms(10)), ("redis://127.0.0.1", ms(0))] {
        assert!(plimsoll_cache::Redis::lazy(url, limit).is_err(), "{url}");
    }
}
