use super::MappedRwLockReadGuard;
use crate::sync::guard::shared_guard;
use crate::sync::hold::Hold;
use crate::sync::lock::Lock;
use crate::sync::mode::Shared;
use lock_api::{self as original, RawRwLock, RawRwLockFair};
use std::panic::Location;

/// The guard of [`RwLock::read`](super::RwLock::read).
#[must_use = "dropping the guard unlocks at once"]
pub struct RwLockReadGuard<'a, R: RawRwLock, T: ?Sized> {
    // The fields are dropped in this order: a hold ends before the lock is released.
    pub(super) hold: Hold<&'a Lock, Shared>,
    pub(super) inner: original::RwLockReadGuard<'a, R, T>,
}

shared_guard!(['a, R: RawRwLock, T: ?Sized] RwLockReadGuard<'a, R, T>);

impl<'a, R: RawRwLock, T: ?Sized> RwLockReadGuard<'a, R, T> {
    /// Makes a guard of a part of the value.
    pub fn map<U: ?Sized>(
        guard: Self,
        part: impl FnOnce(&T) -> &U,
    ) -> MappedRwLockReadGuard<'a, R, U> {
        let Self { hold, inner } = guard;
        MappedRwLockReadGuard { hold, inner: original::RwLockReadGuard::map(inner, part) }
    }

    /// Makes a guard of a part of the value, if there is one.
    ///
    /// # Errors
    /// There is none; it gives the guard back.
    pub fn try_map<U: ?Sized>(
        guard: Self,
        part: impl FnOnce(&T) -> Option<&U>,
    ) -> Result<MappedRwLockReadGuard<'a, R, U>, Self> {
        let Self { hold, inner } = guard;
        match original::RwLockReadGuard::try_map(inner, part) {
            Ok(inner) => Ok(MappedRwLockReadGuard { hold, inner }),
            Err(inner) => Err(Self { hold, inner }),
        }
    }

    /// Unlocks while `gap` runs, and locks again: the hold is two.
    #[track_caller]
    pub fn unlocked<O>(guard: &mut Self, gap: impl FnOnce() -> O) -> O {
        let Self { hold, inner } = guard;
        hold.part(Location::caller(), || original::RwLockReadGuard::unlocked(inner, gap))
    }
}

impl<R: RawRwLockFair, T: ?Sized> RwLockReadGuard<'_, R, T> {
    /// Unlocks, and hands the lock to a thread that waits.
    pub fn unlock_fair(guard: Self) {
        let Self { hold, inner } = guard;
        drop(hold);
        original::RwLockReadGuard::unlock_fair(inner);
    }

    /// Unlocks fairly while `gap` runs, and locks again: the hold is two.
    #[track_caller]
    pub fn unlocked_fair<O>(guard: &mut Self, gap: impl FnOnce() -> O) -> O {
        let Self { hold, inner } = guard;
        hold.part(Location::caller(), || original::RwLockReadGuard::unlocked_fair(inner, gap))
    }

    /// Lets a thread that waits have the lock, and waits for it in turn: the hold is two.
    #[track_caller]
    pub fn bump(guard: &mut Self) {
        let Self { hold, inner } = guard;
        hold.part(Location::caller(), || original::RwLockReadGuard::bump(inner));
    }
}
