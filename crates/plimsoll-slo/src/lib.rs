//! The service level objective: what it is, what its budget is, how fast it burns, and when that
//! is worth a page.
//!
//! Pure: time is an argument, every count is an integer, and nothing here knows a clock, a
//! socket, a file, YAML or PromQL.

#![forbid(unsafe_code)]

mod length;
mod policy;
mod slo;
mod windows;

pub use length::length_name;
pub use slo::*;
pub use windows::Windows;
