//! One rebuild a process, and who is told what.

use crate::world::{World, ms};
use futures_util::future::join_all;
use plimsoll_cache::{Cache, CacheConfig, GetError, Origin};
use std::convert::Infallible;
use std::future::pending;
use std::time::Duration;
use tokio::time::{Instant, sleep};

#[tokio::test(start_paused = true)]
async fn a_thousand_misses_are_one_rebuild() {
    let world = World::new();
    let cache = world.cache(world.config(), world.local(), ms(500));
    let all = join_all((0..1_000).map(|_| cache.get("shoe"))).await;
    assert!(all.iter().all(|served| served.as_ref().is_ok_and(|served| served.value == 1)));
    assert_eq!((world.origin.calls(), world.roles()), (1, [1.0, 999.0, 0.0, 0.0]));
    assert_eq!(world.lookups(), [0.0, 0.0, 1_000.0, 0.0]);
    assert_eq!((world.herd().count, world.herd().sum), (1, 999));
    assert_eq!(world.writes("true"), [1.0, 0.0, 0.0, 0.0]);
    let took = world.rebuilds("ok");
    assert_eq!((took.count, took.sum), (1, 500));
    let again = cache.get("shoe").await.expect("a value");
    assert_eq!((again.value, again.from), (1, Origin::Hit));
    assert_eq!((world.lookups()[0], world.waiters()), (1.0, 0.0));
}

#[tokio::test(start_paused = true)]
async fn keys_dont_wait_for_each_other() {
    let world = World::new();
    let cache = world.cache(world.config(), world.local(), ms(500));
    let start = Instant::now();
    let keys: Vec<String> = (0..20).map(|key| key.to_string()).collect();
    join_all(keys.iter().map(|key| cache.get(key))).await;
    assert_eq!((world.origin.calls(), start.elapsed()), (20, ms(500)));
}

#[tokio::test(start_paused = true)]
async fn an_error_is_no_miss_and_reaches_all_who_waited() {
    let world = World::new();
    let failing = async |_| Err::<u64, _>(std::io::Error::other("no route"));
    let cache = Cache::named_in(&world.registry, "prices", world.config(), world.local(), failing)
        .expect("it makes sense");
    for error in join_all((0..3).map(|_| cache.get("shoe"))).await {
        let error = error.expect_err("the origin fails");
        assert!(matches!(error, GetError::Rebuild(_)), "{error:?}");
        assert_eq!(error.to_string(), "the rebuild failed: no route");
    }
    assert_eq!((world.rebuilds("error").count, world.roles()), (1, [1.0, 2.0, 0.0, 0.0]));
    assert_eq!(world.lookups(), [0.0, 0.0, 3.0, 0.0]);
}

#[tokio::test(start_paused = true)]
async fn a_panic_is_an_outcome_and_the_next_call_tries_again() {
    let world = World::new();
    let origin = world.origin.clone();
    let panicking = move |_| {
        let origin = origin.clone();
        async move {
            let call = origin.read(ms(10)).await.unwrap_or_default();
            assert!(call > 1, "on purpose");
            Ok::<_, Infallible>(call)
        }
    };
    let cache =
        Cache::named_in(&world.registry, "prices", world.config(), world.local(), panicking)
            .expect("it makes sense");
    for error in join_all((0..3).map(|_| cache.get("shoe"))).await {
        assert!(matches!(error, Err(GetError::Panicked)), "{error:?}");
    }
    assert_eq!((world.rebuilds("panicked").count, world.herd().sum), (1, 2));
    assert_eq!(cache.get("shoe").await.expect("a value").value, 2);
}

#[tokio::test(start_paused = true)]
async fn a_wait_is_bounded_and_the_rebuild_goes_on() {
    let world = World::new();
    let config = CacheConfig { wait_max: ms(1_000), ..world.config() };
    let cache = world.cache(config, world.local(), ms(1_500));
    let start = Instant::now();
    for error in join_all((0..3).map(|_| cache.get("shoe"))).await {
        assert!(matches!(error, Err(GetError::TimedOut(wait)) if wait == ms(1_000)), "{error:?}");
    }
    assert_eq!(start.elapsed(), ms(1_000));
    assert_eq!((world.roles(), world.fault("wait_timed_out")), ([0.0, 0.0, 3.0, 0.0], 3.0));
    sleep(ms(501)).await;
    let served = cache.get("shoe").await.expect("it is kept by now");
    assert_eq!((served.value, served.from, world.origin.calls()), (1, Origin::Hit, 1));
}

#[tokio::test(start_paused = true)]
async fn a_rebuild_that_hangs_is_ended() {
    let world = World::new();
    let config = CacheConfig { rebuild_max: ms(2_000), ..world.config() };
    let hanging = |_| pending::<Result<u64, Infallible>>();
    let cache = Cache::named_in(&world.registry, "prices", config, world.local(), hanging)
        .expect("it makes sense");
    let error = cache.get("shoe").await.expect_err("nothing comes");
    assert!(matches!(error, GetError::RebuildTimedOut(limit) if limit == ms(2_000)), "{error:?}");
    assert_eq!(world.rebuilds("timed_out").sum, 2_000);
}

#[tokio::test(start_paused = true)]
async fn keys_in_flight_are_bounded() {
    let world = World::new();
    let config = CacheConfig { flights_max: 2, ..world.config() };
    let cache = world.cache(config, world.local(), ms(100));
    let got = join_all(["a", "b", "c", "a"].map(|key| cache.get(key))).await;
    assert!(matches!(got[2], Err(GetError::Full(2))), "{got:?}");
    assert_eq!((got[3].as_ref().expect("it joins").value, world.origin.calls()), (1, 2));
    assert_eq!((world.fault("full"), world.roles()), (1.0, [2.0, 1.0, 1.0, 0.0]));
    assert!(cache.get("c").await.is_ok(), "there is room again");
}

#[tokio::test(start_paused = true)]
async fn waiters_are_a_level_whose_oldest_says_how_long_nobody_reads() {
    let world = World::new();
    let cache = world.cache(world.config(), world.local(), Duration::from_secs(4));
    let waiting = [cache.get("a"), cache.get("a"), cache.get("b")];
    tokio::select! {
        _ = join_all(waiting) => unreachable!("it takes 4 s"),
        () = sleep(ms(1_000)) => {}
    }
    // All three were dropped by now.
    let peak = "concurrency_rebuild_waiters_peak";
    let peak = crate::reading::value(&world.registry, peak, [("cache", "prices")]);
    assert_eq!((peak, world.waiters()), (Some(3.0), 0.0));
}
