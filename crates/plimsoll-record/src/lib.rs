//! Recording that never blocks.
//!
//! What happens is written down as an *edge* (a stamp, an instrument, what happened) in a log that
//! only the recording thread writes. Whoever reads merges all logs in the order of their stamps, up to
//! a watermark, and does the accounting there: level, peak, integral, saturated time, durations.
//! A snapshot stands at the watermark: every instrument at one instant.
//!
//! The doors are [`Registry`], which makes instruments, and the instruments themselves:
//! [`Activity`] for all that is entered and left, [`Histogram`], [`Counter`] and [`Gauge`].
//!
//! ```
//! use plimsoll_model::{Labels, catalog};
//! use plimsoll_record::{ActivitySpec, Outcome, Registry, Split};
//!
//! let registry = Registry::new();
//! let spec = ActivitySpec::new(&catalog::IN_FLIGHT, Labels::new([("operation", "auth")])?)
//!     .limit(64)
//!     .duration(&catalog::OPERATION_DURATION, Split::OUTCOME)
//!     .outcomes(&catalog::OPERATIONS);
//! let auth = registry.activity(spec)?;
//!
//! let guard = auth.guard(); // Dropped without a word, it would be `cancelled`.
//! guard.end(Outcome::Ok);
//!
//! let families = registry.snapshot().families;
//! assert!(families.iter().any(|family| family.name == "concurrency_in_flight_peak"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Values given to [`Histogram::observe`], counters and gauges don't go through the logs: a snapshot
//! shows them as it finds them, a moment after that instant.
//!
//! # When exactness is given up
//!
//! A snapshot equals a replay of all published edges in the order of their stamps, up to its
//! watermark. Two things break that, and each adds its span to `concurrency_inexact_seconds_total`:
//!
//! - a thread that is stopped for more than 100 ms amid an edge. Its one edge comes late.
//! - more than 262,144 edges that wait for a merge beside full logs. Later ones leave their sums only.
//!
//! Neither changes what is linear: levels, counts, integrals and sums of durations stay right. A peak
//! of that span is wrong by at most the edges that came late or were folded into sums, and as many
//! requests are in the band that the level had when they were merged. A thread beyond the bound on logs
//! that finds every shared log in use 64 times loses its edge; its span is inexact too.
//!
//! # Forks
//!
//! A forked child goes on from its parent's sums and forgets what its parent had in progress. As with
//! everything that has locks, a process forks while no other thread scrapes or merges.

#![deny(unsafe_code)]

mod account;
mod activity;
mod batch;
mod budget;
mod by;
pub mod clock;
mod counter;
mod edge;
pub mod exemplar;
mod fold;
mod gauge;
#[cfg(all(test, not(loom)))]
mod given_up;
mod histogram;
mod inlets;
mod log;
mod merge;
#[cfg(all(test, loom))]
mod models;
mod observed;
mod outcome;
mod process;
mod recorder;
mod registry;
#[cfg(all(test, not(loom)))]
mod replay;
mod shared;
#[cfg(all(test, not(loom)))]
mod soundness;
mod spec;
mod spill;
mod stripe;
mod sync;
mod tap;
pub mod waits;

pub use activity::{Activity, Entered, Guard};
pub use counter::Counter;
pub use gauge::Gauge;
pub use histogram::Histogram;
pub use outcome::Outcome;
pub use registry::{RegisterError, Registry, Timeline, Track};
pub use spec::{ActivitySpec, HistogramSpec, Split};
