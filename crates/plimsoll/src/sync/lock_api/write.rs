use super::{MappedRwLockWriteGuard, RwLockReadGuard, RwLockUpgradableReadGuard};
use crate::sync::guard::exclusive_guard;
use crate::sync::hold::Hold;
use crate::sync::lock::Lock;
use crate::sync::mode::Exclusive;
use lock_api::{
    self as original, RawRwLock, RawRwLockDowngrade, RawRwLockFair, RawRwLockUpgradeDowngrade,
};
use std::panic::Location;

/// The guard of [`RwLock::write`](super::RwLock::write).
#[must_use = "dropping the guard unlocks at once"]
pub struct RwLockWriteGuard<'a, R: RawRwLock, T: ?Sized> {
    // The fields are dropped in this order: a hold ends before the lock is released.
    pub(super) hold: Hold<&'a Lock, Exclusive>,
    pub(super) inner: original::RwLockWriteGuard<'a, R, T>,
}

exclusive_guard!(['a, R: RawRwLock, T: ?Sized] RwLockWriteGuard<'a, R, T>);

impl<'a, R: RawRwLock, T: ?Sized> RwLockWriteGuard<'a, R, T> {
    /// Makes a guard of a part of the value.
    pub fn map<U: ?Sized>(
        guard: Self,
        part: impl FnOnce(&mut T) -> &mut U,
    ) -> MappedRwLockWriteGuard<'a, R, U> {
        let Self { hold, inner } = guard;
        MappedRwLockWriteGuard { hold, inner: original::RwLockWriteGuard::map(inner, part) }
    }

    /// Makes a guard of a part of the value, if there is one.
    ///
    /// # Errors
    /// There is none; it gives the guard back.
    pub fn try_map<U: ?Sized>(
        guard: Self,
        part: impl FnOnce(&mut T) -> Option<&mut U>,
    ) -> Result<MappedRwLockWriteGuard<'a, R, U>, Self> {
        let Self { hold, inner } = guard;
        match original::RwLockWriteGuard::try_map(inner, part) {
            Ok(inner) => Ok(MappedRwLockWriteGuard { hold, inner }),
            Err(inner) => Err(Self { hold, inner }),
        }
    }

    /// Unlocks while `gap` runs, and locks again: the hold is two.
    #[track_caller]
    pub fn unlocked<O>(guard: &mut Self, gap: impl FnOnce() -> O) -> O {
        let Self { hold, inner } = guard;
        hold.part(Location::caller(), || original::RwLockWriteGuard::unlocked(inner, gap))
    }
}

impl<'a, R: RawRwLockDowngrade, T: ?Sized> RwLockWriteGuard<'a, R, T> {
    /// Becomes a reader, and lets no writer in between.
    #[track_caller]
    pub fn downgrade(guard: Self) -> RwLockReadGuard<'a, R, T> {
        let Self { hold, inner } = guard;
        let hold = hold.become_mode(Location::caller());
        RwLockReadGuard { hold, inner: original::RwLockWriteGuard::downgrade(inner) }
    }
}

impl<'a, R: RawRwLockUpgradeDowngrade, T: ?Sized> RwLockWriteGuard<'a, R, T> {
    /// Becomes a reader with the right to become the writer again, and lets no writer in between.
    #[track_caller]
    pub fn downgrade_to_upgradable(guard: Self) -> RwLockUpgradableReadGuard<'a, R, T> {
        let Self { hold, inner } = guard;
        let hold = hold.become_mode(Location::caller());
        let inner = original::RwLockWriteGuard::downgrade_to_upgradable(inner);
        RwLockUpgradableReadGuard { hold, inner }
    }
}

impl<R: RawRwLockFair, T: ?Sized> RwLockWriteGuard<'_, R, T> {
    /// Unlocks, and hands the lock to a thread that waits.
    pub fn unlock_fair(guard: Self) {
        let Self { hold, inner } = guard;
        drop(hold);
        original::RwLockWriteGuard::unlock_fair(inner);
    }

    /// Unlocks fairly while `gap` runs, and locks again: the hold is two.
    #[track_caller]
    pub fn unlocked_fair<O>(guard: &mut Self, gap: impl FnOnce() -> O) -> O {
        let Self { hold, inner } = guard;
        hold.part(Location::caller(), || original::RwLockWriteGuard::unlocked_fair(inner, gap))
    }

    /// Lets a thread that waits have the lock, and waits for it in turn: the hold is two.
    #[track_caller]
    pub fn bump(guard: &mut Self) {
        let Self { hold, inner } = guard;
        hold.part(Location::caller(), || original::RwLockWriteGuard::bump(inner));
    }
}
