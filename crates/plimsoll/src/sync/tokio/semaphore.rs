use super::semaphore_permit::{OwnedSemaphorePermit, SemaphorePermit};
use crate::Name;
use crate::pool::{Lease, PoolProbe};
use crate::who::{task_or_root, turn};
use plimsoll_record::waits::{Kind, Site, Who};
use plimsoll_record::{Outcome, Registry};
use std::panic::Location;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{self, AcquireError, TryAcquireError};

/// A [`tokio::sync::Semaphore`] that is recorded as a pool of permits (M5).
///
/// | series | what |
/// |---|---|
/// | level `concurrency_pool_in_use{pool}` | permits in use, with the number of permits as limit |
/// | histogram `concurrency_pool_wait_seconds{pool,outcome}` | the wait of every acquisition, 0 of one that got its permits at once; `error` when the semaphore was closed |
///
/// Who waits and who holds goes into the wait-for graph. A permit that owns the semaphore may be handed
/// to another task, so nobody is accused on its account until the permit is used, as by its
/// `num_permits`.
///
/// # Cost
/// At once: two clock reads and two log edges for the permits' time in use, and an observation.
///
/// # Cancellation
/// A wait that is dropped gives up its place and counts as `cancelled`.
///
/// # Reading it
/// See [`PoolProbe`].
#[derive(Debug)]
pub struct Semaphore {
    pub(super) pool: PoolProbe,
    inner: Arc<sync::Semaphore>,
    /// Permits in all, in use or not. Its lock keeps the count and the recorded limit in step.
    permits: Mutex<usize>,
}

impl Semaphore {
    /// Makes a semaphore of `permits` that is called after the caller's place in the source.
    #[track_caller]
    pub fn new(permits: usize) -> Self {
        Self::named(Name::here(), permits)
    }

    /// Makes a semaphore of `permits` that records in the global registry.
    #[track_caller]
    pub fn named(name: impl Into<Name>, permits: usize) -> Self {
        Self::named_in(Registry::global(), name, permits)
    }

    /// Makes a semaphore of `permits` that records in `registry`.
    #[track_caller]
    pub fn named_in(registry: &Registry, name: impl Into<Name>, permits: usize) -> Self {
        let (name, made_at) = (name.into(), Location::caller());
        Self {
            pool: PoolProbe::made(registry, &name, Kind::Semaphore, permits as u64, made_at),
            inner: Arc::new(sync::Semaphore::new(permits)),
            permits: Mutex::new(permits),
        }
    }

