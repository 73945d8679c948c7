//! Mirrors of `lock_api`: locks over any raw lock that record.
//!
//! | mirror | original |
//! |---|---|
//! | [`Mutex`], [`RwLock`] and their guards | the same names; see [`tokio::Mutex`](crate::sync::tokio::Mutex) for what a lock records |
//!
//! They take any [`RawMutex`] or [`RawRwLock`]; [`parking_lot`](crate::sync::parking_lot) names its own.
//! Guards that own an `Arc` of their lock aren't mirrored: they can't be made without unsafe code, which
//! this crate has none of.
//!
//! # Cost
//! At once: a few stores on one line, of readers an exchange of their own as well; one in 64 reads the
//! clock twice, and nothing is logged. After a wait: three clock reads and two log edges, beside the thread's parking.
//!
//! # Cancellation
//! A wait whose time runs out counts as a wait with the time it took. A holder that panics releases
//! the lock, and its hold counts.

mod mapped;
mod mutex;
mod read;
mod rwlock;
mod upgradable;
mod write;

pub use lock_api::{
    GuardNoSend, GuardSend, RawMutex, RawMutexFair, RawMutexTimed, RawRwLock, RawRwLockDowngrade,
    RawRwLockFair, RawRwLockRecursive, RawRwLockRecursiveTimed, RawRwLockTimed, RawRwLockUpgrade,
    RawRwLockUpgradeDowngrade, RawRwLockUpgradeFair, RawRwLockUpgradeTimed,
};
pub use mapped::{MappedMutexGuard, MappedRwLockReadGuard, MappedRwLockWriteGuard};
pub use mutex::{Mutex, MutexGuard};
pub use read::RwLockReadGuard;
pub use rwlock::RwLock;
pub use upgradable::RwLockUpgradableReadGuard;
pub use write::RwLockWriteGuard;
