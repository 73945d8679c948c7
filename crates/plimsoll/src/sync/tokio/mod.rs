//! Mirrors of `tokio::sync`: change the path, and give each a name.
//!
//! | mirror | original |
//! |---|---|
//! | [`Mutex`], [`RwLock`] | the same names; see [`Mutex`] for what a lock records |
//! | [`OnceCell`] | the same name; making its value is a hold that others wait for |
//! | [`Notify`] | the same name; a level of the tasks that wait |
//! | [`Semaphore`] | the same name; it is recorded as a pool |
//! | [`mpsc`], [`broadcast`], [`watch`], [`oneshot`] | the same names; they are recorded as queues |
//!
//! A [`Mutex`] or [`RwLock`] is of a sized value, unlike the original: what its owned guards share can't be
//! made unsized from here.
//!
//! An uncontended acquisition reads no clock but for one in 64: it is tried first, and takes its share of tokio's
//! cooperative budget as the original does. Everything is accounted for when it is dropped, so a
//! wait that is cancelled and a holder that panics leave no trace behind in the levels.

pub mod broadcast;
mod late;
pub mod mpsc;
mod mutex;
mod mutex_guard;
mod notify;
mod once_cell;
pub mod oneshot;
mod part;
mod rwlock;
mod rwlock_guard;
mod semaphore;
mod semaphore_permit;
pub mod watch;

pub use mutex::Mutex;
pub use mutex_guard::{MappedMutexGuard, MutexGuard, OwnedMappedMutexGuard, OwnedMutexGuard};
pub use notify::{Notified, Notify};
pub use once_cell::OnceCell;
pub use rwlock::RwLock;
pub use rwlock_guard::{
    OwnedRwLockMappedWriteGuard, OwnedRwLockReadGuard, OwnedRwLockWriteGuard,
    RwLockMappedWriteGuard, RwLockReadGuard, RwLockWriteGuard,
};
pub use semaphore::Semaphore;
pub use semaphore_permit::{OwnedSemaphorePermit, SemaphorePermit};
pub use tokio::sync::{AcquireError, SetError, TryAcquireError, TryLockError};
