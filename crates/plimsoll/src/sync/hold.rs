//! The hold of a lock, which every guard has.

use super::lock::{Lock, Mode, Tenure};
use crate::who::task_or_root;
use plimsoll_record::waits::Site;

/// How a guard has its lock.
pub(crate) trait OfLock {
    /// Whether the guard may be handed to another task: then nobody knows who holds until it is used.
    const MOVES: bool;

    fn lock(&self) -> &Lock;
}

/// A guard that borrows ends where it began.
impl OfLock for &Lock {
    const MOVES: bool = false;

    fn lock(&self) -> &Lock {
        self
    }
}

/// A guard that owns may end anywhere.
impl OfLock for Lock {
    const MOVES: bool = true;

    fn lock(&self) -> &Lock {
        self
    }
}

/// A lock being held. It stands before the original guard in each guard here, so that it is dropped,
/// and the hold's end is stamped, before the lock is released.
#[derive(Debug)]
pub(crate) struct Hold<L: OfLock> {
    lock: L,
    tenure: Tenure,
}

impl<'a> Hold<&'a Lock> {
    /// Begins a hold that needed no wait.
    #[inline]
    pub(crate) fn at_once(lock: &'a Lock, mode: Mode, site: Site) -> Self {
        Self::new(lock, lock.uncontended(mode, task_or_root(), site))
    }

    /// Returns what it holds.
    pub(crate) fn lock(&self) -> &'a Lock {
        self.lock
    }

    /// Ends the hold and begins one of another mode, which needs no wait.
    pub(crate) fn become_mode(self, mode: Mode, site: Site) -> Self {
        Self::at_once(self.end(), mode, site)
    }

    /// Ends the hold.
    pub(crate) fn end(self) -> &'a Lock {
        self.lock
    }
}

impl<L: OfLock> Hold<L> {
    #[inline]
    pub(crate) fn new(lock: L, tenure: Tenure) -> Self {
        Self { lock, tenure }
    }

    /// Ends the hold while `gap` runs, which lets others have the lock and gets it back, and begins
    /// another at `site`, even if `gap` panics.
    pub(crate) fn part<O>(&mut self, site: Site, gap: impl FnOnce() -> O) -> O {
        struct Again<'a, L: OfLock>(&'a mut Hold<L>, Site);
        impl<L: OfLock> Drop for Again<'_, L> {
            fn drop(&mut self) {
                let Self(hold, site) = self;
                let mode = hold.tenure.mode;
                hold.tenure = hold.lock.lock().uncontended(mode, task_or_root(), site);
            }
        }
        self.lock.lock().held(self.tenure);
        let _again = Again(self, site);
        gap()
    }

    /// Says who uses it, of a guard that may have been handed on. Of others it does nothing.
    #[inline]
    pub(crate) fn note_use(&self) {
        if L::MOVES {
            self.lock.lock().resource.hand_to(self.tenure.seat, task_or_root());
        }
    }
}

impl<L: OfLock> Drop for Hold<L> {
    #[inline]
    fn drop(&mut self) {
        self.lock.lock().held(self.tenure);
    }
}
