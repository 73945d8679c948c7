//! A whole daemon against targets and sinks in this process, over HTTP alone.

// What goes wrong in the world around a test ends the test.
#![allow(clippy::expect_used)]

mod alerting;
mod api;
mod backend;
mod backup;
mod bad_sinks;
mod bad_targets;
mod bands;
mod discovery;
mod hooks;
mod operating;
mod pushing;
#[path = "../../../plimsoll-exposition/tests/remote_write/mod.rs"]
mod remote_write;
mod sink;
mod target;
mod web;
mod world;
