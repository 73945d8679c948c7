//! Reading the configuration anew while the daemon runs.

use crate::engine::BuildError;
use plimsoll_spec::Fault;
use tokio::sync::oneshot;

/// Asks for a reload; whoever asks over HTTP waits for the answer, a signal doesn't.
pub(crate) type ReloadAsk = Option<oneshot::Sender<Result<(), ReloadError>>>;

/// Why a reload was refused. The old configuration stays in force.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReloadError {
    #[error("the configuration has {} {}", .0.len(), if .0.len() == 1 { "fault" } else { "faults" })]
    Faults(Vec<Fault>),
    #[error(transparent)]
    Build(#[from] BuildError),
    /// The new SLOs take up the kept counts from the archive, so it has to be up to date.
    #[error("the state can't be written, and a reload would lose it: {0}")]
    State(String),
}

impl ReloadError {
    /// Returns every fault of the configuration, a line each.
    pub(crate) fn faults(&self) -> Vec<String> {
        match self {
            Self::Faults(faults) => faults.iter().map(ToString::to_string).collect(),
            Self::Build(_) | Self::State(_) => Vec::new(),
        }
    }
}
