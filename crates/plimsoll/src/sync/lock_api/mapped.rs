use crate::sync::guard::{exclusive_guard, shared_guard};
use crate::sync::hold::Hold;
use crate::sync::lock::Lock;
use crate::sync::mode::{Exclusive, Shared};
use lock_api::{self as original, RawMutex, RawMutexFair, RawRwLock, RawRwLockFair};

/// Writes a guard of a part of a value.
macro_rules! mapped_guard {
    (
        $(#[$doc:meta])*
        $guard:ident<$bound:ident, $fair:ident, $mode:ident>($part:ty => $to:ty), $access:ident
    ) => {
        $(#[$doc])*
        #[must_use = "dropping the guard unlocks at once"]
        pub struct $guard<'a, R: $bound, T: ?Sized> {
            // The fields are dropped in this order: a hold ends before the lock is released.
            pub(super) hold: Hold<&'a Lock, $mode>,
            pub(super) inner: original::$guard<'a, R, T>,
        }

        $access!(['a, R: $bound, T: ?Sized] $guard<'a, R, T>);

        impl<'a, R: $bound, T: ?Sized> $guard<'a, R, T> {
            /// Makes a guard of a part of the part.
            pub fn map<U: ?Sized>(
                guard: Self,
                part: impl FnOnce($part) -> $to,
            ) -> $guard<'a, R, U> {
                let Self { hold, inner } = guard;
                $guard { hold, inner: original::$guard::map(inner, part) }
            }

            /// Makes a guard of a part of the part, if there is one.
            ///
            /// # Errors
            /// There is none; it gives the guard back.
            pub fn try_map<U: ?Sized>(
                guard: Self,
                part: impl FnOnce($part) -> Option<$to>,
            ) -> Result<$guard<'a, R, U>, Self> {
                let Self { hold, inner } = guard;
                match original::$guard::try_map(inner, part) {
                    Ok(inner) => Ok($guard { hold, inner }),
                    Err(inner) => Err(Self { hold, inner }),
                }
            }
        }

        impl<R: $fair, T: ?Sized> $guard<'_, R, T> {
            /// Unlocks, and hands the lock to a thread that waits.
            pub fn unlock_fair(guard: Self) {
                let Self { hold, inner } = guard;
                drop(hold);
                original::$guard::unlock_fair(inner);
            }
        }
    };
}

mapped_guard! {
    /// The guard of a part of a mutex's value, of [`MutexGuard::map`](super::MutexGuard::map).
    MappedMutexGuard<RawMutex, RawMutexFair, Exclusive>(&mut T => &mut U), exclusive_guard
}

mapped_guard! {
    /// The guard of a part of what is read, of [`RwLockReadGuard::map`](super::RwLockReadGuard::map).
    MappedRwLockReadGuard<RawRwLock, RawRwLockFair, Shared>(&T => &U), shared_guard
}

mapped_guard! {
    /// The guard of a part of what is written, of [`RwLockWriteGuard::map`](super::RwLockWriteGuard::map).
    MappedRwLockWriteGuard<RawRwLock, RawRwLockFair, Exclusive>(&mut T => &mut U), exclusive_guard
}
