//! A whole daemon against targets and sinks in this process, over HTTP alone.

mod alerting;
mod api;
mod bad_targets;
mod sink;
mod target;
mod world;
