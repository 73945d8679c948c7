use super::{LockResult, TryLockError, TryLockResult, at_once, guarded};
use crate::Name;
use crate::sync::guard::{exclusive_guard, shared_guard};
use crate::sync::hold::Hold;
use crate::sync::lock::{Lock, Mode, Sort};
use crate::sync::lock_cell::LockCell;
use plimsoll_record::Registry;
use std::fmt;
use std::panic::{Location, RefUnwindSafe, UnwindSafe};
use std::sync::{self as original, PoisonError};

/// A [`std::sync::RwLock`] that records how long it is waited for and held (M4).
///
/// It records what [`tokio::RwLock`](crate::sync::tokio::RwLock) does. One that is made by
/// [`RwLock::new`] is called after the place that made it, and records in the global registry.
pub struct RwLock<T: ?Sized> {
    lock: LockCell,
    inner: original::RwLock<T>,
}

impl<T> RwLock<T> {
    /// Makes an unlocked lock that is called after the caller's place in the source.
    #[track_caller]
    pub const fn new(value: T) -> Self {
        let lock = LockCell::unnamed(Sort::RW_LOCK, Location::caller());
        Self { lock, inner: original::RwLock::new(value) }
    }

    /// Makes an unlocked lock that records in the global registry.
    #[track_caller]
    pub fn named(name: impl Into<Name>, value: T) -> Self {
        Self::named_in(Registry::global(), name, value)
    }

    /// Makes an unlocked lock that records in `registry`.
    #[track_caller]
    pub fn named_in(registry: &Registry, name: impl Into<Name>, value: T) -> Self {
        let lock = LockCell::named(registry, &name.into(), Sort::RW_LOCK, Location::caller());
        Self { lock, inner: original::RwLock::new(value) }
    }

    /// Consumes the lock and returns the value.
    ///
    /// # Errors
    /// It is poisoned; the error holds the value.
    pub fn into_inner(self) -> LockResult<T> {
        self.inner.into_inner()
    }
}

impl<T: ?Sized> RwLock<T> {
    /// Locks for reading, waiting for it.
    ///
    /// # Errors
    /// It is poisoned; the error holds the guard, and the acquisition counts.
    #[inline]
    #[track_caller]
    pub fn read(&self) -> LockResult<RwLockReadGuard<'_, T>> {
        let (try_now, wait) = (|| at_once(self.inner.try_read()), || self.inner.read());
        let (hold, inner) =
            self.lock.get().acquire(Mode::Shared, Location::caller(), try_now, wait);
        guarded(inner, |inner| RwLockReadGuard { hold, inner })
    }

    /// Locks for reading if that needs no wait.
    ///
    /// # Errors
    /// It is locked, which records nothing, because nobody waits; or it is poisoned, as for
    /// [`RwLock::read`].
    #[inline]
    #[track_caller]
    pub fn try_read(&self) -> TryLockResult<RwLockReadGuard<'_, T>> {
        let try_now = || at_once(self.inner.try_read());
        let acquired = self.lock.get().try_acquire(Mode::Shared, Location::caller(), try_now);
        let (hold, inner) = acquired.ok_or(TryLockError::WouldBlock)?;
        Ok(guarded(inner, |inner| RwLockReadGuard { hold, inner })?)
    }

    /// Locks for writing, waiting for it.
    ///
    /// # Errors
    /// It is poisoned; the error holds the guard, and the acquisition counts.
    #[inline]
    #[track_caller]
    pub fn write(&self) -> LockResult<RwLockWriteGuard<'_, T>> {
        let (try_now, wait) = (|| at_once(self.inner.try_write()), || self.inner.write());
        let (hold, inner) =
            self.lock.get().acquire(Mode::Exclusive, Location::caller(), try_now, wait);
        guarded(inner, |inner| RwLockWriteGuard { hold, inner })
    }

    /// Locks for writing if that needs no wait.
    ///
    /// # Errors
    /// It is locked, which records nothing, because nobody waits; or it is poisoned, as for
    /// [`RwLock::write`].
    #[inline]
    #[track_caller]
    pub fn try_write(&self) -> TryLockResult<RwLockWriteGuard<'_, T>> {
        let try_now = || at_once(self.inner.try_write());
        let acquired = self.lock.get().try_acquire(Mode::Exclusive, Location::caller(), try_now);
        let (hold, inner) = acquired.ok_or(TryLockError::WouldBlock)?;
        Ok(guarded(inner, |inner| RwLockWriteGuard { hold, inner })?)
    }

    /// Says whether a writer has panicked.
    pub fn is_poisoned(&self) -> bool {
        self.inner.is_poisoned()
    }

    /// Forgets that a writer has panicked.
    pub fn clear_poison(&self) {
        self.inner.clear_poison();
    }

    /// Returns the value; the exclusive borrow is the proof that nobody holds it.
    ///
    /// # Errors
    /// It is poisoned; the error holds the value.
    pub fn get_mut(&mut self) -> LockResult<&mut T> {
        self.inner.get_mut().map_err(|poisoned| PoisonError::new(poisoned.into_inner()))
    }
}

impl<T: ?Sized> UnwindSafe for RwLock<T> {}
impl<T: ?Sized> RefUnwindSafe for RwLock<T> {}

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

impl<T: ?Sized + fmt::Debug> fmt::Debug for RwLock<T> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(out)
    }
}

// The fields of the guards are dropped in their order: a hold ends before the lock is released.

/// The guard of [`RwLock::read`].
#[must_use = "dropping the guard unlocks at once"]
pub struct RwLockReadGuard<'a, T: ?Sized> {
    hold: Hold<&'a Lock>,
    inner: original::RwLockReadGuard<'a, T>,
}

/// The guard of [`RwLock::write`].
#[must_use = "dropping the guard unlocks at once"]
pub struct RwLockWriteGuard<'a, T: ?Sized> {
    hold: Hold<&'a Lock>,
    inner: original::RwLockWriteGuard<'a, T>,
}

shared_guard!(['a, T: ?Sized] RwLockReadGuard<'a, T>);
exclusive_guard!(['a, T: ?Sized] RwLockWriteGuard<'a, T>);
