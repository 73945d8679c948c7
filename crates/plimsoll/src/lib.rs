//! Exact concurrency signals for a Rust service.

#![forbid(unsafe_code)]

mod backpressure;
mod clock;
#[doc(hidden)]
pub mod expansion;
mod export;
mod future;
mod instrument;
mod name;
mod operation;
pub mod scope;
pub mod sync;

pub use backpressure::{Backpressure, Reason};
pub use export::{collector, collector_of, text, text_of};
pub use future::{InFlight, InFlightFuture};
pub use name::Name;
pub use operation::{Operation, OperationGuard};
pub use plimsoll_macros::in_flight;
pub use plimsoll_model::{LabelError, Labels, Snapshot};
pub use plimsoll_record::{Outcome, Registry};
