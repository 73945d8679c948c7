//! OpenSLO: `v1`, and `v1alpha` and `v2alpha` as far as they mean the same. The objects of a file
//! refer to each other by name.

mod alert;
mod alpha;
mod budgeting;
mod metric;
mod objects;
mod raw;
mod shape;
mod slo;
mod window;

use crate::Document;
use crate::dialect::OpenSlo;
use crate::import::{Found, Import};
use objects::Objects;

/// Reads every OpenSLO object of a file; each of `numbers` is a document's, with its version.
pub(crate) fn objects(documents: &[Document], numbers: &[(usize, OpenSlo)], found: &mut Found) {
    let mut objects = Objects::default();
    for (number, version) in numbers {
        let Some(document) = documents.get(*number) else { continue };
        let mut import = Import { document, number: *number, found };
        objects.read(&mut import, *version);
    }
    objects.check_names(documents, found);
    for slo in &objects.slos {
        slo::read(documents, &objects, slo, found);
    }
    for slo in &objects.alpha_slos {
        alpha::read(documents, slo, found);
    }
}