    /// Acquires one permit: see [`tokio::sync::Semaphore::acquire`].
    ///
    /// # Errors
    /// The semaphore is closed.
    #[track_caller]
    pub fn acquire(&self) -> impl Future<Output = Result<SemaphorePermit<'_>, AcquireError>> {
        self.acquire_many(1)
    }

    /// Acquires `count` permits at once: see [`tokio::sync::Semaphore::acquire_many`].
    ///
    /// # Errors
    /// The semaphore is closed.
    #[track_caller]
    pub fn acquire_many(
        &self,
        count: u32,
    ) -> impl Future<Output = Result<SemaphorePermit<'_>, AcquireError>> {
        let site = Location::caller();
        async move {
            let who = turn().await;
            if let Ok(permit) = self.try_acquire_by(count, who, site) {
                return Ok(permit);
            }
            let mut wait = self.pool.wait_at(who, site);
            match wait.during(self.inner.acquire_many(count)).await {
                Ok(inner) => {
                    let lease = wait.acquired_by(count, who);
                    Ok(SemaphorePermit { lease, inner, semaphore: self })
                }
                Err(closed) => {
                    wait.end(Outcome::Error);
                    Err(closed)
                }
            }
        }
    }

    /// Acquires one permit if that needs no wait.
    ///
    /// # Errors
    /// There is none, or the semaphore is closed; nothing is recorded, because nobody waits.
    #[track_caller]
    pub fn try_acquire(&self) -> Result<SemaphorePermit<'_>, TryAcquireError> {
        self.try_acquire_by(1, task_or_root(), Location::caller())
    }

    /// Acquires `count` permits at once if that needs no wait.
    ///
    /// # Errors
    /// There are too few, or the semaphore is closed.
    #[track_caller]
    pub fn try_acquire_many(&self, count: u32) -> Result<SemaphorePermit<'_>, TryAcquireError> {
        self.try_acquire_by(count, task_or_root(), Location::caller())
    }

    fn try_acquire_by(
        &self,
        count: u32,
        who: Who,
        site: Site,
    ) -> Result<SemaphorePermit<'_>, TryAcquireError> {
        let inner = self.inner.try_acquire_many(count)?;
        let lease = self.pool.at_once(count, who, site);
        Ok(SemaphorePermit { lease, inner, semaphore: self })
    }

    /// Acquires one permit that owns the semaphore.
    ///
    /// # Errors
    /// The semaphore is closed.
    #[track_caller]
    pub fn acquire_owned(
        self: Arc<Self>,
    ) -> impl Future<Output = Result<OwnedSemaphorePermit, AcquireError>> {
        self.acquire_many_owned(1)
    }

    /// Acquires `count` permits at once that own the semaphore.
    ///
    /// # Errors
    /// The semaphore is closed.
    #[track_caller]
    pub fn acquire_many_owned(
        self: Arc<Self>,
        count: u32,
    ) -> impl Future<Output = Result<OwnedSemaphorePermit, AcquireError>> {
        let site = Location::caller();
        async move {
            let who = turn().await;
            if let Ok(permit) = Arc::clone(&self).try_acquire_owned_at(count, site) {
                return Ok(permit);
            }
            let mut wait = self.pool.wait_at(who, site);
            match wait.during(Arc::clone(&self.inner).acquire_many_owned(count)).await {
                Ok(inner) => {
                    let lease = wait.acquired_by(count, Who::UNKNOWN);
                    Ok(OwnedSemaphorePermit { lease, inner, semaphore: self })
                }
                Err(closed) => {
                    wait.end(Outcome::Error);
                    Err(closed)
                }
            }
        }
    }

    /// Acquires one permit that owns the semaphore, if that needs no wait.
    ///
    /// # Errors
    /// There is none, or the semaphore is closed.
    #[track_caller]
    pub fn try_acquire_owned(self: Arc<Self>) -> Result<OwnedSemaphorePermit, TryAcquireError> {
        self.try_acquire_owned_at(1, Location::caller())
    }

    /// Acquires `count` permits at once that own the semaphore, if that needs no wait.
    ///
    /// # Errors
    /// There are too few, or the semaphore is closed.
    #[track_caller]
    pub fn try_acquire_many_owned(
        self: Arc<Self>,
        count: u32,
    ) -> Result<OwnedSemaphorePermit, TryAcquireError> {
        self.try_acquire_owned_at(count, Location::caller())
    }

    fn try_acquire_owned_at(
        self: Arc<Self>,
        count: u32,
        site: Site,
    ) -> Result<OwnedSemaphorePermit, TryAcquireError> {
        let inner = Arc::clone(&self.inner).try_acquire_many_owned(count)?;
        let lease = self.pool.at_once(count, Who::UNKNOWN, site);
        Ok(OwnedSemaphorePermit { lease, inner, semaphore: self })
    }

    /// Acquires one permit on a thread that may block.
    ///
    /// # Errors
    /// The semaphore is closed.
    ///
    /// # Panics
    /// Within an asynchronous context, as the original does.
    #[track_caller]
    pub fn blocking_acquire(&self) -> Result<SemaphorePermit<'_>, AcquireError> {
        self.blocking_acquire_many(1)
    }

    /// Acquires `count` permits at once on a thread that may block.
    ///
    /// # Errors
    /// The semaphore is closed.
    ///
    /// # Panics
    /// Within an asynchronous context, as the original does.
    #[track_caller]
    pub fn blocking_acquire_many(&self, count: u32) -> Result<SemaphorePermit<'_>, AcquireError> {
        let site = Location::caller();
        if let Ok(permit) = self.try_acquire_by(count, task_or_root(), site) {
            return Ok(permit);
        }
        let (inner, lease) = self.block(site, count, || self.inner.blocking_acquire_many(count))?;
        Ok(SemaphorePermit { lease, inner, semaphore: self })
    }

    /// Acquires one permit that owns the semaphore, on a thread that may block.
    ///
    /// # Errors
    /// The semaphore is closed.
    ///
    /// # Panics
    /// Within an asynchronous context, as the original does.
    #[track_caller]
    pub fn blocking_acquire_owned(self: Arc<Self>) -> Result<OwnedSemaphorePermit, AcquireError> {
        self.blocking_acquire_many_owned(1)
    }

    /// Acquires `count` permits at once that own the semaphore, on a thread that may block.
    ///
    /// # Errors
    /// The semaphore is closed.
    ///
    /// # Panics
    /// Within an asynchronous context, as the original does.
    #[track_caller]
    pub fn blocking_acquire_many_owned(
        self: Arc<Self>,
        count: u32,
    ) -> Result<OwnedSemaphorePermit, AcquireError> {
        if let Ok(permit) = Arc::clone(&self).try_acquire_many_owned(count) {
            return Ok(permit);
        }
        let original = Arc::clone(&self.inner);
        let wait = || original.blocking_acquire_many_owned(count);
        let (inner, lease) = self.block(Location::caller(), count, wait)?;
        Ok(OwnedSemaphorePermit { lease, inner, semaphore: self })
    }

    fn block<P>(
        &self,
        site: Site,
        count: u32,
        acquire: impl FnOnce() -> Result<P, AcquireError>,
    ) -> Result<(P, Lease), AcquireError> {
        let mut wait = self.pool.wait_at(task_or_root(), site);
        wait.block();
        match acquire() {
            Ok(inner) => Ok((inner, wait.acquired_by(count, task_or_root()))),
            Err(closed) => {
                wait.end(Outcome::Error);
                Err(closed)
            }
        }
    }

    /// Returns how many permits are free.
    pub fn available_permits(&self) -> usize {
        self.inner.available_permits()
    }

    /// Adds permits; the limit rises with them.
    ///
    /// # Panics
    /// Beyond [`tokio::sync::Semaphore::MAX_PERMITS`], as the original does.
    pub fn add_permits(&self, count: usize) {
        self.resize(|permits| permits.saturating_add(count));
        self.inner.add_permits(count);
    }

    /// Takes up to `count` free permits away for ever, and says how many; the limit sinks with them.
    pub fn forget_permits(&self, count: usize) -> usize {
        let forgotten = self.inner.forget_permits(count);
        self.resize(|permits| permits.saturating_sub(forgotten));
        forgotten
    }

    /// Closes the semaphore: whoever waits, and whoever comes, gets an error.
    pub fn close(&self) {
        self.inner.close();
    }

    /// Says whether the semaphore was closed.
    pub fn is_closed(&self) -> bool {
        self.inner.is_closed()
    }

    pub(super) fn resize(&self, change: impl FnOnce(usize) -> usize) {
        let mut permits = self.permits.lock().unwrap_or_else(PoisonError::into_inner);
        *permits = change(*permits);
        self.pool.set_size(*permits as u64);
    }
}
