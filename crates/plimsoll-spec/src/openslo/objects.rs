use super::raw::{
    RawAlphaSlo, RawCondition, RawDataSource, RawNothing, RawObject, RawPolicy, RawSli, RawSlo,
};
use super::shape;
use crate::dialect::OpenSlo;
use crate::import::{Found, Import};
use crate::{Document, Shape};
use serde::de::DeserializeOwned;
use std::collections::{HashMap, HashSet};

/// The kinds of object that are read.
const KINDS: &str =
    "SLO, SLI, Service, DataSource, AlertPolicy, AlertCondition and AlertNotificationTarget";

/// An object and the number of its document.
#[derive(Debug)]
pub(super) struct Placed<T> {
    pub(super) document: usize,
    pub(super) object: RawObject<T>,
}

/// The objects of a file.
#[derive(Debug, Default)]
pub(super) struct Objects {
    pub(super) slos: Vec<Placed<RawSlo>>,
    pub(super) alpha_slos: Vec<Placed<RawAlphaSlo>>,
    pub(super) slis: HashMap<String, Placed<RawSli>>,
    pub(super) sources: HashMap<String, Placed<RawDataSource>>,
    pub(super) policies: HashMap<String, Placed<RawPolicy>>,
    pub(super) conditions: HashMap<String, Placed<RawCondition>>,
    pub(super) targets: HashSet<String>,
    /// Each object's kind and name, with its document.
    named: Vec<(String, usize)>,
}

impl Objects {
    /// Reads one document.
    pub(super) fn read(&mut self, import: &mut Import<'_>, version: OpenSlo) {
        let root = import.document.root();
        let Some(kind) = root.get("kind") else {
            let missing = import.document.fault_missing(&root, "kind", "is required");
            return import.found.faults.push(missing);
        };
        let is_v2 = version == OpenSlo::V2Alpha;
        match (kind.text().unwrap_or_default(), version) {
            ("SLO", OpenSlo::V1Alpha) => {
                self.alpha_slos.extend(self::read(import, &shape::SLO_ALPHA));
            }
            ("SLO", _) => {
                let shape = if is_v2 { &shape::SLO_V2 } else { &shape::SLO };
                self.slos.extend(self::read(import, shape));
            }
            ("Service", _) => {
                let _: Option<Placed<RawNothing>> = self::read(import, &shape::SERVICE);
            }
            ("SLI", OpenSlo::V1 | OpenSlo::V2Alpha) => {
                let shape = if is_v2 { &shape::SLI_V2 } else { &shape::SLI };
                keep(&mut self.slis, self::read(import, shape));
            }
            ("DataSource", OpenSlo::V1 | OpenSlo::V2Alpha) => {
                keep(&mut self.sources, self::read(import, &shape::DATA_SOURCE));
            }
            ("AlertPolicy", OpenSlo::V1 | OpenSlo::V2Alpha) => {
                keep(&mut self.policies, self::read(import, &shape::POLICY));
            }
            ("AlertCondition", OpenSlo::V1 | OpenSlo::V2Alpha) => {
                keep(&mut self.conditions, self::read(import, &shape::CONDITION));
            }
            ("AlertNotificationTarget", OpenSlo::V1 | OpenSlo::V2Alpha) => {
                let target: Option<Placed<RawNothing>> = self::read(import, &shape::TARGET);
                self.targets.extend(target.map(|target| target.object.metadata.name));
            }
            _ => {
                let _: Option<()> = import.fault("kind", format!("isn't read; known are {KINDS}"));
            }
        }
        let name = root.get("metadata").and_then(|metadata| metadata.get("name"));
        if let (Some(kind), Some(name)) = (kind.text(), name.and_then(|name| name.text())) {
            self.named.push((format!("{kind} {name}"), import.number));
        }
    }

    /// Two objects of a kind can't have one name.
    pub(super) fn check_names(&self, documents: &[Document], found: &mut Found) {
        let mut seen = HashSet::new();
        for (name, number) in &self.named {
            if let Some(document) = documents.get(*number).filter(|_| !seen.insert(name)) {
                let reason = "is the name of an earlier object of this kind";
                found.faults.push(document.fault("metadata.name", reason));
            }
        }
    }
}

fn read<T: DeserializeOwned>(import: &mut Import<'_>, shape: &Shape) -> Option<Placed<T>> {
    match import.document.read(shape) {
        Ok(object) => Some(Placed { document: import.number, object }),
        Err(faults) => {
            import.found.faults.extend(faults);
            None
        }
    }
}

fn keep<T>(kept: &mut HashMap<String, Placed<T>>, object: Option<Placed<T>>) {
    if let Some(object) = object {
        kept.entry(object.object.metadata.name.clone()).or_insert(object);
    }
}
