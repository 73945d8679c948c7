use super::{RwLockReadGuard, RwLockUpgradableReadGuard, RwLockWriteGuard};
use crate::Name;
use crate::sync::lock::Sort;
use crate::sync::lock_cell::LockCell;
use lock_api::{
    self as original, RawRwLock, RawRwLockRecursive, RawRwLockTimed, RawRwLockUpgrade,
    RawRwLockUpgradeTimed,
};
use plimsoll_record::Registry;
use std::fmt;
use std::panic::Location;

/// A [`lock_api::RwLock`] that records how long it is waited for and held (M4).
///
/// It records what [`tokio::RwLock`](crate::sync::tokio::RwLock) does, upgradable readers as mode
/// `upgradable`. An upgrade ends that hold and is an acquisition of its own, as `exclusive`; a
/// downgrade likewise, without a wait.
pub struct RwLock<R, T: ?Sized> {
    lock: LockCell,
    inner: original::RwLock<R, T>,
}

impl<R: RawRwLock, T> RwLock<R, T> {
    /// Makes an unlocked lock that is called after the caller's place in the source.
    #[track_caller]
    pub const fn new(value: T) -> Self {
        let lock = LockCell::unnamed(&Sort::UPGRADABLE, Location::caller());
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
        let lock = LockCell::named(registry, &name.into(), &Sort::UPGRADABLE, Location::caller());
        Self { lock, inner: original::RwLock::new(value) }
    }

    /// Consumes the lock and returns the value.
    pub fn into_inner(self) -> T {
        self.inner.into_inner()
    }
}

/// Writes the ways to acquire in one mode.
macro_rules! acquired {
    ($guard:ident: $bound:ident {
        $(#[$doc:meta])* $lock:ident by $call:ident, $(#[$try_doc:meta])* $try_lock:ident by $try_call:ident
    }) => {
        impl<R: $bound, T: ?Sized> RwLock<R, T> {
            $(#[$doc])*
            #[inline]
            #[track_caller]
            pub fn $lock(&self) -> $guard<'_, R, T> {
                let (try_now, wait) = (|| self.inner.$try_call(), || self.inner.$call());
                let (hold, inner) =
                    self.lock.get().acquire(Location::caller(), try_now, wait);
                $guard { hold, inner }
            }

            $(#[$try_doc])*
            #[inline]
            #[track_caller]
            pub fn $try_lock(&self) -> Option<$guard<'_, R, T>> {
                let try_now = || self.inner.$try_call();
                let (hold, inner) =
                    self.lock.get().try_acquire(Location::caller(), try_now)?;
                Some($guard { hold, inner })
            }
        }
    };
}

/// Writes a way to acquire in one mode within a time.
macro_rules! acquired_within {
    ($guard:ident: $bound:ident {
        $try_call:ident, $(#[$doc:meta])* $lock:ident($time:ident: $of:ident)
    }) => {
        impl<R: $bound, T: ?Sized> RwLock<R, T> {
            $(#[$doc])*
            #[track_caller]
            pub fn $lock(&self, $time: R::$of) -> Option<$guard<'_, R, T>> {
                let site = Location::caller();
                let (try_now, wait) = (|| self.inner.$try_call(), || self.inner.$lock($time));
                let (hold, inner) =
                    self.lock.get().acquire_or_give_up(site, try_now, wait)?;
                Some($guard { hold, inner })
            }
        }
    };
}

acquired! { RwLockReadGuard: RawRwLock {
    /// Locks for reading, waiting for it.
    read by read,
    /// Locks for reading if that needs no wait.
    try_read by try_read
}}

acquired! { RwLockReadGuard: RawRwLockRecursive {
    /// Locks for reading, waiting for it, and overtakes writers that wait: a thread that reads already
    /// may read again.
    read_recursive by read_recursive,
    /// Locks for reading if that needs no wait but for writers that wait themselves.
    try_read_recursive by try_read_recursive
}}

acquired! { RwLockWriteGuard: RawRwLock {
    /// Locks for writing, waiting for it.
    write by write,
    /// Locks for writing if that needs no wait.
    try_write by try_write
}}

acquired! { RwLockUpgradableReadGuard: RawRwLockUpgrade {
    /// Locks for reading, waiting for it, with the right to become the writer.
    upgradable_read by upgradable_read,
    /// Locks for reading, with the right to become the writer, if that needs no wait.
    try_upgradable_read by try_upgradable_read
}}

acquired_within! { RwLockReadGuard: RawRwLockTimed {
    try_read,
    /// Locks for reading, waiting for it no longer than `timeout`.
    try_read_for(timeout: Duration)
}}

acquired_within! { RwLockReadGuard: RawRwLockTimed {
    try_read,
    /// Locks for reading, waiting for it until `deadline`.
    try_read_until(deadline: Instant)
}}

acquired_within! { RwLockWriteGuard: RawRwLockTimed {
    try_write,
    /// Locks for writing, waiting for it no longer than `timeout`.
    try_write_for(timeout: Duration)
}}

acquired_within! { RwLockWriteGuard: RawRwLockTimed {
    try_write,
    /// Locks for writing, waiting for it until `deadline`.
    try_write_until(deadline: Instant)
}}

acquired_within! { RwLockUpgradableReadGuard: RawRwLockUpgradeTimed {
    try_upgradable_read,
    /// Locks for reading with the right to become the writer, waiting for it no longer than `timeout`.
    try_upgradable_read_for(timeout: Duration)
}}

acquired_within! { RwLockUpgradableReadGuard: RawRwLockUpgradeTimed {
    try_upgradable_read,
    /// Locks for reading with the right to become the writer, waiting for it until `deadline`.
    try_upgradable_read_until(deadline: Instant)
}}

impl<R: RawRwLock, T: ?Sized> RwLock<R, T> {
    /// Returns the value; the exclusive borrow is the proof that nobody holds it.
    pub fn get_mut(&mut self) -> &mut T {
        self.inner.get_mut()
    }

    /// Says whether it is locked, in whichever mode.
    pub fn is_locked(&self) -> bool {
        self.inner.is_locked()
    }

    /// Says whether it is locked for writing.
    pub fn is_locked_exclusive(&self) -> bool {
        self.inner.is_locked_exclusive()
    }
}

impl<R: RawRwLock, T: Default> Default for RwLock<R, T> {
    #[track_caller]
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<R: RawRwLock, T> From<T> for RwLock<R, T> {
    #[track_caller]
    fn from(value: T) -> Self {
        Self::new(value)
    }
}

impl<R: RawRwLock, T: ?Sized + fmt::Debug> fmt::Debug for RwLock<R, T> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(out)
    }
}
