//! The daemon's configuration: a YAML tree with places, then raw, then valid.

mod raw;
mod read;
mod shape;
mod slo_files;
#[cfg(test)]
mod tests;
mod valid;

pub use valid::Config;
pub(crate) use valid::{
    Access, Alertmanager, Credentials, Job, ScrapeBounds, ScrapeTarget, Secret, Tls, Webhook,
};
