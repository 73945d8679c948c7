//! The daemon's configuration: a YAML tree with places, then raw, then valid.

mod groups;
mod raw;
mod read;
mod relabel_rule;
mod shape;
mod slo_files;
#[cfg(test)]
mod tests;
mod valid;
mod web;

pub(crate) use groups::read_groups;
pub use valid::Config;
pub(crate) use valid::{
    Access, Alertmanager, Backend, Credentials, Discovery, Job, Limits, Prober, Records,
    ScrapeBounds, Secret, TargetGroup, Tls, Webhook,
};
pub(crate) use web::{WebConfig, WebTls, read_web};
