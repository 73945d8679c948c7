//! How many rebuilds a lease saves: without one, everyone who misses while a rebuild of length Δ runs
//! begins another, so that an invalidation costs 1 + λΔ of them at λ calls a second.

use plimsoll::Registry;
use plimsoll_cache::{
    Cache, CacheConfig, Fresh, Lock, LockConfig, Redis, RedisLeases, RedisStore, Store,
};
use plimsoll_tests::redis::Redis as Server;
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, sleep_until};

const CALLS_PER_S: f64 = 300.0;
const REBUILD: Duration = Duration::from_millis(40);
const INVALIDATIONS: u64 = 50;
const APART: Duration = Duration::from_millis(200);
const KEEP: Duration = Duration::from_secs(600);

/// An origin that counts its calls and how long they really took.
#[derive(Default)]
struct Origin {
    calls: AtomicU64,
    took_us: AtomicU64,
}

impl Origin {
    async fn read(&self) -> String {
        let start = Instant::now();
        self.calls.fetch_add(1, SeqCst);
        sleep(REBUILD).await;
        self.took_us.fetch_add(start.elapsed().as_micros() as u64, SeqCst);
        "value".to_owned()
    }
}

/// Calls at times of a Poisson process, drawn from a generator with a fixed seed, until the
/// invalidations are over; returns the calls a second that there really were.
async fn load<C: Future<Output = ()> + Send + 'static, I: Future<Output = ()>>(
    mut call: impl FnMut() -> C,
    mut invalidate: impl FnMut() -> I,
) -> f64 {
    let (start, mut calls, mut random) = (Instant::now(), JoinSet::new(), 42_u64);
    let mut due = start;
    let mut ticks = interval(APART);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut invalidations = 0;
    let mut called = 0_u32;
    loop {
        tokio::select! {
            _ = ticks.tick() => {
                if invalidations == INVALIDATIONS {
                    break;
                }
                invalidate().await;
                invalidations += 1;
            }
            () = sleep_until(due) => {
                called += 1;
                calls.spawn(call());
                random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                let unit = ((random >> 11) as f64 + 1.0) / (1_u64 << 53) as f64;
                due += Duration::from_secs_f64(-unit.ln() / CALLS_PER_S);
            }
        }
    }
    let rate = f64::from(called) / start.elapsed().as_secs_f64();
    while calls.join_next().await.is_some() {}
    rate
}

fn store(server: &Server, prefix: &str) -> RedisStore<String> {
    let redis = Redis::lazy(&server.url, Duration::from_secs(10)).expect("a URL");
    RedisStore::new(redis, prefix)
}

/// Gets, and rebuilds for itself when there is nothing.
async fn bare(store: Arc<RedisStore<String>>, origin: Arc<Origin>) {
    if store.get("k").await.expect("Redis is up").is_none() {
        let value = origin.read().await;
        let fresh = Fresh { value: &value, rebuild: REBUILD, generation: 1, keep: KEEP };
        store.put("k", fresh).await.expect("Redis is up");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_saves_what_the_model_says() {
    let server = Server::start().await;
    let (plain, herd) = (Arc::new(store(&server, "bare")), Arc::new(Origin::default()));
    let rate = load(
        || bare(plain.clone(), herd.clone()),
        || async { plain.remove("k", KEEP).await.expect("Redis is up") },
    )
    .await;
    let took_s = herd.took_us.load(SeqCst) as f64 / 1e6 / herd.calls.load(SeqCst) as f64;

    let (registry, origin) = (Registry::new(), Arc::new(Origin::default()));
    let redis = Redis::lazy(&server.url, Duration::from_secs(10)).expect("a URL");
    let lock =
        Lock::named_in(&registry, "k", RedisLeases::new(redis, "leased"), LockConfig::default());
    let config = CacheConfig {
        lock: Some(lock.expect("it makes sense")),
        fresh_for: KEEP,
        early_beta: 0.0,
        ..CacheConfig::default()
    };
    let leased = origin.clone();
    let rebuild = move |_| {
        let origin = leased.clone();
        async move { Ok::<_, Infallible>(origin.read().await) }
    };
    let cache = Cache::named_in(&registry, "k", config, store(&server, "leased"), rebuild)
        .expect("it makes sense");
    load(
        || {
            let cache = cache.clone();
            async move { drop(cache.get("k").await.expect("a value")) }
        },
        || async { cache.invalidate("k").await.expect("Redis is up") },
    )
    .await;

    let calls = |origin: &Origin| origin.calls.load(SeqCst) as f64;
    let (ratio, model) = (calls(&herd) / calls(&origin), 1.0 + rate * took_s);
    assert!(calls(&origin) <= 53.0, "one each, and a race or two: {}", calls(&origin));
    assert!((ratio / model - 1.0).abs() < 0.2, "{ratio} against 1 + λΔ = {model}");
}
