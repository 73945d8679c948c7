use crate::core::{Core, Standing};
use crate::error::{ConfigError, GetError, InvalidateError};
use crate::flight::{Flights, Joined, Leader};
use crate::rebuild::Flying;
use crate::signals::{Call, Fault, Found, Role, Signals};
use crate::store::LocalStore;
use crate::sync::lock;
use crate::{CacheConfig, Entry, Origin, Served, Store, StoreError};
use plimsoll::{Name, Registry};
use std::error::Error;
use std::fmt;
use std::future::Future;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex};
use tokio::task::JoinSet;

/// A cache whose rebuilds are guarded (R1, R3): one of a key at a time in this process, one in the fleet
/// where there is a [`Lock`](crate::Lock), and never an old value over a new one where the store is
/// fenced.
///
/// | series | what |
/// |---|---|
/// | `concurrency_cache_lookups_total{cache,result}` | look-ups: `hit`, `stale`, `miss`, `error` |
/// | `concurrency_rebuild_calls_total{cache,role}` | calls that waited for a rebuild: its `leader`, a `follower`, a `fallback` that went on without, `abandoned` ones that were dropped |
/// | level `concurrency_rebuild_waiters{cache}` | those calls while they wait; the age of the oldest says how long readers are blacked out |
/// | histogram `concurrency_rebuild_seconds{cache,outcome}` | how long rebuilds took, exact at the lease's time to live |
/// | gauge `concurrency_rebuild_outlasting_lease_ratio{cache}` | share of the last 1,024 rebuilds under a lease that took longer than its time to live, from 299 on |
/// | gauge `concurrency_rebuild_lease_ttl_suggested_seconds{cache}` | a time to live that at most one rebuild in 100 outlasts, with 95 % confidence |
/// | histogram `concurrency_rebuild_herd{cache}` | calls that followed, for each flight |
/// | `concurrency_rebuild_writes_total{cache,result,fenced}` | writes: `first` since the look-up, `duplicate` of another rebuild, `regressed` over a later one, `refused` |
/// | `concurrency_stale_served_total{cache}` | stale values that were served |
/// | histogram `concurrency_stale_served_age_seconds{cache}` | how old they were |
/// | `concurrency_cache_faults_total{cache,fault}` | what went wrong while the service went on |
///
/// A rebuild runs as a task of its own, which the cache owns: a caller that is dropped, or that has
/// waited for long enough, takes it from nobody else. It is aborted with the last handle of the cache.
///
/// # Cost
/// A hit is the store's look-up, one counter and one comparison.
///
/// # Cancellation
/// A call that is dropped counts as `abandoned`; the rebuild goes on for the others.
///
/// # Reading it
/// ```promql
/// sum by (cache) (rate(concurrency_rebuild_writes_total{result=~"duplicate|regressed"}[5m])) > 0  # the lock doesn't hold
/// histogram_quantile(0.99, sum by (cache, le) (rate(concurrency_rebuild_herd_bucket[5m])))  # the herd
/// ```
///
/// # Example
/// ```
/// use plimsoll_cache::{Cache, CacheConfig, LocalStore};
/// use std::sync::Arc;
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// async fn price(article: Arc<str>) -> Result<u64, std::io::Error> {
///     Ok(article.len() as u64) // … the slow query
/// }
///
/// let prices = Cache::named("prices", CacheConfig::default(), LocalStore::new(10_000), price)?;
/// assert_eq!(prices.get("shoe").await?.value, 4);
/// # Ok(())
/// # }
/// # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(example())?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Cache<S: Store>(Arc<Owned<S>>);

/// The cache and its tasks; the tasks have only the core, so that they end with the last handle.
struct Owned<S: Store> {
    core: Arc<Core<S>>,
    tasks: Mutex<JoinSet<()>>,
}

impl<S: Store> Cache<S> {
    /// Makes a cache in the global registry that keeps values in `store` and builds them with `rebuild`.
    ///
    /// # Errors
    /// A configuration that makes no sense.
    pub fn named<R, E>(
        cache: impl Into<Name>,
        config: CacheConfig<S::Value>,
        store: S,
        rebuild: impl Fn(Arc<str>) -> R + Send + Sync + 'static,
    ) -> Result<Self, ConfigError>
    where
        R: Future<Output = Result<S::Value, E>> + Send + 'static,
        E: Error + Send + Sync + 'static,
    {
        Self::named_in(Registry::global(), cache, config, store, rebuild)
    }

    /// Makes a cache in `registry` that keeps values in `store` and builds them with `rebuild`.
    ///
    /// # Errors
    /// A configuration that makes no sense.
    pub fn named_in<R, E>(
        registry: &Registry,
        cache: impl Into<Name>,
        config: CacheConfig<S::Value>,
        store: S,
        rebuild: impl Fn(Arc<str>) -> R + Send + Sync + 'static,
    ) -> Result<Self, ConfigError>
    where
        R: Future<Output = Result<S::Value, E>> + Send + 'static,
        E: Error + Send + Sync + 'static,
    {
        config.check()?;
        let ttl = config.lock.as_ref().map(|lock| lock.ttl());
        let signals = Signals::new(registry, &cache.into(), S::FENCED, ttl);
        let copies = (config.copies_max > 0).then(|| {
            LocalStore::with_clock(config.copies_max, Arc::clone(&config.environment.clock))
        });
        let core = Core {
            store,
            rebuild: Box::new(move |key| {
                let rebuilt = rebuild(key);
                Box::pin(async { rebuilt.await.map_err(|error| Arc::new(error) as _) })
            }),
            signals,
            flights: Arc::new(Flights::new(config.flights_max)),
            copies,
            last_generation: AtomicU64::new(0),
            config,
        };
        Ok(Self(Arc::new(Owned { core: Arc::new(core), tasks: Mutex::default() })))
    }

