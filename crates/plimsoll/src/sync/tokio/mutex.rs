use super::late::Late;
use super::mutex_guard::{MutexGuard, OwnedMutexGuard};
use crate::Name;
use crate::sync::hold::Hold;
use crate::sync::lock::Sort;
use crate::sync::lock_cell::LockCell;
use crate::sync::mode::{Exclusive, Mode};
use crate::who::{awaiting, blocking, task_or_root, turn};
use plimsoll_record::Registry;
use plimsoll_record::waits::{Site, Who};
use std::fmt;
use std::panic::Location;
use std::sync::Arc;
use tokio::sync::{self, TryLockError};

/// A [`tokio::sync::Mutex`] that records how long it is waited for and held (M4).
///
/// | series | what |
/// |---|---|
/// | histogram `concurrency_lock_wait_seconds{lock,mode}` | the wait of every acquisition; 0 of one that got the lock at once. Cancelled waits count with the time they had waited |
/// | level `concurrency_lock_waiters{lock}` | how many wait now, and for how long the oldest has |
/// | `concurrency_lock_acquisitions_total{lock,mode,contended}` | how many got it, at once or after a wait |
/// | histogram `concurrency_lock_hold_seconds{lock,mode}` | holds that made others wait: from the acquisition if that was contended, else from the first waiter on |
/// | histogram `concurrency_lock_hold_sampled_seconds{lock,mode}` | one in 64 of the other holds |
/// | `concurrency_lock_blamed_seconds_total{lock,site}` | wait charged to the call sites that held the lock meanwhile: of each holder only its own slice, of several waiters each one's wait |
///
/// `mode` is `exclusive`; of a [`RwLock`](super::RwLock)'s readers it is `shared`.
///
/// # Cost
/// At once: a few stores on one line, no read-modify-write, no log; of readers one exchange. One in 64
/// reads the clock twice. After a wait: three clock reads and two log edges, beside
/// a task switch.
///
/// # Cancellation
/// As in the original, a `lock` that is dropped gives up its place in the queue. Its wait counts, and
/// it no longer counts as a waiter. A holder that panics releases the lock and its hold counts.
///
/// # Reading it
/// ```promql
/// histogram_quantile(0.99, sum by (lock, le) (rate(concurrency_lock_wait_seconds_bucket[5m])))
/// rate(concurrency_lock_waiters_time_seconds_total[5m])    # exact mean number of waiters
/// topk(5, rate(concurrency_lock_blamed_seconds_total[5m])) # the call sites that make others wait
/// ```
pub struct Mutex<T> {
    pub(super) lock: LockCell,
    // Shared so that an owned guard can be made; only owned guards, which also hold the whole mutex,
    // ever share it.
    inner: Late<T, sync::Mutex<T>>,
}

impl<T> Mutex<T> {
    /// Makes an unlocked mutex that is called after the caller's place in the source.
    #[track_caller]
    pub fn new(value: T) -> Self {
        let lock = LockCell::unnamed(&Sort::MUTEX, Location::caller());
        Self { lock, inner: Late::made(value, sync::Mutex::new) }
    }

    /// Makes what [`Mutex::new`] does, in a constant.
    #[track_caller]
    pub const fn const_new(value: T) -> Self {
        let lock = LockCell::unnamed(&Sort::MUTEX, Location::caller());
        Self { lock, inner: Late::of(value, sync::Mutex::new) }
    }

    /// Makes an unlocked mutex that records in the global registry.
    #[track_caller]
    pub fn named(name: impl Into<Name>, value: T) -> Self {
        Self::named_in(Registry::global(), name, value)
    }

    /// Makes an unlocked mutex that records in `registry`.
    #[track_caller]
    pub fn named_in(registry: &Registry, name: impl Into<Name>, value: T) -> Self {
        let made_at = Location::caller();
        let lock = LockCell::named(registry, &name.into(), &Sort::MUTEX, made_at);
        Self { lock, inner: Late::made(value, sync::Mutex::new) }
    }

