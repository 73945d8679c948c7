//! Pasts on their way from a request to the engine.

use plimsoll_store::{Past, Precedence};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::oneshot;

/// What became of an import once it is on disk, or why it isn't.
pub(crate) type Outcome = Result<Precedence, String>;

/// A past that somebody wants counted, and who waits for word of it.
#[derive(Debug)]
pub(crate) struct Import {
    pub(crate) past: Past,
    pub(crate) answer: oneshot::Sender<Outcome>,
}

/// The one import that waits for the next step; clones are the same. The engine that takes it has it
/// on disk before another one may come.
#[derive(Clone, Debug, Default)]
pub(crate) struct Imports(Arc<Mutex<Option<Import>>>);

impl Imports {
    pub(crate) fn put(&self, import: Import) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(import);
    }

    pub(crate) fn take(&self) -> Option<Import> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}
