use super::acquire::{acquire, acquired, standard_lock, try_acquire};
use super::{LockResult, TryLockResult};
use crate::Name;
use crate::sync::guard::{exclusive_guard, shared_guard};
use crate::sync::hold::Hold;
use crate::sync::lock::{Lock, Sort};
use crate::sync::lock_cell::LockCell;
use crate::sync::mode::{Exclusive, Shared};
use crate::who::task_or_root;
use plimsoll_record::Registry;
use std::fmt;
use std::panic::{Location, RefUnwindSafe, UnwindSafe};
use std::sync as original;

/// A [`std::sync::RwLock`] that records how long it is waited for and held (M4).
///
/// It records what [`tokio::RwLock`](crate::sync::tokio::RwLock) does. One that is made by
/// [`RwLock::new`] is called after the place that made it, and records in the global registry.
pub struct RwLock<T: ?Sized> {
    lock: LockCell,
    inner: original::RwLock<T>,
}

standard_lock!(RwLock of RW_LOCK);

acquired! { RwLock gives RwLockReadGuard {
    /// Locks for reading, waiting for it.
    read,
    /// Locks for reading if that needs no wait.
    try_read
}}

acquired! { RwLock gives RwLockWriteGuard {
    /// Locks for writing, waiting for it.
    write,
    /// Locks for writing if that needs no wait.
    try_write
}}

// The fields of the guards are dropped in their order: a hold ends before the lock is released.

/// The guard of [`RwLock::read`].
#[must_use = "dropping the guard unlocks at once"]
pub struct RwLockReadGuard<'a, T: ?Sized> {
    hold: Hold<&'a Lock, Shared>,
    inner: original::RwLockReadGuard<'a, T>,
}

/// The guard of [`RwLock::write`].
#[must_use = "dropping the guard unlocks at once"]
pub struct RwLockWriteGuard<'a, T: ?Sized> {
    hold: Hold<&'a Lock, Exclusive>,
    inner: original::RwLockWriteGuard<'a, T>,
}

impl<'a, T: ?Sized> RwLockWriteGuard<'a, T> {
    /// Becomes a reader, and lets no writer in between: the hold is two.
    #[track_caller]
    pub fn downgrade(guard: Self) -> RwLockReadGuard<'a, T> {
        let Self { hold, inner } = guard;
        let hold = hold.become_mode(Location::caller());
        RwLockReadGuard { hold, inner: original::RwLockWriteGuard::downgrade(inner) }
    }
}

shared_guard!(['a, T: ?Sized] RwLockReadGuard<'a, T>);
exclusive_guard!(['a, T: ?Sized] RwLockWriteGuard<'a, T>);
