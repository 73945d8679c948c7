//! Stale values, early refreshes, invalidations.

use crate::reading::value;
use crate::world::{Faulty, World, ms};
use futures_util::future::join_all;
use plimsoll_cache::{CacheConfig, LockConfig, Origin, StoreError};
use std::sync::Arc;
use tokio::time::sleep;

#[tokio::test(start_paused = true)]
async fn a_stale_value_is_served_while_one_rebuild_runs() {
    let world = World::new();
    let cache = world.cache(world.config(), world.local(), ms(500));
    assert_eq!(cache.get("shoe").await.expect("a value").value, 1);
    sleep(ms(12_000)).await;
    for served in join_all((0..50).map(|_| cache.get("shoe"))).await {
        let served = served.expect("the stale one");
        let age = served.age.expect("it is known");
        assert_eq!((served.value, served.from, age), (1, Origin::Stale, ms(12_000)));
    }
    assert_eq!(world.origin.calls(), 1, "nobody waits: the rebuild hasn't begun yet");
    let labels = [("cache", "prices")];
    assert_eq!(value(&world.registry, "concurrency_stale_served", labels), Some(50.0));
    let ages = world.stale_ages();
    assert_eq!((ages.count, ages.sum), (50, 50 * 12_000));
    sleep(ms(501)).await;
    let served = cache.get("shoe").await.expect("the new one");
    assert_eq!((served.value, served.from, world.origin.calls()), (2, Origin::Hit, 2));
    assert_eq!(world.lookups(), [1.0, 50.0, 1.0, 0.0]);
    assert_eq!(world.writes("true"), [2.0, 0.0, 0.0, 0.0]);
}

#[tokio::test(start_paused = true)]
async fn what_is_too_old_is_of_no_use() {
    let world = World::new();
    let cache = world.cache(world.config(), world.local(), ms(500));
    cache.get("shoe").await.expect("a value");
    sleep(ms(30_001)).await;
    let served = cache.get("shoe").await.expect("a value");
    assert_eq!((served.value, served.from), (2, Origin::Rebuild));
    assert_eq!(world.writes("true"), [2.0, 0.0, 0.0, 0.0], "what had ended is no duplicate");
}

#[tokio::test(start_paused = true)]
async fn at_the_end_of_a_time_it_is_over() {
    let world = World::new();
    let store = Faulty::<true>::new(world.local());
    let cache = world.cache(world.config(), store.clone(), ms(500));
    let short = CacheConfig { fresh_for: ms(4_000), stale_for: ms(6_000), ..world.config() };
    let short = world.cache(short, store, ms(500));
    cache.get("shoe").await.expect("a value");
    sleep(ms(10_000)).await;
    let of_no_use = short.get("shoe");
    let (stale, rebuilt) = tokio::join!(cache.get("shoe"), of_no_use);
    assert_eq!(stale.expect("the stale one").from, Origin::Stale);
    assert_eq!(rebuilt.expect("a value").from, Origin::Rebuild);
}

#[tokio::test(start_paused = true)]
async fn chance_refreshes_before_the_end_and_nobody_waits() {
    let world = World::new();
    let cache = world.cache(world.config(), world.local(), ms(500));
    cache.get("shoe").await.expect("a value");
    // A draw of e⁻² leads by two rebuilds, which is a second.
    *world.random.0.lock().expect("no panic") = (-2.0_f64).exp();
    sleep(ms(8_990)).await;
    cache.get("shoe").await.expect("a value");
    sleep(ms(1)).await;
    assert_eq!(world.origin.calls(), 1, "1.01 s before the end nothing is due");
    sleep(ms(18)).await;
    let served = cache.get("shoe").await.expect("a value");
    assert_eq!((served.value, served.from), (1, Origin::Hit));
    sleep(ms(501)).await;
    let served = cache.get("shoe").await.expect("a value");
    assert_eq!((served.value, served.from, world.origin.calls()), (2, Origin::Hit, 2));
    assert_eq!(world.lookups(), [3.0, 0.0, 1.0, 0.0]);
}

#[tokio::test(start_paused = true)]
async fn who_began_before_an_invalidation_writes_nothing_after_it() {
    let world = World::new();
    let leases = Arc::default();
    let lock = world.lock(&leases, LockConfig::default());
    let config = CacheConfig { lock: Some(lock), ..world.config() };
    let cache = world.cache(config, world.local(), ms(1_000));
    let before = tokio::spawn({
        let cache = cache.clone();
        async move { cache.get("shoe").await.map(|served| served.value) }
    });
    sleep(ms(400)).await;
    cache.invalidate("shoe").await.expect("all is up");
    let after = cache.get("shoe").await.expect("a value");
    assert_eq!((after.value, after.from), (2, Origin::Rebuild), "it joins no older rebuild");
    assert_eq!(before.await.expect("no panic").expect("a value"), 1);
    assert_eq!(world.writes("true"), [1.0, 0.0, 0.0, 1.0]);
    assert_eq!((world.lost("renewal"), world.lost("write")), (0.0, 1.0));
    let kept = cache.get("shoe").await.expect("a value");
    assert_eq!((kept.value, kept.from), (2, Origin::Hit));
}

#[tokio::test(start_paused = true)]
async fn a_holder_that_knows_its_loss_writes_nothing_where_no_fence_would_refuse_it() {
    let world = World::new();
    let leases = Arc::default();
    let lock = world.lock(&leases, LockConfig { ttl: ms(300), ..LockConfig::default() });
    let config = CacheConfig { lock: Some(lock), ..world.config() };
    let cache = world.cache(config, Faulty::<false>::new(world.local()), ms(1_000));
    let invalidated = async {
        sleep(ms(400)).await;
        cache.invalidate("shoe").await.expect("all is up");
        cache.get("shoe").await.expect("a value").value
    };
    let (before, after) = tokio::join!(cache.get("shoe"), invalidated);
    assert_eq!((before.expect("a value").value, after), (1, 2));
    assert_eq!((world.lost("renewal"), world.writes("false")), (1.0, [1.0, 0.0, 0.0, 1.0]));
}

#[tokio::test(start_paused = true)]
async fn an_invalidated_copy_is_not_served_when_the_store_fails() {
    let world = World::new();
    let store = Faulty::<true>::new(world.local());
    let config = CacheConfig { copies_max: 10, ..world.config() };
    let cache = world.cache(config, store.clone(), ms(50));
    cache.get("shoe").await.expect("a value");
    cache.invalidate("shoe").await.expect("all is up");
    store.fail(Some(StoreError::Failed("connection refused".to_owned())));
    let served = cache.get("shoe").await.expect("a new one");
    assert_eq!((served.value, served.from), (2, Origin::Rebuild));
}
