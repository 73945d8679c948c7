use super::{LockResult, TryLockError, TryLockResult, at_once, guarded};
use crate::Name;
use crate::sync::guard::exclusive_guard;
use crate::sync::hold::Hold;
use crate::sync::lock::{Lock, Mode, Sort};
use crate::sync::lock_cell::LockCell;
use plimsoll_record::Registry;
use std::fmt;
use std::panic::{Location, RefUnwindSafe, UnwindSafe};
use std::sync::{self as original, PoisonError};

/// A [`std::sync::Mutex`] that records how long it is waited for and held (M4).
///
/// It records what [`tokio::Mutex`](crate::sync::tokio::Mutex) does. One that is made by [`Mutex::new`]
/// is called after the place that made it, and records in the global registry.
pub struct Mutex<T: ?Sized> {
    lock: LockCell,
    inner: original::Mutex<T>,
}

impl<T> Mutex<T> {
    /// Makes an unlocked mutex that is called after the caller's place in the source.
    #[track_caller]
    pub const fn new(value: T) -> Self {
        let lock = LockCell::unnamed(Sort::MUTEX, Location::caller());
        Self { lock, inner: original::Mutex::new(value) }
    }

    /// Makes an unlocked mutex that records in the global registry.
    #[track_caller]
    pub fn named(name: impl Into<Name>, value: T) -> Self {
        Self::named_in(Registry::global(), name, value)
    }

    /// Makes an unlocked mutex that records in `registry`.
    #[track_caller]
    pub fn named_in(registry: &Registry, name: impl Into<Name>, value: T) -> Self {
        let lock = LockCell::named(registry, &name.into(), Sort::MUTEX, Location::caller());
        Self { lock, inner: original::Mutex::new(value) }
    }

    /// Consumes the mutex and returns the value.
    ///
    /// # Errors
    /// It is poisoned; the error holds the value.
    pub fn into_inner(self) -> LockResult<T> {
        self.inner.into_inner()
    }
}

impl<T: ?Sized> Mutex<T> {
    /// Locks, waiting for it.
    ///
    /// # Errors
    /// It is poisoned; the error holds the guard, and the acquisition counts.
    #[inline]
    #[track_caller]
    pub fn lock(&self) -> LockResult<MutexGuard<'_, T>> {
        let (try_now, wait) = (|| at_once(self.inner.try_lock()), || self.inner.lock());
        let (hold, inner) =
            self.lock.get().acquire(Mode::Exclusive, Location::caller(), try_now, wait);
        guarded(inner, |inner| MutexGuard { hold, inner })
    }

    /// Locks if that needs no wait.
    ///
    /// # Errors
    /// It is locked, which records nothing, because nobody waits; or it is poisoned, as for
    /// [`Mutex::lock`].
    #[inline]
    #[track_caller]
    pub fn try_lock(&self) -> TryLockResult<MutexGuard<'_, T>> {
        let try_now = || at_once(self.inner.try_lock());
        let acquired = self.lock.get().try_acquire(Mode::Exclusive, Location::caller(), try_now);
        let (hold, inner) = acquired.ok_or(TryLockError::WouldBlock)?;
        Ok(guarded(inner, |inner| MutexGuard { hold, inner })?)
    }

    /// Says whether a holder has panicked.
    pub fn is_poisoned(&self) -> bool {
        self.inner.is_poisoned()
    }

    /// Forgets that a holder has panicked.
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

impl<T: ?Sized> UnwindSafe for Mutex<T> {}
impl<T: ?Sized> RefUnwindSafe for Mutex<T> {}

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

impl<T: ?Sized + fmt::Debug> fmt::Debug for Mutex<T> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(out)
    }
}

/// The guard of [`Mutex::lock`].
#[must_use = "dropping the guard unlocks at once"]
pub struct MutexGuard<'a, T: ?Sized> {
    // The fields are dropped in this order: a hold ends before the lock is released.
    pub(super) hold: Hold<&'a Lock>,
    pub(super) inner: original::MutexGuard<'a, T>,
}

exclusive_guard!(['a, T: ?Sized] MutexGuard<'a, T>);
