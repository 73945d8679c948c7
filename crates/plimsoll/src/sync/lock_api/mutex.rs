use super::MappedMutexGuard;
use crate::Name;
use crate::sync::guard::exclusive_guard;
use crate::sync::hold::Hold;
use crate::sync::lock::{Lock, Sort};
use crate::sync::lock_cell::LockCell;
use crate::sync::mode::Exclusive;
use lock_api::{self as original, RawMutex, RawMutexFair, RawMutexTimed};
use plimsoll_record::Registry;
use std::fmt;
use std::panic::Location;

/// A [`lock_api::Mutex`] that records how long it is waited for and held (M4).
///
/// It records what [`tokio::Mutex`](crate::sync::tokio::Mutex) does. One that is made by
/// [`Mutex::new`], which a constant may be, is called after the place that made it, and records in the
/// global registry.
pub struct Mutex<R, T: ?Sized> {
    lock: LockCell,
    inner: original::Mutex<R, T>,
}

impl<R: RawMutex, T> Mutex<R, T> {
    /// Makes an unlocked mutex that is called after the caller's place in the source.
    #[track_caller]
    pub const fn new(value: T) -> Self {
        let lock = LockCell::unnamed(&Sort::MUTEX, Location::caller());
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
        let lock = LockCell::named(registry, &name.into(), &Sort::MUTEX, Location::caller());
        Self { lock, inner: original::Mutex::new(value) }
    }

    /// Consumes the mutex and returns the value.
    pub fn into_inner(self) -> T {
        self.inner.into_inner()
    }
}

impl<R: RawMutex, T: ?Sized> Mutex<R, T> {
    /// Locks, waiting for it.
    #[inline]
    #[track_caller]
    pub fn lock(&self) -> MutexGuard<'_, R, T> {
        let (try_now, wait) = (|| self.inner.try_lock(), || self.inner.lock());
        let (hold, inner) = self.lock.get().acquire(Location::caller(), try_now, wait);
        MutexGuard { hold, inner }
    }

    /// Locks if that needs no wait; if it does, nothing is recorded, because nobody waits.
    #[inline]
    #[track_caller]
    pub fn try_lock(&self) -> Option<MutexGuard<'_, R, T>> {
        let try_now = || self.inner.try_lock();
        let (hold, inner) = self.lock.get().try_acquire(Location::caller(), try_now)?;
        Some(MutexGuard { hold, inner })
    }

    /// Returns the value; the exclusive borrow is the proof that nobody holds it.
    pub fn get_mut(&mut self) -> &mut T {
        self.inner.get_mut()
    }

    /// Says whether it is locked.
    pub fn is_locked(&self) -> bool {
        self.inner.is_locked()
    }
}

impl<R: RawMutexTimed, T: ?Sized> Mutex<R, T> {
    /// Locks, waiting for it no longer than `timeout`.
    #[track_caller]
    pub fn try_lock_for(&self, timeout: R::Duration) -> Option<MutexGuard<'_, R, T>> {
        self.try_lock_within(Location::caller(), || self.inner.try_lock_for(timeout))
    }

    /// Locks, waiting for it until `deadline`.
    #[track_caller]
    pub fn try_lock_until(&self, deadline: R::Instant) -> Option<MutexGuard<'_, R, T>> {
        self.try_lock_within(Location::caller(), || self.inner.try_lock_until(deadline))
    }

    fn try_lock_within<'a>(
        &'a self,
        site: &'static Location<'static>,
        wait: impl FnOnce() -> Option<original::MutexGuard<'a, R, T>>,
    ) -> Option<MutexGuard<'a, R, T>> {
        let try_now = || self.inner.try_lock();
        let (hold, inner) = self.lock.get().acquire_or_give_up(site, try_now, wait)?;
        Some(MutexGuard { hold, inner })
    }
}

impl<R: RawMutex, T: Default> Default for Mutex<R, T> {
    #[track_caller]
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<R: RawMutex, T> From<T> for Mutex<R, T> {
    #[track_caller]
    fn from(value: T) -> Self {
        Self::new(value)
    }
}

impl<R: RawMutex, T: ?Sized + fmt::Debug> fmt::Debug for Mutex<R, T> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(out)
    }
}

/// The guard of [`Mutex::lock`].
#[must_use = "dropping the guard unlocks at once"]
pub struct MutexGuard<'a, R: RawMutex, T: ?Sized> {
    // The fields are dropped in this order: a hold ends before the lock is released.
    pub(in crate::sync) hold: Hold<&'a Lock, Exclusive>,
    pub(in crate::sync) inner: original::MutexGuard<'a, R, T>,
}

exclusive_guard!(['a, R: RawMutex, T: ?Sized] MutexGuard<'a, R, T>);

impl<'a, R: RawMutex, T: ?Sized> MutexGuard<'a, R, T> {
    /// Makes a guard of a part of the value.
    pub fn map<U: ?Sized>(
        guard: Self,
        part: impl FnOnce(&mut T) -> &mut U,
    ) -> MappedMutexGuard<'a, R, U> {
        let Self { hold, inner } = guard;
        MappedMutexGuard { hold, inner: original::MutexGuard::map(inner, part) }
    }

    /// Makes a guard of a part of the value, if there is one.
    ///
    /// # Errors
    /// There is none; it gives the guard back.
    pub fn try_map<U: ?Sized>(
        guard: Self,
        part: impl FnOnce(&mut T) -> Option<&mut U>,
    ) -> Result<MappedMutexGuard<'a, R, U>, Self> {
        let Self { hold, inner } = guard;
        match original::MutexGuard::try_map(inner, part) {
            Ok(inner) => Ok(MappedMutexGuard { hold, inner }),
            Err(inner) => Err(Self { hold, inner }),
        }
    }

    /// Unlocks while `gap` runs, and locks again: the hold is two.
    #[track_caller]
    pub fn unlocked<O>(guard: &mut Self, gap: impl FnOnce() -> O) -> O {
        let Self { hold, inner } = guard;
        hold.part(Location::caller(), || original::MutexGuard::unlocked(inner, gap))
    }

    /// Leaks the guard: the mutex stays locked, and its hold has no end.
    pub fn leak(guard: Self) -> &'a mut T {
        let Self { hold, inner } = guard;
        std::mem::forget(hold);
        original::MutexGuard::leak(inner)
    }
}

impl<R: RawMutexFair, T: ?Sized> MutexGuard<'_, R, T> {
    /// Unlocks, and hands the lock to a thread that waits.
    pub fn unlock_fair(guard: Self) {
        let Self { hold, inner } = guard;
        drop(hold);
        original::MutexGuard::unlock_fair(inner);
    }

    /// Unlocks fairly while `gap` runs, and locks again: the hold is two.
    #[track_caller]
    pub fn unlocked_fair<O>(guard: &mut Self, gap: impl FnOnce() -> O) -> O {
        let Self { hold, inner } = guard;
        hold.part(Location::caller(), || original::MutexGuard::unlocked_fair(inner, gap))
    }

    /// Lets a thread that waits have the lock, and waits for it in turn: the hold is two.
    #[track_caller]
    pub fn bump(guard: &mut Self) {
        let Self { hold, inner } = guard;
        hold.part(Location::caller(), || original::MutexGuard::bump(inner));
    }
}
