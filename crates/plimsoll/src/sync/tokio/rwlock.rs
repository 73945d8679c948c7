use super::guard::{exclusive_guard, shared_guard};
use super::lock::{EXCLUSIVE_AND_SHARED, Hold, LockSignals, Mode, Since};
use crate::Name;
use plimsoll_record::Registry;
use std::fmt;
use std::sync::Arc;
use tokio::sync::{self, TryLockError};
use tokio::task::coop;

/// A [`tokio::sync::RwLock`] that records how long it is waited for and held (M4).
///
/// It records what [`Mutex`](super::Mutex) does, readers as mode `shared` and writers as `exclusive`.
/// Of several readers that hold it at a time each hold counts by itself; when a writer comes to wait,
/// the reader that leaves first is charged with that wait.
pub struct RwLock<T> {
    signals: Arc<LockSignals>,
    // Shared so that an owned guard can be made; only owned guards, which also hold the whole lock,
    // ever share it.
    inner: Arc<sync::RwLock<T>>,
}

impl<T> RwLock<T> {
    /// Makes an unlocked lock that records in the global registry.
    pub fn named(name: impl Into<Name>, value: T) -> Self {
        Self::named_in(Registry::global(), name, value)
    }

    /// Makes an unlocked lock that records in `registry`.
    pub fn named_in(registry: &Registry, name: impl Into<Name>, value: T) -> Self {
        Self {
            signals: Arc::new(LockSignals::new(registry, &name.into(), EXCLUSIVE_AND_SHARED)),
            inner: Arc::new(sync::RwLock::new(value)),
        }
    }

    /// Locks for reading, waiting in turn: see [`tokio::sync::RwLock::read`].
    pub async fn read(&self) -> RwLockReadGuard<'_, T> {
        coop::consume_budget().await;
        if let Ok(guard) = self.try_read() {
            return guard;
        }
        let waiting = self.signals.wait(Mode::Shared);
        let inner = self.inner.read().await;
        RwLockReadGuard::new(&self.signals, inner, waiting.acquired())
    }

    /// Locks for reading from a thread that may block: see [`tokio::sync::RwLock::blocking_read`].
    ///
    /// # Panics
    /// Within an asynchronous context, as the original does.
    pub fn blocking_read(&self) -> RwLockReadGuard<'_, T> {
        if let Ok(guard) = self.try_read() {
            return guard;
        }
        let waiting = self.signals.wait(Mode::Shared);
        let inner = self.inner.blocking_read();
        RwLockReadGuard::new(&self.signals, inner, waiting.acquired())
    }

    /// Locks for reading if that needs no wait.
    ///
    /// # Errors
    /// It is locked; nothing is recorded, because nobody waits.
    pub fn try_read(&self) -> Result<RwLockReadGuard<'_, T>, TryLockError> {
        let inner = self.inner.try_read()?;
        let since = self.signals.uncontended(Mode::Shared);
        Ok(RwLockReadGuard::new(&self.signals, inner, since))
    }

    /// Locks for reading, with a guard that owns the lock.
    pub async fn read_owned(self: Arc<Self>) -> OwnedRwLockReadGuard<T> {
        coop::consume_budget().await;
        if let Ok(guard) = Arc::clone(&self).try_read_owned() {
            return guard;
        }
        let waiting = self.signals.wait(Mode::Shared);
        let inner = Arc::clone(&self.inner).read_owned().await;
        let since = waiting.acquired();
        OwnedRwLockReadGuard::new(self, inner, since)
    }

    /// Locks for reading if that needs no wait, with a guard that owns the lock.
    ///
    /// # Errors
    /// It is locked.
    pub fn try_read_owned(self: Arc<Self>) -> Result<OwnedRwLockReadGuard<T>, TryLockError> {
        let inner = Arc::clone(&self.inner).try_read_owned()?;
        let since = self.signals.uncontended(Mode::Shared);
        Ok(OwnedRwLockReadGuard::new(self, inner, since))
    }

    /// Locks for writing, waiting in turn: see [`tokio::sync::RwLock::write`].
    pub async fn write(&self) -> RwLockWriteGuard<'_, T> {
        coop::consume_budget().await;
        if let Ok(guard) = self.try_write() {
            return guard;
        }
        let waiting = self.signals.wait(Mode::Exclusive);
        let inner = self.inner.write().await;
        RwLockWriteGuard::new(&self.signals, inner, waiting.acquired())
    }

    /// Locks for writing from a thread that may block: see [`tokio::sync::RwLock::blocking_write`].
    ///
    /// # Panics
    /// Within an asynchronous context, as the original does.
    pub fn blocking_write(&self) -> RwLockWriteGuard<'_, T> {
        if let Ok(guard) = self.try_write() {
            return guard;
        }
        let waiting = self.signals.wait(Mode::Exclusive);
        let inner = self.inner.blocking_write();
        RwLockWriteGuard::new(&self.signals, inner, waiting.acquired())
    }

    /// Locks for writing if that needs no wait.
    ///
    /// # Errors
    /// It is locked; nothing is recorded, because nobody waits.
    pub fn try_write(&self) -> Result<RwLockWriteGuard<'_, T>, TryLockError> {
        let inner = self.inner.try_write()?;
        let since = self.signals.uncontended(Mode::Exclusive);
        Ok(RwLockWriteGuard::new(&self.signals, inner, since))
    }

    /// Locks for writing, with a guard that owns the lock.
    pub async fn write_owned(self: Arc<Self>) -> OwnedRwLockWriteGuard<T> {
        coop::consume_budget().await;
        if let Ok(guard) = Arc::clone(&self).try_write_owned() {
            return guard;
        }
        let waiting = self.signals.wait(Mode::Exclusive);
        let inner = Arc::clone(&self.inner).write_owned().await;
        let since = waiting.acquired();
        OwnedRwLockWriteGuard::new(self, inner, since)
    }

    /// Locks for writing if that needs no wait, with a guard that owns the lock.
    ///
    /// # Errors
    /// It is locked.
    pub fn try_write_owned(self: Arc<Self>) -> Result<OwnedRwLockWriteGuard<T>, TryLockError> {
        let inner = Arc::clone(&self.inner).try_write_owned()?;
        let since = self.signals.uncontended(Mode::Exclusive);
        Ok(OwnedRwLockWriteGuard::new(self, inner, since))
    }

    /// Returns the value; the exclusive borrow is the proof that nobody holds it.
    pub fn get_mut(&mut self) -> &mut T {
        match Arc::get_mut(&mut self.inner) {
            Some(inner) => inner.get_mut(),
            None => unreachable!("an owned guard holds the whole lock until its part is back"),
        }
    }

    /// Consumes the lock and returns the value.
    pub fn into_inner(self) -> T {
        match Arc::try_unwrap(self.inner) {
            Ok(inner) => inner.into_inner(),
            Err(_) => unreachable!("an owned guard holds the whole lock until its part is back"),
        }
    }
}

