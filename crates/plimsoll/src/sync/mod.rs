//! Mirrors of synchronisation primitives: the same API, and what happens at them is recorded.

mod called;
pub(crate) mod channel;
pub mod crossbeam;
mod guard;
mod hold;
mod lock;
pub mod lock_api;
mod lock_cell;
mod mode;
mod parked;
pub mod parking_lot;
pub mod std;
pub mod tokio;
