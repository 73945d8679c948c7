//! A cache, its origin, and the time that a test moves.

use crate::reading::{histogram, value};
use plimsoll::Registry;
use plimsoll_cache::{
    Answer, Cache, CacheConfig, Clock, Entry, Environment, Fresh, Leases, LocalStore, Lock,
    LockConfig, Owner, Random, Store, StoreError, SystemRandom, Written,
};
use plimsoll_model::HistogramValue;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::time::{Instant, sleep};

pub(crate) fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// The clock of the paused runtime, whose wall a test may set.
#[derive(Debug)]
pub(crate) struct Simulated {
    start: Instant,
    pub(crate) wall_us: AtomicU64,
}

impl Simulated {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self { start: Instant::now(), wall_us: AtomicU64::new(1_000_000_000) })
    }
}

impl Clock for Simulated {
    fn own_ns(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_nanos()).expect("a short test")
    }

    fn wall(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_micros(self.wall_us.load(SeqCst) + self.own_ns() / 1_000)
    }
}

/// Draws that a test chooses.
pub(crate) struct Scripted(pub(crate) Mutex<f64>);

impl Random for Scripted {
    fn unit(&self) -> f64 {
        *self.0.lock().expect("no panic")
    }

    fn unique(&self) -> u128 {
        SystemRandom.unique()
    }
}

/// What is slow: it counts its own calls, and how many ran at once.
#[derive(Default)]
pub(crate) struct Slow {
    pub(crate) calls: AtomicU64,
    pub(crate) running: AtomicU64,
    pub(crate) running_max: AtomicU64,
}

#[derive(Debug, thiserror::Error)]
#[error("the origin says no")]
pub(crate) struct Refused;

struct Leave<'a>(&'a AtomicU64);

impl Drop for Leave<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, SeqCst);
    }
}

impl Slow {
    /// Takes a while and returns the number of the call, from 1 on.
    pub(crate) async fn read(&self, takes: Duration) -> Result<u64, Refused> {
        let call = self.calls.fetch_add(1, SeqCst) + 1;
        let running = self.running.fetch_add(1, SeqCst) + 1;
        self.running_max.fetch_max(running, SeqCst);
        let _leave = Leave(&self.running);
        sleep(takes).await;
        Ok(call)
    }

    pub(crate) fn calls(&self) -> u64 {
        self.calls.load(SeqCst)
    }
}

/// One process of a fleet: a registry, a configuration and an origin that all share.
pub(crate) struct World {
    pub(crate) registry: Registry,
    pub(crate) origin: Arc<Slow>,
    pub(crate) clock: Arc<Simulated>,
    pub(crate) random: Arc<Scripted>,
}

impl World {
    pub(crate) fn new() -> Self {
        let (registry, origin) = (Registry::new(), Arc::default());
        // A draw of 1 has the logarithm 0: nothing is early.
        let random = Arc::new(Scripted(Mutex::new(1.0)));
        Self { registry, origin, clock: Simulated::new(), random }
    }

    pub(crate) fn environment(&self) -> Environment {
        Environment { clock: self.clock.clone(), random: self.random.clone() }
    }

    /// Fresh for 10 s, stale for 20 s more.
    pub(crate) fn config(&self) -> CacheConfig<u64> {
        CacheConfig {
            fresh_for: ms(10_000),
            stale_for: ms(20_000),
            environment: self.environment(),
            ..CacheConfig::default()
        }
    }

    pub(crate) fn local(&self) -> LocalStore<u64> {
        LocalStore::with_clock(100, self.clock.clone())
    }

    /// Makes a cache whose rebuilds take `takes`.
    pub(crate) fn cache<S: Store<Value = u64>>(
        &self,
        config: CacheConfig<u64>,
        store: S,
        takes: Duration,
    ) -> Cache<S> {
        let origin = self.origin.clone();
        let rebuild = move |_| {
            let origin = origin.clone();
            async move { origin.read(takes).await }
        };
        Cache::named_in(&self.registry, "prices", config, store, rebuild).expect("it makes sense")
    }