impl<T: fmt::Debug> fmt::Debug for RwLock<T> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(out)
    }
}

// The fields of the guards are dropped in their order: a hold ends before the lock is released, and
// an owned lock is let go of last.

/// The guard of [`RwLock::read`].
#[must_use = "dropping the guard unlocks at once"]
pub struct RwLockReadGuard<'a, T> {
    _hold: Hold<&'a LockSignals>,
    inner: sync::RwLockReadGuard<'a, T>,
}

impl<'a, T> RwLockReadGuard<'a, T> {
    fn new(signals: &'a LockSignals, inner: sync::RwLockReadGuard<'a, T>, since: Since) -> Self {
        Self { _hold: Hold::new(signals, Mode::Shared, since), inner }
    }
}

/// The guard of [`RwLock::read_owned`].
#[must_use = "dropping the guard unlocks at once"]
pub struct OwnedRwLockReadGuard<T> {
    _hold: Hold<Arc<LockSignals>>,
    inner: sync::OwnedRwLockReadGuard<T>,
    _lock: Arc<RwLock<T>>,
}

impl<T> OwnedRwLockReadGuard<T> {
    fn new(lock: Arc<RwLock<T>>, inner: sync::OwnedRwLockReadGuard<T>, since: Since) -> Self {
        let hold = Hold::new(Arc::clone(&lock.signals), Mode::Shared, since);
        Self { _hold: hold, inner, _lock: lock }
    }
}

/// The guard of [`RwLock::write`].
#[must_use = "dropping the guard unlocks at once"]
pub struct RwLockWriteGuard<'a, T> {
    _hold: Hold<&'a LockSignals>,
    inner: sync::RwLockWriteGuard<'a, T>,
}

impl<'a, T> RwLockWriteGuard<'a, T> {
    fn new(signals: &'a LockSignals, inner: sync::RwLockWriteGuard<'a, T>, since: Since) -> Self {
        Self { _hold: Hold::new(signals, Mode::Exclusive, since), inner }
    }
}

/// The guard of [`RwLock::write_owned`].
#[must_use = "dropping the guard unlocks at once"]
pub struct OwnedRwLockWriteGuard<T> {
    _hold: Hold<Arc<LockSignals>>,
    inner: sync::OwnedRwLockWriteGuard<T>,
    _lock: Arc<RwLock<T>>,
}

impl<T> OwnedRwLockWriteGuard<T> {
    fn new(lock: Arc<RwLock<T>>, inner: sync::OwnedRwLockWriteGuard<T>, since: Since) -> Self {
        let hold = Hold::new(Arc::clone(&lock.signals), Mode::Exclusive, since);
        Self { _hold: hold, inner, _lock: lock }
    }
}

shared_guard!(RwLockReadGuard<'_, T>);
shared_guard!(OwnedRwLockReadGuard<T>);
exclusive_guard!(RwLockWriteGuard<'_, T>);
exclusive_guard!(OwnedRwLockWriteGuard<T>);
