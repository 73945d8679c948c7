//! Mirrors of synchronisation primitives: the same API, and what happens at them is recorded.

pub(crate) mod channel;
pub mod crossbeam;
mod lock;
pub mod std;
pub mod tokio;
