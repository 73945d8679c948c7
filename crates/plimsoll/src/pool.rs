use crate::Name;
use crate::clock::now_ns;
use crate::instrument::{Distribution, Level, Stay};
use plimsoll_model::catalog;
use plimsoll_record::{ActivitySpec, HistogramSpec, Outcome, Registry, Split};
use std::fmt;
use std::future::Future;
use std::ops::{Deref, DerefMut};

/// Records a pool of any make (M5): connections, permits, threads.
///
/// | series | what |
/// |---|---|
/// | level `concurrency_pool_in_use{pool}` | how many are in use, with the pool's size as limit |
/// | histogram `concurrency_pool_wait_seconds{pool,outcome}` | how long callers waited for one, and whether they got it |
///
/// [`sync::tokio::Semaphore`](crate::sync::tokio::Semaphore) does this by itself.
///
/// # Cost
/// Four clock reads, two log edges and an observation for each use.
///
/// # Cancellation
/// A wait that is dropped is `cancelled`, and a [`Leased`] that is dropped leaves the level before what
/// it holds goes back to the pool.
///
/// # Reading it
/// ```promql
/// rate(concurrency_pool_in_use_time_seconds_total{pool="db"}[5m]) / concurrency_pool_in_use_limit{pool="db"}
/// histogram_quantile(0.99, sum by (pool, le) (rate(concurrency_pool_wait_seconds_bucket[5m])))
/// ```
///
/// # Example
/// ```
/// # async fn example() -> Result<(), std::io::Error> {
/// # async fn connect() -> Result<String, std::io::Error> { Ok("connection".to_owned()) }
/// let pool = plimsoll::PoolProbe::named("db", 8);
/// let connection = pool.acquire(connect()).await?;
/// println!("{}", connection.len()); // it is used as what it holds
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct PoolProbe {
    in_use: Level,
    wait: Distribution,
}

impl PoolProbe {
    /// Makes the probe of a pool of `size` resources in the global registry.
    pub fn named(name: impl Into<Name>, size: u64) -> Self {
        Self::named_in(Registry::global(), name, size)
    }

    /// Makes the probe of a pool of `size` resources in `registry`.
    pub fn named_in(registry: &Registry, name: impl Into<Name>, size: u64) -> Self {
        let name = name.into();
        let labels = name.under("pool");
        let wait = HistogramSpec::new(&catalog::POOL_WAIT, labels.clone()).split(Split::OUTCOME);
        let in_use = ActivitySpec::new(&catalog::POOL_IN_USE, labels).limit(size);
        Self {
            in_use: Level::new(registry, in_use),
            wait: Distribution::new(registry, wait.edges(&name.edges_ns)),
        }
    }

    /// Changes the pool's size from now on.
    pub fn set_size(&self, size: u64) {
        self.in_use.set_limit(Some(size));
    }

    /// Waits for `get` to give a resource, and counts it as in use until it is dropped.
    ///
    /// # Errors
    /// That of `get`; the wait counts as `error`. A time limit belongs inside of `get`, or the wait
    /// looks cancelled.
    pub async fn acquire<T, E>(
        &self,
        get: impl Future<Output = Result<T, E>>,
    ) -> Result<Leased<T>, E> {
        let wait = self.wait();
        match get.await {
            Ok(resource) => Ok(Leased { _lease: wait.acquired(), resource }),
            Err(error) => {
                wait.end(Outcome::Error);
                Err(error)
            }
        }
    }

    /// Begins to wait, until the returned value is dropped.
    pub fn wait(&self) -> PoolWait {
        PoolWait { pool: *self, since_ns: now_ns(), outcome: Outcome::Cancelled }
    }

    /// Counts `count` resources as in use that were there at once.
    pub(crate) fn at_once(&self, count: u32) -> Lease {
        self.wait.observe_as(0, Outcome::Ok.index());
        Lease { _stay: self.in_use.enter_n(count) }
    }
}

/// A wait for a pool's resource. It counts when it is dropped: as cancelled, unless it was ended.
#[derive(Debug)]
#[must_use = "dropping it ends the wait at once"]
pub struct PoolWait {
    pool: PoolProbe,
    since_ns: u64,
    outcome: Outcome,
}

impl PoolWait {
    /// Ends the wait with a resource, which is in use until the lease is dropped.
    pub fn acquired(self) -> Lease {
        self.acquired_n(1)
    }

    pub(crate) fn acquired_n(mut self, count: u32) -> Lease {
        self.outcome = Outcome::Ok;
        Lease { _stay: self.pool.in_use.enter_n(count) }
    }

    /// Ends the wait without a resource.
    pub fn end(mut self, outcome: Outcome) {
        self.outcome = outcome;
    }
}

impl Drop for PoolWait {
    fn drop(&mut self) {
        let waited_ns = now_ns().saturating_sub(self.since_ns);
        self.pool.wait.observe_as(waited_ns, self.outcome.index());
    }
}

/// A pool's resource in use, until it is dropped.
#[derive(Debug)]
#[must_use = "dropping it says that the resource is no longer in use"]
pub struct Lease {
    _stay: Stay,
}

/// A pool's resource together with its [`Lease`]. It is used as what it holds.
#[must_use = "dropping it gives the resource back"]
pub struct Leased<T> {
    // Dropped first: what has left the level may be used by the next.
    _lease: Lease,
    resource: T,
}

impl<T> Deref for Leased<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.resource
    }
}

impl<T> DerefMut for Leased<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.resource
    }
}

impl<T: fmt::Debug> fmt::Debug for Leased<T> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.resource.fmt(out)
    }
}
