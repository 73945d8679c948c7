//! The SLO daemon: scrapes targets, keeps budgets, notifies, and serves an API and a page.
//!
//! [`Config::read`] gives a valid configuration or every fault at once; [`Daemon::bind`] opens the
//! data directory and listens; [`Bound::run`] runs until it is told to stop.

#![forbid(unsafe_code)]

mod backoff;
mod client;
mod config;
mod instant;
mod keeper;
mod notify;
mod source;

pub use config::Config;
