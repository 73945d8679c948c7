use super::{RwLockReadGuard, RwLockWriteGuard};
use crate::sync::guard::shared_guard;
use crate::sync::hold::Hold;
use crate::sync::lock::Lock;
use crate::sync::mode::{Exclusive, Upgradable};
use crate::who::{blocking, task_or_root};
use lock_api::{
    self as original, RawRwLockUpgrade, RawRwLockUpgradeDowngrade, RawRwLockUpgradeFair,
    RawRwLockUpgradeTimed,
};
use plimsoll_record::waits::{By, Site};
use std::panic::Location;

/// The guard of [`RwLock::upgradable_read`](super::RwLock::upgradable_read).
#[must_use = "dropping the guard unlocks at once"]
pub struct RwLockUpgradableReadGuard<'a, R: RawRwLockUpgrade, T: ?Sized> {
    // The fields are dropped in this order: a hold ends before the lock is released.
    pub(super) hold: Hold<&'a Lock, Upgradable>,
    pub(super) inner: original::RwLockUpgradableReadGuard<'a, R, T>,
}

shared_guard!(['a, R: RawRwLockUpgrade, T: ?Sized] RwLockUpgradableReadGuard<'a, R, T>);

impl<'a, R: RawRwLockUpgrade, T: ?Sized> RwLockUpgradableReadGuard<'a, R, T> {
    /// Becomes the writer, waiting for the readers to leave.
    #[track_caller]
    pub fn upgrade(guard: Self) -> RwLockWriteGuard<'a, R, T> {
        let site = Location::caller();
        let Self { hold, inner } = match Self::try_upgrade(guard) {
            Ok(guard) => return guard,
            Err(guard) => guard,
        };
        // It ends first: who waits for readers doesn't wait for itself.
        let lock = hold.end();
        let waiting = lock.wait(blocking(site));
        let inner = original::RwLockUpgradableReadGuard::upgrade(inner);
        RwLockWriteGuard { hold: waiting.acquired(), inner }
    }

    /// Becomes the writer if there is no other reader.
    ///
    /// # Errors
    /// There is one; it gives the guard back.
    #[track_caller]
    pub fn try_upgrade(guard: Self) -> Result<RwLockWriteGuard<'a, R, T>, Self> {
        let Self { hold, inner } = guard;
        match original::RwLockUpgradableReadGuard::try_upgrade(inner) {
            Ok(inner) => {
                let hold = hold.become_mode(Location::caller());
                Ok(RwLockWriteGuard { hold, inner })
            }
            Err(inner) => Err(Self { hold, inner }),
        }
    }
}

impl<'a, R: RawRwLockUpgradeTimed, T: ?Sized> RwLockUpgradableReadGuard<'a, R, T> {
    /// Becomes the writer, waiting for the readers to leave no longer than `timeout`.
    ///
    /// # Errors
    /// The time ran out; it gives the guard back.
    #[track_caller]
    pub fn try_upgrade_for(
        guard: Self,
        timeout: R::Duration,
    ) -> Result<RwLockWriteGuard<'a, R, T>, Self> {
        guard.upgrade_within(Location::caller(), |inner| {
            original::RwLockUpgradableReadGuard::try_upgrade_for(inner, timeout)
        })
    }

    /// Becomes the writer, waiting for the readers to leave until `deadline`.
    ///
    /// # Errors
    /// The time ran out; it gives the guard back.
    #[track_caller]
    pub fn try_upgrade_until(
        guard: Self,
        deadline: R::Instant,
    ) -> Result<RwLockWriteGuard<'a, R, T>, Self> {
        guard.upgrade_within(Location::caller(), |inner| {
            original::RwLockUpgradableReadGuard::try_upgrade_until(inner, deadline)
        })
    }

    fn upgrade_within(
        self,
        site: Site,
        upgrade: impl FnOnce(
            original::RwLockUpgradableReadGuard<'a, R, T>,
        ) -> Result<
            original::RwLockWriteGuard<'a, R, T>,
            original::RwLockUpgradableReadGuard<'a, R, T>,
        >,
    ) -> Result<RwLockWriteGuard<'a, R, T>, Self> {
        let Self { hold, inner } = match Self::try_upgrade(self) {
            Ok(guard) => return Ok(guard),
            Err(guard) => guard,
        };
        let lock = hold.end();
        let waiting = lock.wait(By { gives_up: true, ..blocking(site) });
        match upgrade(inner) {
            Ok(inner) => Ok(RwLockWriteGuard { hold: waiting.acquired(), inner }),
            Err(inner) => {
                drop(waiting);
                Err(Self { hold: Hold::at_once(lock, task_or_root(), site), inner })
            }
        }
    }
}

impl<'a, R: RawRwLockUpgradeDowngrade, T: ?Sized> RwLockUpgradableReadGuard<'a, R, T> {
    /// Calls `change` as the writer, waiting for the readers to leave, and is a reader again.
    #[track_caller]
    pub fn with_upgraded<O>(&mut self, change: impl FnOnce(&mut T) -> O) -> O {
        let site = Location::caller();
        let Self { hold, inner } = self;
        let lock = hold.lock();
        hold.part(site, || {
            let mut change = Some(change);
            let at_once = inner.try_with_upgraded(|value| {
                let _hold = Hold::<_, Exclusive>::at_once(lock, task_or_root(), site);
                change.take().map(|change| change(value))
            });
            match (at_once.flatten(), change) {
                (Some(output), _) => output,
                (None, Some(change)) => {
                    let waiting = lock.wait::<Exclusive>(blocking(site));
                    inner.with_upgraded(|value| {
                        let _hold = waiting.acquired();
                        change(value)
                    })
                }
                (None, None) => unreachable!("whoever calls it returns what it gives"),
            }
        })
    }
}

impl<'a, R: RawRwLockUpgradeDowngrade, T: ?Sized> RwLockUpgradableReadGuard<'a, R, T> {
    /// Gives up the right to become the writer.
    #[track_caller]
    pub fn downgrade(guard: Self) -> RwLockReadGuard<'a, R, T> {
        let Self { hold, inner } = guard;
        let hold = hold.become_mode(Location::caller());
        RwLockReadGuard { hold, inner: original::RwLockUpgradableReadGuard::downgrade(inner) }
    }
}

impl<R: RawRwLockUpgrade, T: ?Sized> RwLockUpgradableReadGuard<'_, R, T> {
    /// Unlocks while `gap` runs, and locks again: the hold is two.
    #[track_caller]
    pub fn unlocked<O>(guard: &mut Self, gap: impl FnOnce() -> O) -> O {
        let Self { hold, inner } = guard;
        hold.part(Location::caller(), || original::RwLockUpgradableReadGuard::unlocked(inner, gap))
    }
}

impl<R: RawRwLockUpgradeFair, T: ?Sized> RwLockUpgradableReadGuard<'_, R, T> {
    /// Unlocks, and hands the lock to a thread that waits.
    pub fn unlock_fair(guard: Self) {
        let Self { hold, inner } = guard;
        drop(hold);
        original::RwLockUpgradableReadGuard::unlock_fair(inner);
    }

    /// Lets a thread that waits have the lock, and waits for it in turn: the hold is two.
    #[track_caller]
    pub fn bump(guard: &mut Self) {
        let Self { hold, inner } = guard;
        hold.part(Location::caller(), || original::RwLockUpgradableReadGuard::bump(inner));
    }
}
