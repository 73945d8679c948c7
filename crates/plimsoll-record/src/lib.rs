//! Recording that never blocks.
//!
//! What happens is written down as an *edge* (a stamp, an instrument, what happened) in a log that
//! only the recording thread writes. Whoever reads merges all logs in the order of their stamps, up to
//! a watermark, and does the accounting there: level, peak, integral, saturated time, durations.
//! A snapshot stands at the watermark: every instrument at one instant.
//!
//! The doors are [`Registry`], which makes instruments, and the instruments themselves:
//! [`Activity`] for all that is entered and left, [`Histogram`], [`Counter`] and [`Gauge`].

#![deny(unsafe_code)]

mod account;
mod activity;
pub mod clock;
mod counter;
mod edge;
mod gauge;
mod histogram;
mod log;
mod merge;
#[cfg(all(test, loom))]
mod models;
mod outcome;
mod process;
mod recorder;
mod registry;
#[cfg(all(test, not(loom)))]
mod replay;
mod shared;
mod spec;
mod stripe;
mod sync;

pub use activity::{Activity, Entered, Guard};
pub use counter::Counter;
pub use gauge::Gauge;
pub use histogram::Histogram;
pub use outcome::Outcome;
pub use registry::{RegisterError, Registry};
pub use spec::{ActivitySpec, HistogramSpec, Split};
