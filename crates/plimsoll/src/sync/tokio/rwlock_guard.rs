use super::RwLock;
use super::part::part_guard;
use crate::sync::guard::{exclusive_guard, shared_guard};
use crate::sync::hold::Hold;
use crate::sync::lock::Lock;
use crate::sync::mode::{Exclusive, Mode, Shared};
use plimsoll_record::waits::Who;
use std::panic::Location;
use std::sync::Arc;
use tokio::sync;

// The fields of the guards are dropped in their order: a hold ends before the lock is released, and
// an owned lock is let go of last.

/// The guard of [`RwLock::read`].
#[must_use = "dropping the guard unlocks at once"]
pub struct RwLockReadGuard<'a, T: ?Sized> {
    pub(super) hold: Hold<&'a Lock, Shared>,
    pub(super) inner: sync::RwLockReadGuard<'a, T>,
}

/// The guard of [`RwLock::read_owned`].
#[must_use = "dropping the guard unlocks at once"]
pub struct OwnedRwLockReadGuard<T, U: ?Sized = T> {
    hold: Hold<Lock, Shared>,
    inner: sync::OwnedRwLockReadGuard<T, U>,
    lock: Arc<RwLock<T>>,
}

impl<T> OwnedRwLockReadGuard<T> {
    pub(super) fn new(
        lock: Arc<RwLock<T>>,
        inner: sync::OwnedRwLockReadGuard<T>,
        mode: Shared,
    ) -> Self {
        Self { hold: Hold::new(lock.lock.get().clone(), mode), inner, lock }
    }
}

impl<T, U: ?Sized> OwnedRwLockReadGuard<T, U> {
    /// Returns the lock that it is the guard of.
    pub fn rwlock(guard: &Self) -> &Arc<RwLock<T>> {
        &guard.lock
    }
}

/// The guard of [`RwLock::write`].
#[must_use = "dropping the guard unlocks at once"]
pub struct RwLockWriteGuard<'a, T: ?Sized> {
    pub(super) hold: Hold<&'a Lock, Exclusive>,
    pub(super) inner: sync::RwLockWriteGuard<'a, T>,
}

impl<'a, T: ?Sized> RwLockWriteGuard<'a, T> {
    /// Becomes a reader, and lets no writer in between: the hold is two.
    #[track_caller]
    pub fn downgrade(self) -> RwLockReadGuard<'a, T> {
        let Self { hold, inner } = self;
        let hold = hold.become_mode(Location::caller());
        RwLockReadGuard { hold, inner: inner.downgrade() }
    }
}

/// The guard of a part of what is written, of [`RwLockWriteGuard::map`].
#[must_use = "dropping the guard unlocks at once"]
pub struct RwLockMappedWriteGuard<'a, T: ?Sized> {
    hold: Hold<&'a Lock, Exclusive>,
    inner: sync::RwLockMappedWriteGuard<'a, T>,
}

/// The guard of [`RwLock::write_owned`].
#[must_use = "dropping the guard unlocks at once"]
pub struct OwnedRwLockWriteGuard<T> {
    hold: Hold<Lock, Exclusive>,
    inner: sync::OwnedRwLockWriteGuard<T>,
    lock: Arc<RwLock<T>>,
}

impl<T> OwnedRwLockWriteGuard<T> {
    pub(super) fn new(
        lock: Arc<RwLock<T>>,
        inner: sync::OwnedRwLockWriteGuard<T>,
        mode: Exclusive,
    ) -> Self {
        Self { hold: Hold::new(lock.lock.get().clone(), mode), inner, lock }
    }

    /// Returns the lock that it is the guard of.
    pub fn rwlock(guard: &Self) -> &Arc<RwLock<T>> {
        &guard.lock
    }

    /// Becomes a reader, and lets no writer in between: the hold is two.
    #[track_caller]
    pub fn downgrade(self) -> OwnedRwLockReadGuard<T> {
        let Self { hold, inner, lock } = self;
        drop(hold);
        let mode = Shared::begin(lock.lock.get(), Who::UNKNOWN, Location::caller());
        OwnedRwLockReadGuard::new(lock, inner.downgrade(), mode)
    }
}

/// The guard of a part of what is written, of [`OwnedRwLockWriteGuard::map`].
#[must_use = "dropping the guard unlocks at once"]
pub struct OwnedRwLockMappedWriteGuard<T, U: ?Sized = T> {
    hold: Hold<Lock, Exclusive>,
    inner: sync::OwnedRwLockMappedWriteGuard<T, U>,
    lock: Arc<RwLock<T>>,
}

shared_guard!(['a, T: ?Sized] RwLockReadGuard<'a, T>);
shared_guard!([O, T: ?Sized] OwnedRwLockReadGuard<O, T>);
exclusive_guard!(['a, T: ?Sized] RwLockWriteGuard<'a, T>);
exclusive_guard!(['a, T: ?Sized] RwLockMappedWriteGuard<'a, T>);
exclusive_guard!([T] OwnedRwLockWriteGuard<T>);
exclusive_guard!([O, T: ?Sized] OwnedRwLockMappedWriteGuard<O, T>);

part_guard!(
    ['a, T: ?Sized] RwLockReadGuard<'a, T> => RwLockReadGuard: RwLockReadGuard<'a, V>,
    RwLockReadGuard[V: ?Sized](&T => &V), { hold }
);
part_guard!(
    [T, U: ?Sized] OwnedRwLockReadGuard<T, U> => OwnedRwLockReadGuard: OwnedRwLockReadGuard<T, V>,
    OwnedRwLockReadGuard[V: ?Sized](&U => &V), { hold, lock }
);
part_guard!(
    ['a, T: ?Sized] RwLockWriteGuard<'a, T> => RwLockMappedWriteGuard: RwLockMappedWriteGuard<'a, V>,
    RwLockWriteGuard[V: ?Sized](&mut T => &mut V), { hold }
);
part_guard!(
    ['a, T: ?Sized] RwLockMappedWriteGuard<'a, T>
        => RwLockMappedWriteGuard: RwLockMappedWriteGuard<'a, V>,
    RwLockMappedWriteGuard[V: ?Sized](&mut T => &mut V), { hold }
);
part_guard!(
    [T] OwnedRwLockWriteGuard<T> => OwnedRwLockMappedWriteGuard: OwnedRwLockMappedWriteGuard<T, V>,
    OwnedRwLockWriteGuard[V: ?Sized](&mut T => &mut V), { hold, lock }
);
part_guard!(
    [T, U: ?Sized] OwnedRwLockMappedWriteGuard<T, U>
        => OwnedRwLockMappedWriteGuard: OwnedRwLockMappedWriteGuard<T, V>,
    OwnedRwLockMappedWriteGuard[V: ?Sized](&mut U => &mut V), { hold, lock }
);
