//! Mirrors of `parking_lot`: change the path, and give each a name.
//!
//! | mirror | original |
//! |---|---|
//! | [`Mutex`], [`FairMutex`], [`RwLock`] and their guards | the same names; as there they are those of [`lock_api`] over raw locks |
//! | [`Condvar`] | the same name |

use crate::sync::lock_api;
use ::parking_lot::{RawFairMutex, RawMutex, RawRwLock};

mod condvar;

pub use ::parking_lot::WaitTimeoutResult;
pub use condvar::Condvar;

/// A mutex: see [`lock_api::Mutex`].
pub type Mutex<T> = lock_api::Mutex<RawMutex, T>;
/// The guard of a [`Mutex`].
pub type MutexGuard<'a, T> = lock_api::MutexGuard<'a, RawMutex, T>;
/// The guard of a part of a [`Mutex`]'s value.
pub type MappedMutexGuard<'a, T> = lock_api::MappedMutexGuard<'a, RawMutex, T>;

/// A mutex that hands itself to who has waited longest: see [`lock_api::Mutex`].
pub type FairMutex<T> = lock_api::Mutex<RawFairMutex, T>;
/// The guard of a [`FairMutex`].
pub type FairMutexGuard<'a, T> = lock_api::MutexGuard<'a, RawFairMutex, T>;
/// The guard of a part of a [`FairMutex`]'s value.
pub type MappedFairMutexGuard<'a, T> = lock_api::MappedMutexGuard<'a, RawFairMutex, T>;

/// A read-write lock: see [`lock_api::RwLock`].
pub type RwLock<T> = lock_api::RwLock<RawRwLock, T>;
/// The guard of a [`RwLock`]'s reader.
pub type RwLockReadGuard<'a, T> = lock_api::RwLockReadGuard<'a, RawRwLock, T>;
/// The guard of a [`RwLock`]'s writer.
pub type RwLockWriteGuard<'a, T> = lock_api::RwLockWriteGuard<'a, RawRwLock, T>;
/// The guard of a [`RwLock`]'s reader that may become the writer.
pub type RwLockUpgradableReadGuard<'a, T> = lock_api::RwLockUpgradableReadGuard<'a, RawRwLock, T>;
/// The guard of a part of what a [`RwLock`]'s reader reads.
pub type MappedRwLockReadGuard<'a, T> = lock_api::MappedRwLockReadGuard<'a, RawRwLock, T>;
/// The guard of a part of what a [`RwLock`]'s writer writes.
pub type MappedRwLockWriteGuard<'a, T> = lock_api::MappedRwLockWriteGuard<'a, RawRwLock, T>;