    /// Returns the value of `key`: what is kept while that is of use, else what a rebuild brings.
    ///
    /// A stale value, and one that chance picks shortly before it expires, is served at once and
    /// rebuilt meanwhile.
    ///
    /// # Errors
    /// There is no value, and none could be built in time; nor a copy or a fallback.
    ///
    /// # Panics
    /// A rebuild begins outside of a tokio runtime.
    pub async fn get(&self, key: &str) -> Result<Served<S::Value>, GetError> {
        let core = &self.0.core;
        match core.store.get(key).await {
            Ok(Some(entry)) => {
                core.note(key, &entry);
                let standing = core.standing(&entry);
                if standing != Standing::Gone {
                    return Ok(self.serve(key, entry, standing));
                }
                core.signals.found(Found::Miss);
                self.rebuilt(key, entry.generation).await
            }
            Ok(None) => {
                core.signals.found(Found::Miss);
                self.rebuilt(key, 0).await
            }
            Err(error) => self.without_store(key, &error).await,
        }
    }

    /// Forgets the value of `key`, here and in the store. A rebuild that runs goes on for who waits for
    /// it already, but its lease is void, and a fenced store refuses what it writes.
    ///
    /// # Errors
    /// The store or the leases fail; then it may still be served.
    pub async fn invalidate(&self, key: &str) -> Result<(), InvalidateError> {
        let core = &self.0.core;
        // Who gets a lease after the removal builds what is wanted, and keeps it.
        let holder = match &core.config.lock {
            Some(lock) => lock.holder(key).await,
            None => Ok(None),
        };
        let removed = core.store.remove(key, core.config.keep()).await;
        // What runs may have begun before; if it didn't, the next flight finds what it wrote.
        core.flights.detach(key);
        if let Some(copies) = &core.copies {
            copies.forget(key, core.config.keep());
        }
        let voided = match (&core.config.lock, holder) {
            (Some(lock), Ok(Some(holder))) => lock.void(key, holder).await,
            (_, holder) => holder.map(drop),
        };
        removed.and(voided).map_err(|source| InvalidateError { key: key.to_owned(), source })
    }

    #[inline]
    fn serve(&self, key: &str, entry: Entry<S::Value>, standing: Standing) -> Served<S::Value> {
        let core = &self.0.core;
        if standing != Standing::Fresh {
            self.refresh(key, entry.generation);
        }
        if standing == Standing::Stale {
            core.signals.found(Found::Stale);
            return core.serve_stale(entry);
        }
        core.signals.found(Found::Hit);
        Served { value: entry.value, age: Some(entry.age), from: Origin::Hit }
    }

    /// Serves the last copy of this process, or rebuilds.
    async fn without_store(
        &self,
        key: &str,
        error: &StoreError,
    ) -> Result<Served<S::Value>, GetError> {
        let core = &self.0.core;
        core.signals.found(Found::Error);
        core.signals.fault(Fault::from(error));
        let Some(copy) = core.last_copy(key) else { return self.rebuilt(key, 0).await };
        if core.standing(&copy) != Standing::Fresh {
            self.refresh(key, copy.generation);
        }
        Ok(core.serve_stale(copy))
    }

    /// Rebuilds while nobody waits, unless that is under way.
    fn refresh(&self, key: &str, seen: u64) {
        if let Some(leader) = self.0.core.flights.lead(&Arc::from(key)) {
            self.spawn(leader, seen);
        }
    }

    async fn rebuilt(&self, key: &str, seen: u64) -> Result<Served<S::Value>, GetError> {
        let core = &self.0.core;
        let call = Call::begin(&core.signals);
        let Some(Joined { waiter, leader }) = core.flights.join(&Arc::from(key)) else {
            core.signals.fault(Fault::Full);
            call.end(Role::Fallback);
            return core.instead(key).ok_or(GetError::Full(core.config.flights_max));
        };
        let role = if leader.is_some() { Role::Leader } else { Role::Follower };
        if let Some(leader) = leader {
            self.spawn(leader, seen);
        }
        let wait_max = core.config.wait_max;
        let (error, role) = match tokio::time::timeout(wait_max, waiter).await {
            Ok(Some(Ok(entry))) => {
                call.end(role);
                return Ok(Served {
                    value: entry.value,
                    age: Some(entry.age),
                    from: Origin::Rebuild,
                });
            }
            Ok(Some(Err(error))) => (error, role),
            Ok(None) => (GetError::Stopped, role),
            Err(_) => {
                core.signals.fault(Fault::WaitTimedOut);
                (GetError::TimedOut(wait_max), Role::Fallback)
            }
        };
        let instead = core.instead(key);
        call.end(if instead.is_some() { Role::Fallback } else { role });
        instead.ok_or(error)
    }

    fn spawn(&self, leader: Leader<crate::core::Landing<S::Value>>, seen: u64) {
        let flying = Flying::new(&self.0.core, leader);
        let mut tasks = lock(&self.0.tasks);
        while tasks.try_join_next().is_some() {}
        tasks.spawn(flying.fly(seen));
    }
}

impl<S: Store> Clone for Cache<S> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<S: Store> fmt::Debug for Cache<S> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Cache").field("config", &self.0.core.config).finish_non_exhaustive()
    }
}
