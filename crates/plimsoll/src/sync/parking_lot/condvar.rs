use super::MutexGuard;
use crate::Name;
use crate::sync::parked::Parked;
use ::parking_lot as original;
use original::WaitTimeoutResult;
use plimsoll_record::Registry;
use std::panic::Location;
use std::time::{Duration, Instant};

/// A [`parking_lot::Condvar`](::parking_lot::Condvar) that records who is parked at it (M4).
///
/// | series | what |
/// |---|---|
/// | level `concurrency_lock_waiters{lock}` | how many threads are parked at it, under the condvar's own name, and for how long the oldest has been |
///
/// A wait lets others have the mutex: it ends the mutex's hold, and what follows is another hold and an
/// acquisition of its own. A thread that is parked isn't kept waiting by a holder, so no wait for a
/// lock is recorded and nobody is blamed; getting the mutex back counts as part of being parked.
///
/// # Cost
/// Two clock reads and two log edges a wait; nothing for a notification.
///
/// # Cancellation
/// A wait whose time runs out, or that panics, is over like any other.
///
/// # Reading it
/// ```promql
/// rate(concurrency_lock_waiters_time_seconds_total{lock="has_orders"}[5m]) # mean number of idle threads
/// ```
#[derive(Debug)]
pub struct Condvar {
    parked: Parked,
    inner: original::Condvar,
}

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

    /// Wakes one thread, and says whether there was one.
    pub fn notify_one(&self) -> bool {
        self.inner.notify_one()
    }

    /// Wakes all threads, and says how many there were.
    pub fn notify_all(&self) -> usize {
        self.inner.notify_all()
    }

    /// Lets others have the mutex until it is notified.
    #[track_caller]
    pub fn wait<T: ?Sized>(&self, guard: &mut MutexGuard<'_, T>) {
        self.park(guard, |inner| self.inner.wait(inner));
    }

    /// Lets others have the mutex until it is notified, or `timeout` is over.
    #[track_caller]
    pub fn wait_for<T: ?Sized>(
        &self,
        guard: &mut MutexGuard<'_, T>,
        timeout: Duration,
    ) -> WaitTimeoutResult {
        self.park(guard, |inner| self.inner.wait_for(inner, timeout))
    }

    /// Lets others have the mutex until it is notified, or `deadline` is over.
    #[track_caller]
    pub fn wait_until<T: ?Sized>(
        &self,
        guard: &mut MutexGuard<'_, T>,
        deadline: Instant,
    ) -> WaitTimeoutResult {
        self.park(guard, |inner| self.inner.wait_until(inner, deadline))
    }

    /// Lets others have the mutex as long as `condition` holds.
    #[track_caller]
    pub fn wait_while<T: ?Sized>(
        &self,
        guard: &mut MutexGuard<'_, T>,
        mut condition: impl FnMut(&mut T) -> bool,
    ) {
        while condition(guard) {
            self.wait(guard);
        }
    }

    /// Lets others have the mutex as long as `condition` holds and `timeout` isn't over.
    #[track_caller]
    pub fn wait_while_for<T: ?Sized>(
        &self,
        guard: &mut MutexGuard<'_, T>,
        condition: impl FnMut(&mut T) -> bool,
        timeout: Duration,
    ) -> WaitTimeoutResult {
        self.park(guard, |inner| self.inner.wait_while_for(inner, condition, timeout))
    }

    /// Lets others have the mutex as long as `condition` holds and `deadline` isn't over.
    #[track_caller]
    pub fn wait_while_until<T: ?Sized>(
        &self,
        guard: &mut MutexGuard<'_, T>,
        condition: impl FnMut(&mut T) -> bool,
        deadline: Instant,
    ) -> WaitTimeoutResult {
        self.park(guard, |inner| self.inner.wait_while_until(inner, condition, deadline))
    }

    #[track_caller]
    fn park<'a, T: ?Sized, O>(
        &self,
        guard: &mut MutexGuard<'a, T>,
        wait: impl FnOnce(&mut original::MutexGuard<'a, T>) -> O,
    ) -> O {
        let MutexGuard { hold, inner } = guard;
        let _parked = self.parked.park();
        hold.part(Location::caller(), || wait(inner))
    }
}
