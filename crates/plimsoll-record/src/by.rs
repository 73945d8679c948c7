//! Who merges.

use crate::sync::{Mutex, MutexGuard, lock, pause, try_lock};

/// How often an owner looks whether a lock is free.
const TRIES: usize = if cfg!(loom) { 1 } else { 32 };

/// Who merges, which says what may be waited for and how much is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum By {
    /// A reader: takes everything.
    Reader,
    /// An owner that needs room: waits for no lock and takes its share.
    Owner,
}

impl By {
    /// Locks. An owner looks a few times, since whoever runs is done at once; it doesn't wait for one
    /// that was stopped.
    pub(crate) fn lock<T>(self, mutex: &Mutex<T>) -> Option<MutexGuard<'_, T>> {
        match self {
            Self::Reader => Some(lock(mutex)),
            Self::Owner => (0..TRIES).find_map(|_| {
                let locked = try_lock(mutex);
                if locked.is_none() {
                    pause();
                }
                locked
            }),
        }
    }
}
