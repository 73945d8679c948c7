//! What the daemon measures itself: the series of the probers that run.

use plimsoll_model::Snapshot;
use plimsoll_record::Registry;
use std::sync::{Arc, PoisonError, RwLock};

/// The registries of the configuration that runs; clones share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct OwnSeries(Arc<RwLock<Vec<Registry>>>);

impl OwnSeries {
    /// Puts those of another configuration in their place.
    pub(crate) fn replace(&self, registries: Vec<Registry>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = registries;
    }

    /// Adds what they hold now.
    pub(crate) fn append_to(&self, snapshot: &mut Snapshot) {
        let registries = self.0.read().unwrap_or_else(PoisonError::into_inner).clone();
        for registry in registries {
            registry.snapshot().families.into_iter().for_each(|family| {
                snapshot.add(family);
            });
        }
    }
}
