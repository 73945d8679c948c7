//! The atomics that the stripes are built on. The models give them loom's in their place.

pub(crate) use std::sync::atomic::{AtomicU64, Ordering};

/// Runs a test once; the models run it under loom.
#[cfg(test)]
pub(crate) fn model(body: impl Fn() + Send + Sync + 'static) {
    body();
}
