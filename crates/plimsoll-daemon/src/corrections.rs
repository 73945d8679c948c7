//! Corrections on their way from a request to the engine.

use plimsoll_store::{Correction, Store};
use std::sync::{Arc, Mutex, PoisonError};

/// Corrections that are kept and not counted yet; clones are the same. Bounded by how many requests a
/// step lets in: the engine empties it at each, and a new engine reads the archive anyway.
#[derive(Clone, Debug, Default)]
pub(crate) struct Corrections(Arc<Mutex<Vec<Correction>>>);

impl Corrections {
    pub(crate) fn put(&self, correction: Correction) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(correction);
    }

    /// Hands all over to the store.
    pub(crate) fn apply_to(&self, store: &mut Store) {
        let waiting = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        waiting.iter().for_each(|correction| store.correct(correction));
    }
}
