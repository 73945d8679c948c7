use crate::Marker;
use async_trait::async_trait;

/// The system of record, to which a prober writes its markers.
#[async_trait]
pub trait Origin: Send + Sync {
    /// Commits `marker` under the heartbeat's key. When it returns `Ok`, the marker is committed.
    ///
    /// # Errors
    /// The store can't be reached, or refuses. Whether the marker is committed isn't known then.
    async fn write(&self, marker: Marker) -> Result<(), StoreError>;
}

/// A store that serves what a pipeline makes of the system of record.
#[async_trait]
pub trait Serving: Send + Sync {
    /// Returns the newest marker that is readable; none when there is none yet.
    ///
    /// # Errors
    /// The store can't be reached, or shows something that is no marker. Whether a marker is readable
    /// isn't known then.
    async fn newest(&self) -> Result<Option<Marker>, StoreError>;
}

#[async_trait]
impl Origin for Box<dyn Origin> {
    async fn write(&self, marker: Marker) -> Result<(), StoreError> {
        (**self).write(marker).await
    }
}

#[async_trait]
impl Serving for Box<dyn Serving> {
    async fn newest(&self) -> Result<Option<Marker>, StoreError> {
        (**self).newest().await
    }
}

/// Why a store didn't do what it was asked for.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum StoreError {
    /// There is no connection, or it broke.
    #[error("can't reach it: {0}")]
    Unreachable(String),
    /// It answered that it won't.
    #[error("it refuses: {0}")]
    Refused(String),
    /// What it shows isn't a marker.
    #[error("it shows {shown:?} under the heartbeat's key: {error}", error = crate::NoMarker)]
    Garbled {
        /// What it shows, cut.
        shown: String,
    },
    /// It gave no answer in time.
    #[error("it gave no answer in time")]
    TimedOut,
}

impl StoreError {
    /// Returns the value of the label `reason`.
    pub(crate) fn reason(&self) -> Reason {
        match self {
            Self::Unreachable(_) => Reason::Unreachable,
            Self::Refused(_) => Reason::Refused,
            Self::Garbled { .. } => Reason::Garbled,
            Self::TimedOut => Reason::TimedOut,
        }
    }

    /// Reads a marker, or says what is there instead.
    pub(crate) fn marker(text: &str) -> Result<Marker, Self> {
        text.parse().map_err(|_| Self::Garbled { shown: text.chars().take(64).collect() })
    }
}

/// Returns the innermost of a chain of errors: the outer ones only repeat that something failed.
pub(crate) fn deepest(error: &dyn std::error::Error) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}

/// Why it can't be said what a store shows: the values of the label `reason`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    Unreachable,
    Refused,
    Garbled,
    TimedOut,
    Foreign,
    Regressed,
}

impl Reason {
    pub(crate) const NAMES: [&'static str; 6] =
        ["unreachable", "refused", "garbled", "timed_out", "foreign", "regressed"];
}