    pub(crate) fn lock(&self, leases: &Arc<MemoryLeases>, config: LockConfig) -> Lock {
        let config = LockConfig { environment: self.environment(), ..config };
        Lock::named_in(&self.registry, "prices", Shared(leases.clone()), config)
            .expect("it makes sense")
    }

    pub(crate) fn count(&self, family: &str, label: (&'static str, &str)) -> f64 {
        let labels = [("cache", "prices"), label];
        value(&self.registry, family, labels).expect("it is exported from the start")
    }

    pub(crate) fn role(&self, role: &str) -> f64 {
        self.count("concurrency_rebuild_calls", ("role", role))
    }

    /// Leader, follower, fallback, abandoned.
    pub(crate) fn roles(&self) -> [f64; 4] {
        ["leader", "follower", "fallback", "abandoned"].map(|role| self.role(role))
    }

    /// Hit, stale, miss, error.
    pub(crate) fn lookups(&self) -> [f64; 4] {
        ["hit", "stale", "miss", "error"]
            .map(|result| self.count("concurrency_cache_lookups", ("result", result)))
    }

    /// First, duplicate, regressed, refused.
    pub(crate) fn writes(&self, fenced: &str) -> [f64; 4] {
        ["first", "duplicate", "regressed", "refused"].map(|result| {
            let labels = [("cache", "prices"), ("result", result), ("fenced", fenced)];
            value(&self.registry, "concurrency_rebuild_writes", labels).expect("exported")
        })
    }

    pub(crate) fn fault(&self, fault: &str) -> f64 {
        self.count("concurrency_cache_faults", ("fault", fault))
    }

    pub(crate) fn rebuilds(&self, outcome: &str) -> Tally {
        let labels = [("cache", "prices"), ("outcome", outcome)];
        in_ms(&histogram(&self.registry, "concurrency_rebuild_seconds", labels))
    }

    pub(crate) fn stale_ages(&self) -> Tally {
        let family = "concurrency_stale_served_age_seconds";
        in_ms(&histogram(&self.registry, family, [("cache", "prices")]))
    }

    /// How many flights there were, and how many calls followed them.
    pub(crate) fn herd(&self) -> Tally {
        let herd = histogram(&self.registry, "concurrency_rebuild_herd", [("cache", "prices")]);
        Tally { count: herd.count(), sum: herd.sum as u64 }
    }

    pub(crate) fn waiters(&self) -> f64 {
        value(&self.registry, "concurrency_rebuild_waiters", [("cache", "prices")])
            .expect("a level")
    }

    pub(crate) fn lost(&self, seen: &str) -> f64 {
        let labels = [("lease", "prices"), ("seen", seen)];
        value(&self.registry, "concurrency_lease_lost", labels).expect("exported")
    }

    pub(crate) fn lease(&self, family: &str) -> Tally {
        in_ms(&histogram(&self.registry, family, [("lease", "prices")]))
    }
}

/// What a histogram holds in all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) count: u64,
    /// In milliseconds, if in time.
    pub(crate) sum: u64,
}

fn in_ms(histogram: &HistogramValue) -> Tally {
    Tally { count: histogram.count(), sum: (histogram.sum * 1e3).round() as u64 }
}

/// Leases in memory, in the time of the paused runtime.
#[derive(Default)]
pub(crate) struct MemoryLeases {
    held: Mutex<HashMap<String, (Owner, Instant)>>,
    last_token: AtomicU64,
    pub(crate) attempts: AtomicU64,
    pub(crate) is_down: AtomicBool,
    /// How long an answer is under way, in milliseconds.
    pub(crate) lag_ms: AtomicU64,
}

struct Shared(Arc<MemoryLeases>);

impl MemoryLeases {
    /// Does something with who holds `key` now.
    fn with<T>(
        &self,
        key: &str,
        act: impl FnOnce(&mut Option<(Owner, Instant)>) -> T,
    ) -> Result<T, StoreError> {
        if self.is_down.load(SeqCst) {
            return Err(StoreError::Failed("the leases are down".to_owned()));
        }
        let mut held = self.held.lock().expect("no panic");
        let mut now = held.remove(key).filter(|(_, until)| *until > Instant::now());
        let done = act(&mut now);
        held.extend(now.map(|now| (key.to_owned(), now)));
        Ok(done)
    }

