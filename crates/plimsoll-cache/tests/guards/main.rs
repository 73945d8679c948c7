//! The guards in simulated time, each against an origin that counts for itself.

#![allow(clippy::expect_used)] // A test that finds nothing has failed.

#[path = "../../../plimsoll/tests/reading/mod.rs"]
mod reading;

mod cancellation;
mod failing;
mod leases;
mod single_flight;
mod stale;
mod world;
