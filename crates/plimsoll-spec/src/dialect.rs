use crate::{Document, Fault, View};

/// What a file is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    Plimsoll,
    OpenSlo(OpenSlo),
    Sloth,
    SlothResource,
    Pyrra,
}

/// The versions of OpenSLO.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OpenSlo {
    V1Alpha,
    V1,
    V2Alpha,
}

/// Every dialect, by the key and value that say so.
const DIALECTS: [(&str, &str, Dialect); 8] = [
    ("apiVersion", "plimsoll/v1", Dialect::Plimsoll),
    ("apiVersion", "openslo/v1", Dialect::OpenSlo(OpenSlo::V1)),
    ("apiVersion", "openslo/v1alpha", Dialect::OpenSlo(OpenSlo::V1Alpha)),
    ("apiVersion", "openslo.com/v2alpha", Dialect::OpenSlo(OpenSlo::V2Alpha)),
    ("apiVersion", "openslo.com/v2alpha1", Dialect::OpenSlo(OpenSlo::V2Alpha)),
    ("version", "prometheus/v1", Dialect::Sloth),
    ("apiVersion", "sloth.slok.dev/v1", Dialect::SlothResource),
    ("apiVersion", "pyrra.dev/v1alpha1", Dialect::Pyrra),
];

impl Dialect {
    /// Tells a document's dialect. What is in none is one fault, not one for each of its keys.
    pub(crate) fn of(document: &Document) -> Result<Self, Fault> {
        let root = document.root();
        let Some(version) = ["apiVersion", "version"].iter().find_map(|key| root.get(key)) else {
            return Err(document.fault_missing(
                &root,
                "apiVersion",
                "is required: write `plimsoll/v1`",
            ));
        };
        let found = |(key, value, _): &&(&str, &str, Self)| {
            version.key() == Some(key) && version.text() == Some(value)
        };
        DIALECTS
            .iter()
            .find(found)
            .map(|(.., dialect)| *dialect)
            .ok_or_else(|| unknown(document, &version))
    }
}

fn unknown(document: &Document, version: &View<'_>) -> Fault {
    let known: Vec<_> = DIALECTS.iter().map(|(_, value, _)| format!("`{value}`")).collect();
    let reason = format!("is no dialect that is read; known are {}", known.join(", "));
    document.fault(version.path(), reason)
}
