//! The hold of a lock, which every guard has.

use super::lock::Lock;
use super::mode::Mode;
use crate::who::task_or_root;
use plimsoll_record::waits::{Site, Who};

/// How a guard has its lock.
pub(crate) trait OfLock {
    /// Whether the guard may be handed to another task: then nobody knows who holds until it is used.
    const MOVES: bool;

    fn lock(&self) -> &Lock;
}

/// A guard that borrows ends where it began.
impl OfLock for &Lock {
    const MOVES: bool = false;

    #[inline]
    fn lock(&self) -> &Lock {
        self
    }
}

/// A guard that owns may end anywhere.
impl OfLock for Lock {
    const MOVES: bool = true;

    #[inline]
    fn lock(&self) -> &Lock {
        self
    }
}

/// A lock being held. It stands before the original guard in each guard here, so that it is dropped,
/// and the hold's end is stamped, before the lock is released.
#[derive(Debug)]
pub(crate) struct Hold<L: OfLock, M: Mode> {
    lock: L,
    mode: M,
}

impl<'a, M: Mode> Hold<&'a Lock, M> {
    /// Begins a hold that needed no wait.
    #[inline]
    pub(crate) fn at_once(lock: &'a Lock, who: Who, site: Site) -> Self {
        Self::new(lock, M::begin(lock, who, site))
    }

    /// Returns what it holds.
    pub(crate) fn lock(&self) -> &'a Lock {
        self.lock
    }

    /// Ends the hold and begins one of another mode, which needs no wait.
    pub(crate) fn become_mode<N: Mode>(self, site: Site) -> Hold<&'a Lock, N> {
        Hold::at_once(self.end(), task_or_root(), site)
    }

    /// Ends the hold.
    pub(crate) fn end(self) -> &'a Lock {
        self.lock
    }
}

impl<L: OfLock, M: Mode> Hold<L, M> {
    #[inline]
    pub(crate) fn new(lock: L, mode: M) -> Self {
        Self { lock, mode }
    }

    /// Ends the hold while `gap` runs, which lets others have the lock and gets it back, and begins
    /// another at `site`, even if `gap` panics.
    pub(crate) fn part<O>(&mut self, site: Site, gap: impl FnOnce() -> O) -> O {
        struct Again<'a, L: OfLock, M: Mode>(&'a mut Hold<L, M>, Site);
        impl<L: OfLock, M: Mode> Drop for Again<'_, L, M> {
            fn drop(&mut self) {
                let Self(hold, site) = self;
                hold.mode = M::begin(hold.lock.lock(), task_or_root(), site);
            }
        }
        self.lock.lock().end(self.mode);
        let _again = Again(self, site);
        gap()
    }

    /// Says who uses it, of a guard that may have been handed on. Of others it does nothing.
    #[inline]
    pub(crate) fn note_use(&self) {
        if L::MOVES {
            self.lock.lock().resource.hand_to(self.mode.seat(), task_or_root());
        }
    }
}

impl<L: OfLock, M: Mode> Drop for Hold<L, M> {
    #[inline]
    fn drop(&mut self) {
        self.lock.lock().end(self.mode);
    }
}
