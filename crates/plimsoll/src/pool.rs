use crate::Name;
use crate::clock::now_ns;
use crate::instrument::{Distribution, Level, Stay};
use crate::who::{awaiting, blocking, part, task_or_root};
use plimsoll_model::{Labels, catalog};
use plimsoll_record::waits::{Kind, Resource, Seat, Site, Wait, What, Who};
use plimsoll_record::{ActivitySpec, HistogramSpec, Outcome, Registry, Split};
use std::fmt;
use std::future::{Future, poll_fn};
use std::ops::{Deref, DerefMut};
use std::panic::Location;
use std::pin::pin;
use std::sync::Arc;

/// Records a pool of any make (M5): connections, permits, threads.
///
/// | series | what |
/// |---|---|
/// | level `concurrency_pool_in_use{pool}` | how many are in use, with the pool's size as limit |
/// | histogram `concurrency_pool_wait_seconds{pool,outcome}` | how long callers waited for one, and whether they got it |
///
/// [`sync::tokio::Semaphore`](crate::sync::tokio::Semaphore) does this by itself.
///
/// Who waits and who holds goes into the wait-for graph, so that a task that waits for its own pool is
/// found. A [`Leased`] may be handed to another task: whoever used it last counts as its holder.
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
#[derive(Clone, Debug)]
pub struct PoolProbe {
    signals: Arc<PoolSignals>,
    resource: Arc<Resource>,
}

/// The instruments of all pools of one kind and name.
#[derive(Debug)]
struct PoolSignals {
    what: Arc<What>,
    in_use: Level,
    wait: Distribution,
}

impl PoolSignals {
    fn new(registry: &Registry, name: &Name, labels: &Labels, kind: Kind, size: u64) -> Self {
        let wait = HistogramSpec::new(&catalog::POOL_WAIT, labels.clone()).split(Split::OUTCOME);
        let in_use = ActivitySpec::new(&catalog::POOL_IN_USE, labels.clone()).limit(size);
        Self {
            what: Arc::new(What::new(kind, &*name.text)),
            in_use: Level::new(registry, in_use),
            wait: Distribution::new(registry, wait.edges(&name.edges_ns)),
        }
    }
}

impl PoolProbe {
    /// Makes the probe of a pool of `size` resources in the global registry.
    #[track_caller]
    pub fn named(name: impl Into<Name>, size: u64) -> Self {
        Self::named_in(Registry::global(), name, size)
    }

    /// Makes the probe of a pool of `size` resources in `registry`.
    #[track_caller]
    pub fn named_in(registry: &Registry, name: impl Into<Name>, size: u64) -> Self {
        Self::made(registry, &name.into(), Kind::Pool, size, Location::caller())
    }

    pub(crate) fn made(
        registry: &Registry,
        name: &Name,
        kind: Kind,
        size: u64,
        made_at: Site,
    ) -> Self {
        let labels = name.under("pool");
        let signals = registry.shared(&catalog::POOL_IN_USE, kind.name(), labels, |labels| {
            PoolSignals::new(registry, name, labels, kind, size)
        });
        let sharers = usize::try_from(size).unwrap_or(usize::MAX);
        let resource = Resource::new(Arc::clone(&signals.what), sharers, made_at);
        Self { signals, resource }
    }

    /// Changes the pool's size from now on.
    pub fn set_size(&self, size: u64) {
        self.signals.in_use.set_limit(Some(size));
    }

    /// Waits for `get` to give a resource, and counts it as in use until it is dropped.
    ///
    /// # Errors
    /// That of `get`; the wait counts as `error`. A time limit belongs inside of `get`, or the wait
    /// looks cancelled.
    #[track_caller]
    pub fn acquire<T, E>(
        &self,
        get: impl Future<Output = Result<T, E>>,
    ) -> impl Future<Output = Result<Leased<T>, E>> {
        self.acquire_at(Location::caller(), get, |_| Outcome::Error)
    }

    /// Acquires at `site`; `judge` says how a wait ended that gave nothing.
    pub(crate) async fn acquire_at<T, E>(
        &self,
        site: Site,
        get: impl Future<Output = Result<T, E>>,
        judge: impl FnOnce(&E) -> Outcome,
    ) -> Result<Leased<T>, E> {
        let mut wait = self.wait_at(part().await, site);
        match wait.during(get).await {
            Ok(resource) => Ok(Leased { lease: wait.acquired(), resource }),
            Err(error) => {
                wait.end(judge(&error));
                Err(error)
            }
        }
    }

