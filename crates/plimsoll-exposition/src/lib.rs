//! Prometheus text 0.0.4 and OpenMetrics 1.0, written and read.
//!
//! This is the only crate that knows a wire format. [`encode`] writes a
//! [`Snapshot`](plimsoll_model::Snapshot), [`decode`] reads a body into a
//! [`Scrape`](plimsoll_model::Scrape), and [`Format`] says which of the two formats it is.

#![forbid(unsafe_code)]

pub mod decode;
pub mod encode;
mod format;

pub use format::{Format, negotiate};
