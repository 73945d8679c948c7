use crate::{AcquireError, StoreError};
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

/// What a rebuild says when it fails; all who waited for it share it.
pub type RebuildError = Arc<dyn Error + Send + Sync>;

/// Why a caller gets no value. A miss is no error: it is rebuilt.
#[derive(Clone, Debug, thiserror::Error)]
pub enum GetError {
    /// The rebuild failed, and there is neither a stale value nor a fallback.
    #[error("the rebuild failed: {0}")]
    Rebuild(RebuildError),
    /// The rebuild panicked.
    #[error("the rebuild panicked: mend it, the next call tries again")]
    Panicked,
    /// The rebuild took longer than it may.
    #[error("the rebuild took longer than {0:?}: raise rebuild_max, or make it faster")]
    RebuildTimedOut(Duration),
    /// The caller has waited as long as it may; the rebuild goes on.
    #[error("waited {0:?} for the rebuild, which goes on: raise wait_max, or serve stale values")]
    TimedOut(Duration),
    /// Too many keys are rebuilt at once.
    #[error("{0} keys are rebuilt already: raise flights_max, or look why so many miss at once")]
    Full(usize),
    /// There is no lease, and without one nothing may be rebuilt.
    #[error("no lease, and nothing is rebuilt without: {0}")]
    NoLease(#[source] AcquireError),
    /// The runtime stopped the rebuild.
    #[error("the rebuild was stopped with its runtime")]
    Stopped,
}

/// Why a configuration can't be used.
#[derive(Clone, Debug, thiserror::Error, PartialEq)]
pub enum ConfigError {
    /// A length or number that has to be above zero.
    #[error("{what} is zero: give a value above it")]
    Zero {
        /// The field.
        what: &'static str,
    },
    /// A length that is too short to be of use.
    #[error("{what} is shorter than {least:?}: give at least that")]
    TooShort {
        /// The field.
        what: &'static str,
        /// The least that it may be.
        least: Duration,
    },
    /// A length beyond what stores can count.
    #[error("{what} is longer than {most:?}: give at most that")]
    TooLong {
        /// The field.
        what: &'static str,
        /// The most that it may be.
        most: Duration,
    },
    /// The weight of early refreshes is no weight.
    #[error("early_beta is {0}: give a number from 0 (never early) to 1000; 1 is usual")]
    Beta(f64),
}

/// Why an invalidation is incomplete: the value, or the lease of who rebuilds it, may still be there.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error("{key:?} may still be served: {source}; try again until it succeeds")]
pub struct InvalidateError {
    pub(crate) key: String,
    pub(crate) source: StoreError,
}
