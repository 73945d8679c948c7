//! What every long-lived process shares: a clock that never steps, one stop signal, readiness,
//! and the admin thread that answers while everything else is starved.

#![forbid(unsafe_code)]

pub mod admin;
pub mod clock;
pub mod process;
pub mod ready;
pub mod reload;
pub mod shutdown;
