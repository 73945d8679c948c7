//! Where values are kept.

mod local;
mod redis;
mod stored;

pub use self::redis::RedisStore;
pub(crate) use self::redis::{NEXT, ms};
pub use local::LocalStore;
pub use stored::Stored;

use crate::{Entry, Fresh, Written};
use std::future::Future;
use std::time::Duration;

/// A store with `get` and `set`: all that a [`Cache`](crate::Cache) needs.
///
/// A store that can compare generations in one step also says so in [`FENCED`](Self::FENCED) and has
/// [`put_if_generation`](Self::put_if_generation): then a rebuild that was overtaken can't put an old
/// value over a new one. Without it such a write is stored and counted as `regressed`, where the store
/// can tell, with `fenced="false"`.
///
/// Every call ends by itself: a store that may hang has a time limit of its own.
pub trait Store: Send + Sync + 'static {
    /// What is kept.
    type Value: Clone + Send + Sync + 'static;

    /// Says whether [`put_if_generation`](Self::put_if_generation) refuses what was overtaken.
    const FENCED: bool = false;

    /// Returns what is kept under `key`; `None` when nothing is, which is no error.
    fn get(
        &self,
        key: &str,
    ) -> impl Future<Output = Result<Option<Entry<Self::Value>>, StoreError>> + Send;

    /// Keeps a value, whatever is there.
    fn put(
        &self,
        key: &str,
        fresh: Fresh<'_, Self::Value>,
    ) -> impl Future<Output = Result<Written, StoreError>> + Send;

    /// Forgets a value. A fenced store keeps a generation in its place for `keep`, so that a rebuild
    /// that began before is refused.
    fn remove(
        &self,
        key: &str,
        keep: Duration,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Gives a rebuild that begins now its generation: greater than every one that was given or kept
    /// for the key before. `None` from a store that can't: then the process counts by its wall clock,
    /// in microseconds.
    fn issue(&self, _key: &str) -> impl Future<Output = Result<Option<u64>, StoreError>> + Send {
        std::future::ready(Ok(None))
    }

    /// Keeps a value unless a later generation is there. Only a [`FENCED`](Self::FENCED) store is asked.
    fn put_if_generation(
        &self,
        key: &str,
        fresh: Fresh<'_, Self::Value>,
    ) -> impl Future<Output = Result<Written, StoreError>> + Send {
        self.put(key, fresh)
    }
}

/// Why a store, or what keeps leases, didn't do what it was asked.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum StoreError {
    /// It can't be reached, or says that it failed.
    #[error("the store failed: {0}")]
    Failed(String),
    /// It didn't answer in time.
    #[error("the store didn't answer within {0:?}: look whether it is overloaded or stopped")]
    TimedOut(Duration),
    /// It answered nobody for as long as a command may take, and isn't asked for a while.
    #[error("the store answers nobody and is asked once in {0:?}: look whether it is up")]
    CircuitOpen(Duration),
    /// The value is larger than the store takes.
    #[error("the value has {bytes} bytes, the limit is {bytes_max}: raise it or store less")]
    TooLarge {
        /// How large it is.
        bytes: usize,
        /// How large it may be.
        bytes_max: usize,
    },
    /// What is kept under the key isn't what this program writes.
    #[error("what is kept under {key:?} can't be read: choose another prefix, or invalidate it")]
    Unreadable {
        /// The key, as the store has it.
        key: String,
    },
}
