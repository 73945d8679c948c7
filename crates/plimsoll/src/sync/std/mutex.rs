use super::acquire::{acquire, acquired, standard_lock, try_acquire};
use super::{LockResult, TryLockResult};
use crate::Name;
use crate::sync::guard::exclusive_guard;
use crate::sync::hold::Hold;
use crate::sync::lock::{Lock, Sort};
use crate::sync::lock_cell::LockCell;
use crate::sync::mode::Exclusive;
use crate::who::task_or_root;
use plimsoll_record::Registry;
use std::fmt;
use std::panic::{Location, RefUnwindSafe, UnwindSafe};
use std::sync as original;

/// A [`std::sync::Mutex`] that records how long it is waited for and held (M4).
///
/// It records what [`tokio::Mutex`](crate::sync::tokio::Mutex) does. One that is made by [`Mutex::new`]
/// is called after the place that made it, and records in the global registry.
pub struct Mutex<T: ?Sized> {
    lock: LockCell,
    inner: original::Mutex<T>,
}

standard_lock!(Mutex of MUTEX);

acquired! { Mutex gives MutexGuard {
    /// Locks, waiting for it.
    lock,
    /// Locks if that needs no wait.
    try_lock
}}

/// The guard of [`Mutex::lock`].
#[must_use = "dropping the guard unlocks at once"]
pub struct MutexGuard<'a, T: ?Sized> {
    // The fields are dropped in this order: a hold ends before the lock is released.
    pub(super) hold: Hold<&'a Lock, Exclusive>,
    pub(super) inner: original::MutexGuard<'a, T>,
}

exclusive_guard!(['a, T: ?Sized] MutexGuard<'a, T>);