    /// Begins to wait, until the returned value is dropped.
    #[track_caller]
    pub fn wait(&self) -> PoolWait {
        let mut wait = self.wait_at(task_or_root(), Location::caller());
        wait.show();
        wait
    }

    /// Begins to wait, which others see once it is shown.
    pub(crate) fn wait_at(&self, who: Who, site: Site) -> PoolWait {
        PoolWait {
            pool: self.clone(),
            who,
            site,
            shown: None,
            since_ns: now_ns(),
            outcome: Outcome::Cancelled,
        }
    }

    /// Counts `count` resources as in use that were there at once.
    pub(crate) fn at_once(&self, count: u32, who: Who, site: Site) -> Lease {
        self.signals.wait.observe_as(0, Outcome::Ok.index());
        self.lease(count, who, site)
    }

    /// Changes how many resources a lease is of; their time in use begins anew.
    pub(crate) fn recount(&self, lease: &mut Lease, count: u32) {
        lease.stay.again(self.signals.in_use, count);
    }

    pub(crate) fn lease(&self, count: u32, who: Who, site: Site) -> Lease {
        Lease::new(&self.resource, who, site, self.signals.in_use.enter_n(count))
    }
}

/// A wait for a pool's resource. It counts when it is dropped: as cancelled, unless it was ended.
#[derive(Debug)]
#[must_use = "dropping it ends the wait at once"]
pub struct PoolWait {
    pool: PoolProbe,
    who: Who,
    site: Site,
    shown: Option<Wait>,
    since_ns: u64,
    outcome: Outcome,
}

impl PoolWait {
    /// Ends the wait with a resource, which is in use until the lease is dropped.
    pub fn acquired(self) -> Lease {
        self.acquired_by(1, Who::UNKNOWN)
    }

    /// Ends the wait with `count` resources of `who`, unknown if they may be handed on.
    pub(crate) fn acquired_by(mut self, count: u32, who: Who) -> Lease {
        self.outcome = Outcome::Ok;
        self.shown = None;
        self.pool.lease(count, who, self.site)
    }

    /// Ends the wait without a resource.
    pub fn end(mut self, outcome: Outcome) {
        self.outcome = outcome;
    }

    /// Awaits what the wait is for. It is shown as soon as it isn't there at once.
    pub(crate) async fn during<F: Future>(&mut self, get: F) -> F::Output {
        let mut get = pin!(get);
        poll_fn(|context| {
            let polled = get.as_mut().poll(context);
            if polled.is_pending() {
                self.show();
            }
            polled
        })
        .await
    }

    /// Enters it among the waits that others see, as one that blocks its thread.
    pub(crate) fn block(&mut self) {
        self.shown = Some(self.pool.resource.wait(blocking(self.site)));
    }

    /// Enters it among the waits that others see.
    fn show(&mut self) {
        if self.shown.is_none() {
            self.shown = Some(self.pool.resource.wait(awaiting(self.who, self.site)));
        }
    }
}

impl Drop for PoolWait {
    fn drop(&mut self) {
        let waited_ns = now_ns().saturating_sub(self.since_ns);
        self.pool.signals.wait.observe_as(waited_ns, self.outcome.index());
    }
}

/// A pool's resource in use, until it is dropped.
#[derive(Debug)]
#[must_use = "dropping it says that the resource is no longer in use"]
pub struct Lease {
    seat: Seat,
    resource: Arc<Resource>,
    stay: Stay,
}

impl Lease {
    pub(crate) fn new(resource: &Arc<Resource>, who: Who, site: Site, stay: Stay) -> Self {
        let seat = resource.share(who, site, None);
        Self { seat, resource: Arc::clone(resource), stay }
    }

    /// Notes who uses it, since it may have been handed on.
    pub(crate) fn note_use(&self) {
        self.resource.hand_to(self.seat, task_or_root());
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.resource.release(self.seat);
    }
}

/// A pool's resource together with its [`Lease`]. It is used as what it holds.
#[must_use = "dropping it gives the resource back"]
pub struct Leased<T> {
    // Dropped first: what has left the level may be used by the next.
    lease: Lease,
    resource: T,
}

impl<T> Deref for Leased<T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.lease.note_use();
        &self.resource
    }
}

impl<T> DerefMut for Leased<T> {
    fn deref_mut(&mut self) -> &mut T {
        self.lease.note_use();
        &mut self.resource
    }
}

impl<T: fmt::Debug> fmt::Debug for Leased<T> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.resource.fmt(out)
    }
}
