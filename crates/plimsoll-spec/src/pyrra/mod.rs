//! Pyrra's `ServiceLevelObjective`.

mod raw;
mod shape;
mod valid;

use crate::import::Import;
use raw::RawResource;

/// Reads a resource.
pub(crate) fn resource(import: &mut Import<'_>) {
    match import.document.read::<RawResource>(&shape::RESOURCE) {
        // What is wrong was noted as a fault.
        Ok(resource) => drop(valid::slo(import, resource)),
        Err(faults) => import.found.faults.extend(faults),
    }
}
