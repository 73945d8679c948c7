use super::{LockResult, MutexGuard, WaitTimeoutResult, guarded};
use crate::Name;
use crate::sync::hold::Hold;
use crate::sync::parked::Parked;
use crate::who::task_or_root;
use plimsoll_record::Registry;
use std::panic::{Location, RefUnwindSafe, UnwindSafe};
use std::sync as original;
use std::time::Duration;

/// A [`std::sync::Condvar`] that records who is parked at it (M4).
///
/// It records what [`parking_lot::Condvar`](crate::sync::parking_lot::Condvar) does: a level of the
/// threads that are parked, and of the mutex two holds with the wait between them.
#[derive(Debug)]
pub struct Condvar {
    parked: Parked,
    inner: original::Condvar,
}

impl UnwindSafe for Condvar {}
impl RefUnwindSafe for Condvar {}

impl Default for Condvar {
    #[track_caller]
    fn default() -> Self {
        Self::new()
    }
}

impl Condvar {
    /// Makes a condvar that is called after the caller's place in the source.
    #[track_caller]
    pub const fn new() -> Self {
        Self { parked: Parked::unnamed(Location::caller()), inner: original::Condvar::new() }
    }

    /// Makes a condvar that records in the global registry.
    #[track_caller]
    pub fn named(name: impl Into<Name>) -> Self {
        Self::named_in(Registry::global(), name)
    }

    /// Makes a condvar that records in `registry`.
    #[track_caller]
    pub fn named_in(registry: &Registry, name: impl Into<Name>) -> Self {
        let parked = Parked::named(registry, &name.into(), Location::caller());
        Self { parked, inner: original::Condvar::new() }
    }

    /// Wakes one thread.
    pub fn notify_one(&self) {
        self.inner.notify_one();
    }

    /// Wakes all threads.
    pub fn notify_all(&self) {
        self.inner.notify_all();
    }

    /// Lets others have the mutex until it is notified.
    ///
    /// # Errors
    /// The mutex is poisoned; the error holds the guard.
    #[track_caller]
    pub fn wait<'a, T>(&self, guard: MutexGuard<'a, T>) -> LockResult<MutexGuard<'a, T>> {
        let site = Location::caller();
        let MutexGuard { hold, inner } = guard;
        let lock = hold.end();
        let parked = self.parked.park();
        let inner = self.inner.wait(inner);
        drop(parked);
        guarded(inner, |inner| MutexGuard {
            hold: Hold::at_once(lock, task_or_root(), site),
            inner,
        })
    }

    /// Lets others have the mutex as long as `condition` holds.
    ///
    /// # Errors
    /// The mutex is poisoned; the error holds the guard.
    #[track_caller]
    pub fn wait_while<'a, T>(
        &self,
        mut guard: MutexGuard<'a, T>,
        mut condition: impl FnMut(&mut T) -> bool,
    ) -> LockResult<MutexGuard<'a, T>> {
        while condition(&mut guard) {
            guard = self.wait(guard)?;
        }
        Ok(guard)
    }

    /// Lets others have the mutex until it is notified, or `timeout` is over.
    ///
    /// # Errors
    /// The mutex is poisoned; the error holds the guard.
    #[track_caller]
    pub fn wait_timeout<'a, T>(
        &self,
        guard: MutexGuard<'a, T>,
        timeout: Duration,
    ) -> LockResult<(MutexGuard<'a, T>, WaitTimeoutResult)> {
        self.wait_within(guard, |inner| self.inner.wait_timeout(inner, timeout))
    }

    /// Lets others have the mutex as long as `condition` holds and `timeout` isn't over.
    ///
    /// # Errors
    /// The mutex is poisoned; the error holds the guard.
    #[track_caller]
    pub fn wait_timeout_while<'a, T>(
        &self,
        guard: MutexGuard<'a, T>,
        timeout: Duration,
        condition: impl FnMut(&mut T) -> bool,
    ) -> LockResult<(MutexGuard<'a, T>, WaitTimeoutResult)> {
        self.wait_within(guard, |inner| self.inner.wait_timeout_while(inner, timeout, condition))
    }

    #[track_caller]
    fn wait_within<'a, T>(
        &self,
        guard: MutexGuard<'a, T>,
        wait: impl FnOnce(
            original::MutexGuard<'a, T>,
        ) -> LockResult<(original::MutexGuard<'a, T>, WaitTimeoutResult)>,
    ) -> LockResult<(MutexGuard<'a, T>, WaitTimeoutResult)> {
        let site = Location::caller();
        let MutexGuard { hold, inner } = guard;
        let lock = hold.end();
        let parked = self.parked.park();
        let waited = wait(inner);
        drop(parked);
        guarded(waited, |(inner, result)| {
            (MutexGuard { hold: Hold::at_once(lock, task_or_root(), site), inner }, result)
        })
    }
}
