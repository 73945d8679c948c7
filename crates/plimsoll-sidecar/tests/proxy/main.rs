//! The proxy between a client and a target that both do as the test says.

#![allow(clippy::expect_used, clippy::unwrap_used)] // a test stops at the first thing that is not as it must be

mod bad_input;
mod drain;
mod http2;
mod limit;
mod reload;
mod requests;
mod rig;
#[path = "../scrape/mod.rs"]
mod scrape;
mod stalls;
mod truth;
mod tunnels;
