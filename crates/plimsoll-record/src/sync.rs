//! Atomics and locks: the standard library's, or loom's when its models check the log.

#[cfg(loom)]
pub(crate) use loom::sync::{
    Arc, Mutex, MutexGuard,
    atomic::{AtomicU64, Ordering},
};
#[cfg(loom)]
pub(crate) use loom::thread::yield_now;
#[cfg(not(loom))]
pub(crate) use std::sync::{
    Arc, Mutex, MutexGuard,
    atomic::{AtomicU64, Ordering},
};
use std::sync::{PoisonError, TryLockError};
#[cfg(not(loom))]
pub(crate) use std::thread::yield_now;

/// Keeps a value on cache lines of its own, so that writers of its neighbours don't slow it. Two
/// lines, since processors fetch them in pairs.
#[repr(align(128))]
#[derive(Debug)]
pub(crate) struct Padded<T>(pub(crate) T);

/// A lock: the standard library's, which statics need, or that of [`Mutex`].
pub(crate) trait Lock {
    type Guard<'a>
    where
        Self: 'a;

    fn whole(&self) -> Self::Guard<'_>;

    fn attempt(&self) -> Option<Self::Guard<'_>>;
}

/// Locks. A panic elsewhere doesn't end the accounting: each step leaves whole values.
pub(crate) fn lock<L: Lock>(mutex: &L) -> L::Guard<'_> {
    mutex.whole()
}

/// Locks unless someone else has it.
pub(crate) fn try_lock<L: Lock>(mutex: &L) -> Option<L::Guard<'_>> {
    mutex.attempt()
}

macro_rules! lock_of {
    ($library:ident) => {
        impl<T> Lock for $library::sync::Mutex<T> {
            type Guard<'a>
                = $library::sync::MutexGuard<'a, T>
            where
                T: 'a;

            fn whole(&self) -> Self::Guard<'_> {
                self.lock().unwrap_or_else(PoisonError::into_inner)
            }

            fn attempt(&self) -> Option<Self::Guard<'_>> {
                match self.try_lock() {
                    Ok(guard) => Some(guard),
                    Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
                    Err(TryLockError::WouldBlock) => None,
                }
            }
        }
    };
}

lock_of!(std);
#[cfg(loom)]
lock_of!(loom);

/// Waits a moment for another processor.
pub(crate) fn pause() {
    #[cfg(loom)]
    yield_now();
    #[cfg(not(loom))]
    std::hint::spin_loop();
}
