//! The SLO daemon: scrapes targets, keeps budgets, notifies, and serves an API and a page.
//!
//! [`Config::read`] gives a valid configuration or every fault at once; [`Daemon::bind`] opens the
//! data directory and listens; [`Bound::run`] runs until it is told to stop.

#![forbid(unsafe_code)]

mod api;
mod backend;
mod backoff;
mod client;
mod config;
mod corrections;
mod daemon;
mod engine;
mod generation;
mod imports;
mod inbox;
mod instant;
mod keeper;
mod lens;
mod links;
mod notify;
mod own_series;
mod reload;
mod source;
mod supervisor;
mod timeline;
mod view;
mod web;
mod words;

pub use config::Config;
pub use daemon::{BindError, Bound, Daemon};
pub use supervisor::RunError;
