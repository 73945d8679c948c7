use super::late::Late;
use super::rwlock_guard::{
    OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLockReadGuard, RwLockWriteGuard,
};
use crate::Name;
use crate::sync::hold::Hold;
use crate::sync::lock::Sort;
use crate::sync::lock_cell::LockCell;
use crate::sync::mode::{Exclusive, Mode, Shared};
use crate::who::{awaiting, blocking, task_or_root, turn};
use plimsoll_record::Registry;
use plimsoll_record::waits::{Site, Who};
use std::fmt;
use std::panic::Location;
use std::sync::Arc;
use tokio::sync::{self, TryLockError};

/// A [`tokio::sync::RwLock`] that records how long it is waited for and held (M4).
///
/// It records what [`Mutex`](super::Mutex) does, readers as mode `shared` and writers as `exclusive`.
/// Of several readers that hold it at a time each hold counts by itself; when a writer comes to wait,
/// the reader that leaves first is charged with that wait.
pub struct RwLock<T> {
    pub(super) lock: LockCell,
    // Shared so that an owned guard can be made; only owned guards, which also hold the whole lock,
    // ever share it.
    inner: Late<T, sync::RwLock<T>>,
}

impl<T> RwLock<T> {
    /// Makes an unlocked lock that is called after the caller's place in the source.
    #[track_caller]
    pub fn new(value: T) -> Self {
        let lock = LockCell::unnamed(&Sort::RW_LOCK, Location::caller());
        Self { lock, inner: Late::made(value, sync::RwLock::new) }
    }

    /// Makes what [`RwLock::new`] does, in a constant.
    #[track_caller]
    pub const fn const_new(value: T) -> Self {
        let lock = LockCell::unnamed(&Sort::RW_LOCK, Location::caller());
        Self { lock, inner: Late::of(value, sync::RwLock::new) }
    }

    /// Makes an unlocked lock that records in the global registry.
    #[track_caller]
    pub fn named(name: impl Into<Name>, value: T) -> Self {
        Self::named_in(Registry::global(), name, value)
    }

    /// Makes an unlocked lock that records in `registry`.
    #[track_caller]
    pub fn named_in(registry: &Registry, name: impl Into<Name>, value: T) -> Self {
        let made_at = Location::caller();
        let lock = LockCell::named(registry, &name.into(), &Sort::RW_LOCK, made_at);
        Self { lock, inner: Late::made(value, sync::RwLock::new) }
    }

