//! Finds targets and scrapes them: one task each, so that a slow one delays no other.

mod fetch;
mod files;
mod found;
mod heard;
mod job;
mod label_sets;
mod names;
mod scraper;
mod target;

pub(crate) use heard::{Arrival, Heard, PushedBatch, Report, TargetNumber};
pub(crate) use job::{JobError, JobSource, Numbers};
pub(crate) use label_sets::LabelSets;
