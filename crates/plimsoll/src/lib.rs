//! Exact concurrency signals for a Rust service.
//!
//! How many are in flight, how long they wait for each other, how full the queues are, how stale what
//! they read is: a gauge that is sampled each 15 s misses a burst of 200 ms nearly always. Here every
//! entry and exit is written down by the thread that makes it, and whoever reads gets the exact peak,
//! the exact mean and the exact time at the limit.
//!
//! # Start in five lines
//!
//! ```
//! use plimsoll::in_flight;
//! use plimsoll::sync::tokio::Mutex;
//!
//! struct Shop {
//!     ledger: Mutex<u64>,
//! }
//!
//! #[in_flight(name = "pay", limit = 64)] // the calls, how they end, how long they take
//! async fn pay(shop: &Shop, amount: u64) -> Result<u64, &'static str> {
//!     let mut ledger = shop.ledger.lock().await; // the waits, the waiters, the holds
//!     *ledger = ledger.checked_add(amount).ok_or("too rich")?;
//!     Ok(*ledger)
//! }
//!
//! # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
//! let shop = Shop { ledger: Mutex::named("ledger", 0) };
//! assert_eq!(pay(&shop, 2).await, Ok(2));
//! let metrics: String = plimsoll::text(); // what `/metrics` answers
//! assert!(metrics.contains(r#"concurrency_in_flight_peak{operation="pay"} 1"#));
//! # });
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! # Which instrument
//!
//! | there is | use |
//! |---|---|
//! | a function that matters | [`#[in_flight]`](macro@in_flight) |
//! | a future, or a few lines | [`InFlight::in_flight`], [`scope::in_flight!`](scope::in_flight), [`Operation::enter`] |
//! | an HTTP service | `ConcurrencyLayer` of the crate `plimsoll-tower` |
//! | a lock, semaphore or channel | its mirror in [`sync`], with a name |
//! | a queue of another make | [`QueueProbe`] |
//! | a pool of connections | [`Pooled`], or [`PoolProbe`] by hand |
//! | threads that work off jobs | [`Workers`] |
//! | a stream or a body | [`Operation::stream`], [`Operation::body`] |
//! | a limiter, fixed or adaptive | [`LimiterProbe`] |
//! | retries | [`Attempts`] |
//! | a consumer of a log | [`LagProbe`] |
//! | a snapshot or cache that is refreshed | [`FreshnessProbe`] |
//! | work that is turned away | [`backpressure!`] |
//! | a tokio runtime | [`RuntimeProbe`] |
//! | something that only this service has | a catalog of its own: [`metrics`] |
//!
//! Each page says what is recorded in which unit, what it costs, what a cancellation does, and the
//! PromQL to read it.
//!
//! # How a level is read
//!
//! Everything that is entered and left is exported as one *level*. Of `concurrency_in_flight` that is:
//!
//! | series | read it as |
//! |---|---|
//! | `concurrency_in_flight` | now: a sample, good for a first look |
//! | `concurrency_in_flight_limit` | the limit, where there is one |
//! | `concurrency_in_flight_peak` | the highest of the last 60 s, whoever scrapes how often |
//! | `concurrency_in_flight_time_seconds_total` | its `rate()` is the exact mean |
//! | `concurrency_in_flight_saturated_seconds_total` | its `rate()` is the share of time at the limit or above |
//! | `concurrency_in_flight_time_weighted` | a histogram of milliseconds by level: `histogram_quantile` over time |
//! | `concurrency_in_flight_oldest_age_seconds` | how long the oldest is in it: what is stuck shows before it ends |
//!
//! # Names
//!
//! A [`Name`] is a string, or a string with more labels, histogram edges and bands. Everything here
//! that is made by name records in [`Registry::global`]; each constructor has a sibling `…_in` that
//! takes a [`Registry`]. The same name gives the same series, so instances of one kind share them. A
//! registry takes 2,000 label sets a family; what is beyond goes to the label value `overflow`, and is
//! counted in `concurrency_label_sets_dropped_total`.
//!
//! # Export
//!
//! [`text`] writes Prometheus text, and [`collector`] puts everything into a registry of
//! `prometheus-client` that a service has already. `plimsoll_runtime::admin::spawn` serves `/metrics`
//! from a thread of its own, which answers while the service's runtime is starved, and keeps the logs
//! short. Without it, call [`Registry::merge`] about every 50 ms from a thread that has nothing urgent
//! to do: a log that fills up between two scrapes is folded, exact in its sums but not in its order,
//! and `concurrency_inexact_seconds_total` says for how long.
//!
//! # Who waits for whom
//!
//! What goes through a mirror knows who holds it, where it was acquired and who waits. A lock's waits are
//! charged to the call sites that held it meanwhile (`concurrency_lock_blamed_seconds_total`), and the
//! admin port lists live waits, names deadlocks over locks, permits, pools and channels of all makes, and
//! draws the last seconds. [`plimsoll_record::waits`] says how it works and what it doesn't see.
//!
//! # What it never does
//!
//! An instrument starts no thread and no task, never blocks, and takes no lock that it measures. All
//! accounting is done when a value is dropped, so a cancelled future, an early return and a panic are
//! outcomes and no leaks. What is unknown is absent: never 0, never NaN.

#![forbid(unsafe_code)]

mod attempts;
mod backpressure;
mod clock;
mod cpu;
#[doc(hidden)]
pub mod expansion;
mod export;
mod freshness;
mod future;
#[doc(hidden)]
pub mod instrument;
mod lag;
mod limiter;
pub mod metrics;
mod name;
mod operation;
mod pool;
mod pooled;
mod queue;
mod runtime;
pub mod scope;
mod stream;
pub mod sync;
mod watched;
mod who;
mod workers;

pub use attempts::Attempts;
pub use backpressure::{Backpressure, Reason};
pub use clock::{Clock, ManualClock, SystemClock};
pub use export::{collector, collector_of, text, text_of};
pub use freshness::FreshnessProbe;
pub use future::{InFlight, InFlightFuture};
pub use lag::LagProbe;
pub use limiter::{Admitted, LimiterProbe};
pub use name::Name;
pub use operation::{Operation, OperationGuard};
pub use plimsoll_macros::{concurrency_metrics, in_flight};
pub use plimsoll_model::{LabelError, Labels, Snapshot};
pub use plimsoll_record::{Outcome, Registry};
pub use pool::{Lease, Leased, PoolProbe, PoolWait};
pub use pooled::{Pool, Pooled};
pub use queue::{QueueProbe, Queued};
pub use runtime::RuntimeProbe;
pub use stream::{InFlightBody, InFlightStream};
pub use watched::Watched;
pub use workers::Workers;