    /// Lets an answer be under way for a while.
    fn answer<T: Send + 'static>(&self, answer: Result<T, StoreError>) -> Answer<'static, T> {
        let lag_ms = self.lag_ms.load(SeqCst);
        Box::pin(async move {
            lag(lag_ms).await;
            answer
        })
    }
}

/// Waits, if there is any lag.
async fn lag(lag_ms: u64) {
    if lag_ms > 0 {
        sleep(ms(lag_ms)).await;
    }
}

impl Leases for Shared {
    fn try_acquire<'a>(
        &'a self,
        key: &'a str,
        owner: Owner,
        ttl: Duration,
    ) -> Answer<'a, Option<u64>> {
        self.0.attempts.fetch_add(1, SeqCst);
        let acquired = self.0.with(key, |now| {
            let is_free = now.is_none();
            now.get_or_insert((owner, Instant::now() + ttl));
            is_free.then(|| self.0.last_token.fetch_add(1, SeqCst) + 1)
        });
        self.0.answer(acquired)
    }

    fn renew<'a>(&'a self, key: &'a str, owner: Owner, ttl: Duration) -> Answer<'a, bool> {
        let renewed = self.0.with(key, |now| match now {
            Some((who, until)) if *who == owner => {
                *until = Instant::now() + ttl;
                true
            }
            _ => false,
        });
        self.0.answer(renewed)
    }

    fn release<'a>(&'a self, key: &'a str, owner: Owner) -> Answer<'a, Option<Duration>> {
        let left = self.0.with(key, |now| {
            now.take_if(|(who, _)| *who == owner).map(|(_, until)| until - Instant::now())
        });
        self.0.answer(left)
    }

    fn holder<'a>(&'a self, key: &'a str) -> Answer<'a, Option<Owner>> {
        let holder = self.0.with(key, |now| now.map(|(holder, _)| holder));
        self.0.answer(holder)
    }
}

/// A local store that all processes share, and that can be down; without generations of its own when it
/// isn't fenced.
#[derive(Clone)]
pub(crate) struct Faulty<const FENCED: bool> {
    kept: Arc<LocalStore<u64>>,
    pub(crate) error: Arc<Mutex<Option<StoreError>>>,
    /// How long an answer is under way, in milliseconds.
    pub(crate) lag_ms: u64,
}

impl<const FENCED: bool> Faulty<FENCED> {
    pub(crate) fn new(kept: LocalStore<u64>) -> Self {
        Self { kept: Arc::new(kept), error: Arc::default(), lag_ms: 0 }
    }

    pub(crate) fn fail(&self, error: Option<StoreError>) {
        *self.error.lock().expect("no panic") = error;
    }

    fn up(&self) -> Result<(), StoreError> {
        self.error.lock().expect("no panic").clone().map_or(Ok(()), Err)
    }
}

impl<const IS_FENCED: bool> Store for Faulty<IS_FENCED> {
    type Value = u64;
    const FENCED: bool = IS_FENCED;

    async fn get(&self, key: &str) -> Result<Option<Entry<u64>>, StoreError> {
        self.up()?;
        let found = self.kept.get(key).await;
        lag(self.lag_ms).await;
        found
    }

    async fn put(&self, key: &str, fresh: Fresh<'_, u64>) -> Result<Written, StoreError> {
        self.up()?;
        let written = self.kept.put(key, fresh).await;
        lag(self.lag_ms).await;
        written
    }

    async fn remove(&self, key: &str, keep: Duration) -> Result<(), StoreError> {
        self.up()?;
        let removed = self.kept.remove(key, keep).await;
        lag(self.lag_ms).await;
        removed
    }

    async fn issue(&self, key: &str) -> Result<Option<u64>, StoreError> {
        self.up()?;
        let issued = if IS_FENCED { self.kept.issue(key).await } else { Ok(None) };
        lag(self.lag_ms).await;
        issued
    }

    async fn put_if_generation(
        &self,
        key: &str,
        fresh: Fresh<'_, u64>,
    ) -> Result<Written, StoreError> {
        self.up()?;
        let written = self.kept.put_if_generation(key, fresh).await;
        lag(self.lag_ms).await;
        written
    }
}
