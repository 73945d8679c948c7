//! Who waits for whom: holders, live waits, blame, and the wait-for graph.
//!
//! A lock, semaphore, pool or bounded channel has one [`Resource`]. Whoever acquires it without a wait
//! leaves two words in it, who and where, and counts; whoever waits is entered in a bounded live table
//! until the [`Wait`] is dropped. Nothing here waits for a lock, and nothing but a wait, and one hold in
//! 64, reads a clock.
//!
//! - Each wait is charged to the call sites that held the resource meanwhile, slice by slice
//!   ([`Blame`]).
//! - [`live`] lists the waits that last, with their holders.
//! - [`Scanner`] finds cycles among them.
//!
//! # Nodes
//! A node is a [`Who`]: a task of an asynchronous runtime, else a thread. A task that blocks its thread
//! is both. A future that has a waker of its own within a task is a node by itself. Of a holder whose
//! guard may be handed to another task nobody knows who it is until the guard is used; such a holder is
//! [`Who::UNKNOWN`], and nobody is accused on its account.

mod blame;
mod crowd;
mod graph;
mod holder;
mod kind;
mod past;
mod resource;
mod scan;
mod seat;
pub(crate) mod table;
mod wait;
mod what;
mod who;

pub use blame::Blame;
pub use holder::LiveHold;
pub use kind::Kind;
pub use past::{Role, Span};
pub(crate) use past::{lasting, since};
pub use resource::{By, Resource};
pub use scan::{Cycle, Scanner};
pub use seat::{Held, Seat};
pub(crate) use wait::charge_live;
pub use wait::{LiveWait, Wait, live, missed};
pub use what::What;
pub use who::Who;

use std::panic::Location;

/// A place in the source.
pub type Site = &'static Location<'static>;
