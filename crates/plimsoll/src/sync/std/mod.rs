//! Mirrors of `std::sync`: change the path, and give each a name.
//!
//! | mirror | original |
//! |---|---|
//! | [`Mutex`], [`RwLock`] | the same names; see [`tokio::Mutex`](crate::sync::tokio::Mutex) for what a lock records |
//! | [`Condvar`] | the same name |
//! | [`mpsc`] | the same name; its channels are recorded as queues |
//!
//! A lock is poisoned as the original is: the acquisition counts, and gives the same error. What is
//! made by `new`, which a constant may be, is called after the place that made it.
//!
//! # Cost
//! At once: a few stores on one line, of readers an exchange of their own as well; one in 64 reads the
//! clock twice, and nothing is logged. After a wait: three clock reads and two log edges, beside the thread's parking.
//!
//! # Cancellation
//! A blocking call can't be cancelled. A holder that panics poisons the lock, and its hold counts.

mod acquire;
mod condvar;
pub mod mpsc;
mod mutex;
mod rwlock;

pub use condvar::Condvar;
pub use mutex::{Mutex, MutexGuard};
pub use rwlock::{RwLock, RwLockReadGuard, RwLockWriteGuard};
pub use std::sync::{LockResult, PoisonError, TryLockError, TryLockResult, WaitTimeoutResult};

/// Makes a guard of what an original lock gives, poisoned or not.
#[inline]
fn guarded<I, G>(inner: LockResult<I>, guard: impl FnOnce(I) -> G) -> LockResult<G> {
    match inner {
        Ok(inner) => Ok(guard(inner)),
        Err(poisoned) => Err(PoisonError::new(guard(poisoned.into_inner()))),
    }
}
