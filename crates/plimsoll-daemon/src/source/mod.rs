//! Finds targets and scrapes them: one task each, so that a slow one delays no other. A prober is a target
//! in this process.

mod fetch;
mod files;
mod found;
mod heard;
mod in_flight;
mod job;
mod label_sets;
mod names;
mod prober;
mod scraper;
mod target;

pub(crate) use heard::{Arrival, Heard, PushedBatch, Report, TargetNumber};
pub(crate) use in_flight::InFlight;
pub(crate) use job::{JobError, JobSource, Numbers};
pub(crate) use label_sets::LabelSets;
pub(crate) use prober::{ProbeError, ProberSource};
