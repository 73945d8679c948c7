//! Prometheus text 0.0.4 and OpenMetrics 1.0, written and read; Prometheus protobuf, written.
//!
//! This is the only crate that knows a wire format of Prometheus. [`encode`] writes a
//! [`Snapshot`](plimsoll_model::Snapshot) in an [`Encoding`], [`decode`] reads a body into a
//! [`Scrape`](plimsoll_model::Scrape), and [`Format`] says which of the two texts it is.

#![forbid(unsafe_code)]

pub mod decode;
pub mod encode;
mod format;
mod interest;
pub mod push;

pub use format::{Encoding, Format, negotiate};
pub use interest::Interest;
