use crate::dialect::Dialect;
use crate::import::{Found, Import, Sited};
use crate::lint::lint;
use crate::{Document, Fault, native, openslo, pyrra, sloth};
use plimsoll_slo::Slo;
use std::collections::HashSet;

/// The most SLOs of one file.
const SLOS_MAX: usize = 10_000;

/// The SLOs of one file.
#[derive(Clone, Debug, PartialEq)]
pub struct SloFile {
    /// The SLOs, in the order of the file.
    pub slos: Vec<Slo>,
    /// What isn't wrong but surely isn't meant: an alert that can never fire, for example.
    pub warnings: Vec<Fault>,
    /// Where each SLO's name stands, as faults that lack the reason.
    names: Vec<Fault>,
}

impl SloFile {
    /// Takes it apart into its SLOs, each with where its name stands: a fault about it that only
    /// lacks the reason, for what shows beside other files.
    pub fn into_placed(self) -> impl Iterator<Item = (Slo, Fault)> {
        self.slos.into_iter().zip(self.names)
    }
}

/// Reads the SLOs of one file, in whatever dialect it is; `file` is only what faults call it.
///
/// # Errors
/// Every fault of the file at once, in its order.
pub fn read(file: &str, text: &str) -> Result<SloFile, Vec<Fault>> {
    let documents = Document::parse_all(file, text)?;
    let mut found = Found::default();
    let mut openslo = Vec::new();
    for (number, document) in documents.iter().enumerate() {
        let mut import = Import { document, number, found: &mut found };
        match Dialect::of(document) {
            Ok(Dialect::Plimsoll) => native::file(&mut import),
            Ok(Dialect::OpenSlo(version)) => openslo.push((number, version)),
            Ok(Dialect::Sloth) => sloth::file(&mut import),
            Ok(Dialect::SlothResource) => sloth::resource(&mut import),
            Ok(Dialect::Pyrra) => pyrra::resource(&mut import),
            Err(fault) => import.found.faults.push(fault),
        }
    }
    openslo::objects(&documents, &openslo, &mut found);
    found.slos.sort_by_key(|sited| sited.document);
    if let Some(Sited { document, keys, .. }) = found.slos.get(SLOS_MAX)
        && let Some(document) = documents.get(*document)
    {
        let reason = format!("is one more than the {SLOS_MAX} SLOs that a file may hold: split it");
        return Err(vec![document.fault(&keys.name, reason)]);
    }
    found.faults.extend(doubled(&documents, &found.slos));
    for Sited { slo, document, keys } in &found.slos {
        if let Some(document) = documents.get(*document) {
            found.warnings.extend(lint(slo, keys, document));
        }
    }
    let in_order = |faults: &mut Vec<Fault>| {
        faults.sort_by_key(|fault| (fault.line, fault.column));
        // An object that several refer to is told of once.
        faults.dedup();
    };
    in_order(&mut found.faults);
    in_order(&mut found.warnings);
    if !found.faults.is_empty() {
        return Err(found.faults);
    }
    let mut file = SloFile { slos: Vec::new(), warnings: found.warnings, names: Vec::new() };
    for Sited { slo, document, keys } in found.slos {
        if let Some(document) = documents.get(document) {
            file.slos.push(slo);
            file.names.push(document.fault(&keys.name, ""));
        }
    }
    Ok(file)
}

/// An id names a budget on disk, so that no two SLOs can have one.
fn doubled(documents: &[Document], slos: &[Sited]) -> Vec<Fault> {
    let mut seen = HashSet::new();
    let mut faults = Vec::new();
    for Sited { slo, document, keys } in slos {
        let is_new = seen.insert((&slo.service, &slo.name));
        if let Some(document) = documents.get(*document).filter(|_| !is_new) {
            faults
                .push(document.fault(&keys.name, "is the name of an earlier SLO of this service"));
        }
    }
    faults
}
