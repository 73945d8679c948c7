//! What the standard library's locks have in common: being made, acquired, and poisoned.

use super::{LockResult, PoisonError, TryLockError, TryLockResult, guarded};
use crate::sync::hold::Hold;
use crate::sync::lock::Lock;
use crate::sync::mode::Mode;
use plimsoll_record::waits::{Site, Who};

/// Makes a guard of what was tried, or waits.
///
/// Nothing here but the accounting of a wait is a call: a result that a call writes would pass through
/// memory also where there was no wait.
#[inline]
pub(super) fn acquire<'a, M: Mode, I, G>(
    (lock, who, site): (&'a Lock, Who, Site),
    tried: TryLockResult<I>,
    wait: impl FnOnce() -> LockResult<I>,
    guard: impl FnOnce(Hold<&'a Lock, M>, I) -> G,
) -> LockResult<G> {
    match tried {
        Ok(inner) => Ok(guard(Hold::at_once(lock, who, site), inner)),
        Err(TryLockError::Poisoned(poisoned)) => {
            let hold = Hold::at_once(lock, who, site);
            Err(PoisonError::new(guard(hold, poisoned.into_inner())))
        }
        Err(TryLockError::WouldBlock) => {
            let waiting = lock.wait_blocking(site);
            guarded(wait(), |inner| guard(waiting.acquired(), inner))
        }
    }
}

/// Makes a guard of what was tried, if that needs no wait.
#[inline]
pub(super) fn try_acquire<'a, M: Mode, I, G>(
    (lock, who, site): (&'a Lock, Who, Site),
    tried: TryLockResult<I>,
    guard: impl FnOnce(Hold<&'a Lock, M>, I) -> G,
) -> TryLockResult<G> {
    match tried {
        Ok(inner) => Ok(guard(Hold::at_once(lock, who, site), inner)),
        Err(TryLockError::WouldBlock) => Err(TryLockError::WouldBlock),
        Err(TryLockError::Poisoned(poisoned)) => {
            let hold = Hold::at_once(lock, who, site);
            Err(PoisonError::new(guard(hold, poisoned.into_inner())).into())
        }
    }
}

/// Writes what a lock is made by, and what isn't about its guards.
macro_rules! standard_lock {
    ($lock:ident of $sort:ident) => {
        impl<T> $lock<T> {
            /// Makes an unlocked one that is called after the caller's place in the source.
            #[track_caller]
            pub const fn new(value: T) -> Self {
                let lock = LockCell::unnamed(&Sort::$sort, Location::caller());
                Self { lock, inner: original::$lock::new(value) }
            }

            /// Makes an unlocked one that records in the global registry.
            #[track_caller]
            pub fn named(name: impl Into<Name>, value: T) -> Self {
                Self::named_in(Registry::global(), name, value)
            }

            /// Makes an unlocked one that records in `registry`.
            #[track_caller]
            pub fn named_in(registry: &Registry, name: impl Into<Name>, value: T) -> Self {
                let made_at = Location::caller();
                let lock = LockCell::named(registry, &name.into(), &Sort::$sort, made_at);
                Self { lock, inner: original::$lock::new(value) }
            }

            /// Consumes it and returns the value.
            ///
            /// # Errors
            /// It is poisoned; the error holds the value.
            pub fn into_inner(self) -> LockResult<T> {
                self.inner.into_inner()
            }
        }

        impl<T: ?Sized> $lock<T> {
            /// Says whether somebody has panicked who could change the value.
            pub fn is_poisoned(&self) -> bool {
                self.inner.is_poisoned()
            }

            /// Forgets that somebody has panicked.
            pub fn clear_poison(&self) {
                self.inner.clear_poison();
            }

            /// Returns the value; the exclusive borrow is the proof that nobody holds it.
            ///
            /// # Errors
            /// It is poisoned; the error holds the value.
            pub fn get_mut(&mut self) -> LockResult<&mut T> {
                self.inner.get_mut()
            }
        }

        impl<T: ?Sized> UnwindSafe for $lock<T> {}
        impl<T: ?Sized> RefUnwindSafe for $lock<T> {}

        impl<T: Default> Default for $lock<T> {
            #[track_caller]
            fn default() -> Self {
                Self::new(T::default())
            }
        }

        impl<T> From<T> for $lock<T> {
            #[track_caller]
            fn from(value: T) -> Self {
                Self::new(value)
            }
        }

        impl<T: ?Sized + fmt::Debug> fmt::Debug for $lock<T> {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.inner.fmt(out)
            }
        }
    };
}

/// Writes the two ways to acquire a lock in one mode.
macro_rules! acquired {
    ($lock:ident gives $guard:ident {
        $(#[$doc:meta])* $acquire:ident, $(#[$try_doc:meta])* $try_acquire:ident
    }) => {
        impl<T: ?Sized> $lock<T> {
            $(#[$doc])*
            ///
            /// # Errors
            /// It is poisoned; the error holds the guard, and the acquisition counts.
            #[inline]
            #[track_caller]
            pub fn $acquire(&self) -> LockResult<$guard<'_, T>> {
                let by = (self.lock.get(), task_or_root(), Location::caller());
                let tried = self.inner.$try_acquire();
                acquire(by, tried, || self.inner.$acquire(), |hold, inner| $guard { hold, inner })
            }

            $(#[$try_doc])*
            ///
            /// # Errors
            /// It is locked, which records nothing, because nobody waits; or it is poisoned: the
            /// error holds the guard, and the acquisition counts.
            #[inline]
            #[track_caller]
            pub fn $try_acquire(&self) -> TryLockResult<$guard<'_, T>> {
                let by = (self.lock.get(), task_or_root(), Location::caller());
                let tried = self.inner.$try_acquire();
                try_acquire(by, tried, |hold, inner| $guard { hold, inner })
            }
        }
    };
}

pub(super) use {acquired, standard_lock};
