use crate::native::{self, RawFile};
use crate::{Document, Fault, Faults, View};
use plimsoll_slo::Slo;

/// The version of our own dialect.
const OWN: &str = "plimsoll/v1";

/// Keys that say which dialect a file is in, ours and those of others.
const DIALECT_KEYS: [&str; 2] = ["apiVersion", "version"];

/// The SLOs of one file.
#[derive(Clone, Debug, PartialEq)]
pub struct SloFile {
    /// The SLOs, in the order of the file.
    pub slos: Vec<Slo>,
    /// What isn't wrong but surely isn't meant: an alert that can never fire, for example.
    pub warnings: Vec<Fault>,
}

/// Reads the SLOs of one file; `file` is only what faults call it.
///
/// # Errors
/// Every fault of the file at once, in its order.
pub fn read(file: &str, text: &str) -> Result<SloFile, Vec<Fault>> {
    let document = Document::parse(file, text)?;
    let mut faults = Faults::new(file.into());
    check_dialect(&document.root(), &mut faults);
    if !faults.is_empty() {
        return Err(faults.into_sorted());
    }
    let raw: RawFile = document.read(&native::FILE)?;
    let (slos, warnings) = native::slos(&document, raw).map_err(|fault| vec![fault])?;
    Ok(SloFile { slos, warnings })
}

/// A file of another dialect is one fault, not one for each key that ours doesn't have.
fn check_dialect(root: &View<'_>, faults: &mut Faults) {
    match DIALECT_KEYS.iter().find_map(|key| root.get(key)) {
        Some(version) if version.text() == Some(OWN) && version.key() == Some("apiVersion") => {}
        Some(version) => {
            faults.add(&version, format!("is no dialect that is read: write `apiVersion: {OWN}`"));
        }
        None => faults.add_missing(root, "apiVersion", format!("is required: write `{OWN}`")),
    }
}
