//! Sloth's `prometheus/v1`, and its resource `PrometheusServiceLevel`.

mod raw;
mod shape;
mod valid;

use crate::import::Import;
use raw::{RawResource, RawSpec};

/// Reads a file of Sloth's command line.
pub(crate) fn file(import: &mut Import<'_>) {
    match import.document.read::<RawSpec>(&shape::FILE) {
        Ok(spec) => valid::slos(import, "", spec),
        Err(faults) => import.found.faults.extend(faults),
    }
}

/// Reads a resource of Sloth's controller.
pub(crate) fn resource(import: &mut Import<'_>) {
    match import.document.read::<RawResource>(&shape::RESOURCE) {
        Ok(resource) => valid::slos(import, "spec.", resource.spec),
        Err(faults) => import.found.faults.extend(faults),
    }
}