    /// Locks for reading, waiting in turn: see [`tokio::sync::RwLock::read`].
    #[track_caller]
    pub fn read(&self) -> impl Future<Output = RwLockReadGuard<'_, T>> {
        let site = Location::caller();
        async move {
            let who = turn().await;
            if let Ok(guard) = self.try_read_by(who, site) {
                return guard;
            }
            let waiting = self.lock.get().wait(awaiting(who, site));
            let inner = self.inner.get().read().await;
            RwLockReadGuard { hold: waiting.acquired(), inner }
        }
    }

    /// Locks for reading from a thread that may block: see [`tokio::sync::RwLock::blocking_read`].
    ///
    /// # Panics
    /// Within an asynchronous context, as the original does.
    #[track_caller]
    pub fn blocking_read(&self) -> RwLockReadGuard<'_, T> {
        let site = Location::caller();
        if let Ok(guard) = self.try_read_by(task_or_root(), site) {
            return guard;
        }
        let waiting = self.lock.get().wait(blocking(site));
        let inner = self.inner.get().blocking_read();
        RwLockReadGuard { hold: waiting.acquired(), inner }
    }

    /// Locks for reading if that needs no wait.
    ///
    /// # Errors
    /// It is locked; nothing is recorded, because nobody waits.
    #[track_caller]
    pub fn try_read(&self) -> Result<RwLockReadGuard<'_, T>, TryLockError> {
        self.try_read_by(task_or_root(), Location::caller())
    }

    fn try_read_by(&self, who: Who, site: Site) -> Result<RwLockReadGuard<'_, T>, TryLockError> {
        let inner = self.inner.get().try_read()?;
        Ok(RwLockReadGuard { hold: Hold::at_once(self.lock.get(), who, site), inner })
    }

    /// Locks for reading, with a guard that owns the lock.
    #[track_caller]
    pub fn read_owned(self: Arc<Self>) -> impl Future<Output = OwnedRwLockReadGuard<T>> {
        let site = Location::caller();
        async move {
            let who = turn().await;
            if let Ok(guard) = Arc::clone(&self).try_read_owned_at(site) {
                return guard;
            }
            let waiting = self.lock.get().wait(awaiting(who, site));
            let inner = Arc::clone(self.inner.get()).read_owned().await;
            let mode = waiting.acquired_by(Who::UNKNOWN);
            OwnedRwLockReadGuard::new(self, inner, mode)
        }
    }

    /// Locks for reading if that needs no wait, with a guard that owns the lock.
    ///
    /// # Errors
    /// It is locked.
    #[track_caller]
    pub fn try_read_owned(self: Arc<Self>) -> Result<OwnedRwLockReadGuard<T>, TryLockError> {
        self.try_read_owned_at(Location::caller())
    }

    fn try_read_owned_at(
        self: Arc<Self>,
        site: Site,
    ) -> Result<OwnedRwLockReadGuard<T>, TryLockError> {
        let inner = Arc::clone(self.inner.get()).try_read_owned()?;
        let mode = Shared::begin(self.lock.get(), Who::UNKNOWN, site);
        Ok(OwnedRwLockReadGuard::new(self, inner, mode))
    }

    /// Locks for writing, waiting in turn: see [`tokio::sync::RwLock::write`].
    #[track_caller]
    pub fn write(&self) -> impl Future<Output = RwLockWriteGuard<'_, T>> {
        let site = Location::caller();
        async move {
            let who = turn().await;
            if let Ok(guard) = self.try_write_by(who, site) {
                return guard;
            }
            let waiting = self.lock.get().wait(awaiting(who, site));
            let inner = self.inner.get().write().await;
            RwLockWriteGuard { hold: waiting.acquired(), inner }
        }
    }

    /// Locks for writing from a thread that may block: see [`tokio::sync::RwLock::blocking_write`].
    ///
    /// # Panics
    /// Within an asynchronous context, as the original does.
    #[track_caller]
    pub fn blocking_write(&self) -> RwLockWriteGuard<'_, T> {
        let site = Location::caller();
        if let Ok(guard) = self.try_write_by(task_or_root(), site) {
            return guard;
        }
        let waiting = self.lock.get().wait(blocking(site));
        let inner = self.inner.get().blocking_write();
        RwLockWriteGuard { hold: waiting.acquired(), inner }
    }

    /// Locks for writing if that needs no wait.
    ///
    /// # Errors
    /// It is locked; nothing is recorded, because nobody waits.
    #[track_caller]
    pub fn try_write(&self) -> Result<RwLockWriteGuard<'_, T>, TryLockError> {
        self.try_write_by(task_or_root(), Location::caller())
    }

    fn try_write_by(&self, who: Who, site: Site) -> Result<RwLockWriteGuard<'_, T>, TryLockError> {
        let inner = self.inner.get().try_write()?;
        Ok(RwLockWriteGuard { hold: Hold::at_once(self.lock.get(), who, site), inner })
    }

    /// Locks for writing, with a guard that owns the lock.
    #[track_caller]
    pub fn write_owned(self: Arc<Self>) -> impl Future<Output = OwnedRwLockWriteGuard<T>> {
        let site = Location::caller();
        async move {
            let who = turn().await;
            if let Ok(guard) = Arc::clone(&self).try_write_owned_at(site) {
                return guard;
            }
            let waiting = self.lock.get().wait(awaiting(who, site));
            let inner = Arc::clone(self.inner.get()).write_owned().await;
            let mode = waiting.acquired_by(Who::UNKNOWN);
            OwnedRwLockWriteGuard::new(self, inner, mode)
        }
    }

    /// Locks for writing if that needs no wait, with a guard that owns the lock.
    ///
    /// # Errors
    /// It is locked.
    #[track_caller]
    pub fn try_write_owned(self: Arc<Self>) -> Result<OwnedRwLockWriteGuard<T>, TryLockError> {
        self.try_write_owned_at(Location::caller())
    }

    fn try_write_owned_at(
        self: Arc<Self>,
        site: Site,
    ) -> Result<OwnedRwLockWriteGuard<T>, TryLockError> {
        let inner = Arc::clone(self.inner.get()).try_write_owned()?;
        let mode = Exclusive::begin(self.lock.get(), Who::UNKNOWN, site);
        Ok(OwnedRwLockWriteGuard::new(self, inner, mode))
    }

    /// Returns the value; the exclusive borrow is the proof that nobody holds it.
    pub fn get_mut(&mut self) -> &mut T {
        self.inner.get_mut().get_mut()
    }

    /// Consumes the lock and returns the value.
    pub fn into_inner(self) -> T {
        self.inner.into_inner().into_inner()
    }
}

impl<T: Default> Default for RwLock<T> {
    #[track_caller]
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T> From<T> for RwLock<T> {
    #[track_caller]
    fn from(value: T) -> Self {
        Self::new(value)
    }
}

impl<T: fmt::Debug> fmt::Debug for RwLock<T> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(out)
    }
}
