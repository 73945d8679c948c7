//! Mirrors of synchronisation primitives: the same API, and what happens at them is recorded.

pub mod tokio;
