//! Exact concurrency signals for a Rust service.

#![forbid(unsafe_code)]

mod backpressure;
mod clock;
#[doc(hidden)]
pub mod expansion;
mod export;
mod freshness;
mod future;
mod instrument;
mod lag;
mod name;
mod operation;
mod pool;
mod queue;
mod runtime;
pub mod scope;
pub mod sync;

pub use backpressure::{Backpressure, Reason};
pub use export::{collector, collector_of, text, text_of};
pub use freshness::FreshnessProbe;
pub use future::{InFlight, InFlightFuture};
pub use lag::LagProbe;
pub use name::Name;
pub use operation::{Operation, OperationGuard};
pub use plimsoll_macros::in_flight;
pub use plimsoll_model::{LabelError, Labels, Snapshot};
pub use plimsoll_record::{Outcome, Registry};
pub use pool::{Lease, Leased, PoolProbe, PoolWait};
pub use queue::{QueueProbe, Queued};
pub use runtime::RuntimeProbe;
