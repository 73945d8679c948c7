use super::Mutex;
use super::part::part_guard;
use crate::sync::guard::exclusive_guard;
use crate::sync::hold::Hold;
use crate::sync::lock::Lock;
use crate::sync::mode::Exclusive;
use std::sync::Arc;
use tokio::sync;

// The fields of the guards are dropped in their order: a hold ends before the lock is released, and
// an owned mutex is let go of last.

/// The guard of [`Mutex::lock`].
#[must_use = "dropping the guard unlocks at once"]
pub struct MutexGuard<'a, T: ?Sized> {
    pub(super) hold: Hold<&'a Lock, Exclusive>,
    pub(super) inner: sync::MutexGuard<'a, T>,
}

/// The guard of a part of a mutex's value, of [`MutexGuard::map`].
#[must_use = "dropping the guard unlocks at once"]
pub struct MappedMutexGuard<'a, T: ?Sized> {
    hold: Hold<&'a Lock, Exclusive>,
    inner: sync::MappedMutexGuard<'a, T>,
}

/// The guard of [`Mutex::lock_owned`].
#[must_use = "dropping the guard unlocks at once"]
pub struct OwnedMutexGuard<T> {
    hold: Hold<Lock, Exclusive>,
    inner: sync::OwnedMutexGuard<T>,
    mutex: Arc<Mutex<T>>,
}

impl<T> OwnedMutexGuard<T> {
    pub(super) fn new(
        mutex: Arc<Mutex<T>>,
        inner: sync::OwnedMutexGuard<T>,
        mode: Exclusive,
    ) -> Self {
        Self { hold: Hold::new(mutex.lock.get().clone(), mode), inner, mutex }
    }

    /// Returns the mutex that it is the guard of.
    pub fn mutex(guard: &Self) -> &Arc<Mutex<T>> {
        &guard.mutex
    }
}

/// The guard of a part of a mutex's value, of [`OwnedMutexGuard::map`].
#[must_use = "dropping the guard unlocks at once"]
pub struct OwnedMappedMutexGuard<T, U: ?Sized = T> {
    hold: Hold<Lock, Exclusive>,
    inner: sync::OwnedMappedMutexGuard<T, U>,
    mutex: Arc<Mutex<T>>,
}

exclusive_guard!(['a, T: ?Sized] MutexGuard<'a, T>);
exclusive_guard!(['a, T: ?Sized] MappedMutexGuard<'a, T>);
exclusive_guard!([T] OwnedMutexGuard<T>);
exclusive_guard!([O, T: ?Sized] OwnedMappedMutexGuard<O, T>);

part_guard!(
    ['a, T: ?Sized] MutexGuard<'a, T> => MappedMutexGuard: MappedMutexGuard<'a, V>,
    MutexGuard[V: ?Sized](&mut T => &mut V), { hold }
);
part_guard!(
    ['a, T: ?Sized] MappedMutexGuard<'a, T> => MappedMutexGuard: MappedMutexGuard<'a, V>,
    MappedMutexGuard[V](&mut T => &mut V), { hold }
);
part_guard!(
    [T] OwnedMutexGuard<T> => OwnedMappedMutexGuard: OwnedMappedMutexGuard<T, V>,
    OwnedMutexGuard[V: ?Sized](&mut T => &mut V), { hold, mutex }
);
part_guard!(
    [T, U: ?Sized] OwnedMappedMutexGuard<T, U> => OwnedMappedMutexGuard: OwnedMappedMutexGuard<T, V>,
    OwnedMappedMutexGuard[V](&mut U => &mut V), { hold, mutex }
);
