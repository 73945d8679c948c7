//! How many rebuilds a lease saves: without one, everyone who misses while a rebuild of length Δ runs
//! begins another, so that an invalidation costs 1 + λΔ of them at λ calls a second. Both are measured
//! by what happened in the run, so that a busy machine, on which calls come in bursts and rebuilds take
//! longer, changes the model as much as what it is held against.

use plimsoll::Registry;
use plimsoll_cache::{
    Cache, CacheConfig, Fresh, Lock, LockConfig, Redis, RedisLeases, RedisStore, Store,
};
use plimsoll_tests::redis::Redis as Server;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, sleep_until};

const CALLS_PER_S: f64 = 300.0;
const REBUILD: Duration = Duration::from_millis(40);
const INVALIDATIONS: usize = 50;
const APART: Duration = Duration::from_millis(200);
const KEEP: Duration = Duration::from_secs(600);

/// When something happened, in the order in which it did.
#[derive(Default)]
struct Stamps(Mutex<Vec<Instant>>);

impl Stamps {
    fn note(&self) -> Instant {
        let mut stamps = self.0.lock().expect("no panic");
        let now = Instant::now();
        stamps.push(now);
        now
    }

    fn all(&self) -> Vec<Instant> {
        self.0.lock().expect("no panic").clone()
    }
}

/// What happened in a run.
#[derive(Default)]
struct Run {
    /// Values were removed.
    removed: Stamps,
    /// Look-ups were answered.
    looked: Stamps,
    /// Rebuilds began.
    began: Stamps,
    /// Rebuilt values were kept.
    kept: Stamps,
}

impl Run {
    async fn rebuild(&self) -> String {
        self.began.note();
        sleep(REBUILD).await;
        "value".to_owned()
    }

    /// Says how many rebuilds each invalidation cost that had any.
    fn cost(&self) -> f64 {
        self.began.all().len() as f64 / self.windows().len() as f64
    }

    /// After each removal, from the first rebuild's begin until the first value was kept.
    fn windows(&self) -> Vec<(Instant, Instant)> {
        let (removed, began, kept) = (self.removed.all(), self.began.all(), self.kept.all());
        let first = |stamps: &[Instant], from: Instant| {
            stamps.get(stamps.partition_point(|stamp| *stamp < from)).copied()
        };
        let end = Instant::now();
        let window = |(place, from): (usize, &Instant)| {
            let start = first(&began, *from)?;
            let next = removed.get(place + 1).copied().unwrap_or(end);
            (start < next).then(|| (start, first(&kept, start).unwrap_or(end)))
        };
        removed.iter().enumerate().filter_map(window).collect()
    }

    /// Returns 1 + λΔ, of the calls and the time within windows.
    fn model(&self) -> f64 {
        let (looked, windows) = (self.looked.all(), self.windows());
        let within = |(start, kept): &(Instant, Instant)| {
            looked.iter().filter(|stamp| *start < **stamp && **stamp <= *kept).count()
        };
        let seconds: f64 = windows.iter().map(|(start, kept)| (*kept - *start).as_secs_f64()).sum();
        let calls_per_s = windows.iter().map(within).sum::<usize>() as f64 / seconds;
        let rebuild_s = seconds / windows.len() as f64;
        1.0 + calls_per_s * rebuild_s
    }
}

/// Calls at times of a Poisson process, drawn from a generator with a fixed seed, until the
/// invalidations are over.
async fn load<C: Future<Output = ()> + Send + 'static, I: Future<Output = ()>>(
    run: &Run,
    mut call: impl FnMut() -> C,
    mut invalidate: impl FnMut() -> I,
) {
    let (mut due, mut calls, mut random) = (Instant::now(), JoinSet::new(), 42_u64);
    let mut ticks = interval(APART);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => {
                if run.removed.all().len() == INVALIDATIONS {
                    break;
                }
                run.removed.note();
                invalidate().await;
            }
            () = sleep_until(due) => {
                calls.spawn(call());
                random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                let unit = ((random >> 11) as f64 + 1.0) / (1_u64 << 53) as f64;
                due += Duration::from_secs_f64(-unit.ln() / CALLS_PER_S);
            }
        }
    }
    while calls.join_next().await.is_some() {}
}

fn store(server: &Server, prefix: &str) -> RedisStore<String> {
    let redis = Redis::lazy(&server.url, Duration::from_secs(10)).expect("a URL");
    RedisStore::new(redis, prefix)
}

/// Gets, and rebuilds for itself when there is nothing.
async fn bare(store: Arc<RedisStore<String>>, run: Arc<Run>) {
    let found = store.get("k").await.expect("Redis is up");
    run.looked.note();
    if found.is_none() {
        let value = run.rebuild().await;
        let fresh = Fresh { value: &value, rebuild: REBUILD, generation: 1, keep: KEEP };
        store.put("k", fresh).await.expect("Redis is up");
        run.kept.note();
    }
}

/// A cache with leases over the same server.
fn leased(server: &Server, run: &Arc<Run>) -> Cache<RedisStore<String>> {
    let registry = Registry::new();
    let redis = Redis::lazy(&server.url, Duration::from_secs(10)).expect("a URL");
    let leases = RedisLeases::new(redis, "leased");
    let lock = Lock::named_in(&registry, "k", leases, LockConfig::default());
    let config = CacheConfig {
        lock: Some(lock.expect("it makes sense")),
        fresh_for: KEEP,
        early_beta: 0.0,
        ..CacheConfig::default()
    };
    let run = run.clone();
    let rebuild = move |_| {
        let run = run.clone();
        async move { Ok::<_, Infallible>(run.rebuild().await) }
    };
    Cache::named_in(&registry, "k", config, store(server, "leased"), rebuild)
        .expect("it makes sense")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_saves_what_the_model_says() {
    let server = Server::start().await;
    let (plain, herd) = (Arc::new(store(&server, "bare")), Arc::new(Run::default()));
    load(
        &herd,
        || bare(plain.clone(), herd.clone()),
        || async { plain.remove("k", KEEP).await.expect("Redis is up") },
    )
    .await;

    let guarded = Arc::new(Run::default());
    let cache = leased(&server, &guarded);
    let call = || {
        let cache = cache.clone();
        async move { drop(cache.get("k").await.expect("a value")) }
    };
    let invalidate = || async { cache.invalidate("k").await.expect("Redis is up") };
    load(&guarded, call, invalidate).await;

    let (cost, model) = (guarded.cost(), herd.model());
    assert!(cost <= 1.06, "one each, and a race or two of fifty: {cost}");
    let ratio = herd.cost() / cost;
    assert!((ratio / model - 1.0).abs() < 0.2, "{ratio} against 1 + λΔ = {model}");
    assert!(model > 4.0, "and there was a herd: {model}");
}