    /// Locks, waiting in turn: see [`tokio::sync::Mutex::lock`].
    #[track_caller]
    pub fn lock(&self) -> impl Future<Output = MutexGuard<'_, T>> {
        let site = Location::caller();
        async move {
            let who = turn().await;
            if let Ok(guard) = self.try_lock_by(who, site) {
                return guard;
            }
            let waiting = self.lock.get().wait(awaiting(who, site));
            let inner = self.inner.get().lock().await;
            MutexGuard { hold: waiting.acquired(), inner }
        }
    }

    /// Locks from a thread that may block: see [`tokio::sync::Mutex::blocking_lock`].
    ///
    /// # Panics
    /// Within an asynchronous context, as the original does.
    #[track_caller]
    pub fn blocking_lock(&self) -> MutexGuard<'_, T> {
        let site = Location::caller();
        if let Ok(guard) = self.try_lock_by(task_or_root(), site) {
            return guard;
        }
        let waiting = self.lock.get().wait(blocking(site));
        let inner = self.inner.get().blocking_lock();
        MutexGuard { hold: waiting.acquired(), inner }
    }

    /// Locks from a thread that may block, with a guard that owns the mutex.
    ///
    /// # Panics
    /// Within an asynchronous context, as the original does.
    #[track_caller]
    pub fn blocking_lock_owned(self: Arc<Self>) -> OwnedMutexGuard<T> {
        let site = Location::caller();
        if let Ok(guard) = Arc::clone(&self).try_lock_owned_at(site) {
            return guard;
        }
        let waiting = self.lock.get().wait(blocking(site));
        let inner = Arc::clone(self.inner.get()).blocking_lock_owned();
        let mode = waiting.acquired_by(Who::UNKNOWN);
        OwnedMutexGuard::new(self, inner, mode)
    }

    /// Locks if that needs no wait.
    ///
    /// # Errors
    /// The mutex is locked; nothing is recorded, because nobody waits.
    #[track_caller]
    pub fn try_lock(&self) -> Result<MutexGuard<'_, T>, TryLockError> {
        self.try_lock_by(task_or_root(), Location::caller())
    }

    #[inline]
    fn try_lock_by(&self, who: Who, site: Site) -> Result<MutexGuard<'_, T>, TryLockError> {
        let inner = self.inner.get().try_lock()?;
        Ok(MutexGuard { hold: Hold::at_once(self.lock.get(), who, site), inner })
    }

    /// Locks, with a guard that owns the mutex: see [`tokio::sync::Mutex::lock_owned`].
    #[track_caller]
    pub fn lock_owned(self: Arc<Self>) -> impl Future<Output = OwnedMutexGuard<T>> {
        let site = Location::caller();
        async move {
            let who = turn().await;
            if let Ok(guard) = Arc::clone(&self).try_lock_owned_at(site) {
                return guard;
            }
            let waiting = self.lock.get().wait(awaiting(who, site));
            let inner = Arc::clone(self.inner.get()).lock_owned().await;
            let mode = waiting.acquired_by(Who::UNKNOWN);
            OwnedMutexGuard::new(self, inner, mode)
        }
    }

    /// Locks if that needs no wait, with a guard that owns the mutex.
    ///
    /// # Errors
    /// The mutex is locked.
    #[track_caller]
    pub fn try_lock_owned(self: Arc<Self>) -> Result<OwnedMutexGuard<T>, TryLockError> {
        self.try_lock_owned_at(Location::caller())
    }

    fn try_lock_owned_at(self: Arc<Self>, site: Site) -> Result<OwnedMutexGuard<T>, TryLockError> {
        let inner = Arc::clone(self.inner.get()).try_lock_owned()?;
        let mode = Exclusive::begin(self.lock.get(), Who::UNKNOWN, site);
        Ok(OwnedMutexGuard::new(self, inner, mode))
    }

    /// Returns the value; the exclusive borrow is the proof that nobody holds it.
    pub fn get_mut(&mut self) -> &mut T {
        self.inner.get_mut().get_mut()
    }

    /// Consumes the mutex and returns the value.
    pub fn into_inner(self) -> T {
        self.inner.into_inner().into_inner()
    }
}

impl<T: Default> Default for Mutex<T> {
    #[track_caller]
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T> From<T> for Mutex<T> {
    #[track_caller]
    fn from(value: T) -> Self {
        Self::new(value)
    }
}

impl<T: fmt::Debug> fmt::Debug for Mutex<T> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(out)
    }
}
