//! What an import from a Prometheus was begun with, so that it goes on where it was broken off.

use anyhow::Context;
use plimsoll_backtest::selectors;
use plimsoll_model::TimeMs;
use plimsoll_slo::Slo;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The file within the folder of an import.
const FILE: &str = "plan.json";

/// One stretch of time and the SLOs that it is read for.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Part {
    pub(super) until_ms: i64,
    pub(super) slos: Vec<String>,
}

/// What is read.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Plan {
    server: String,
    /// What the SLOs read: with another answer the parts would be worth nothing.
    selectors: BTreeMap<String, Vec<String>>,
    pub(super) from_ms: i64,
    pub(super) parts: Vec<Part>,
}

impl Plan {
    /// Makes the plan for SLOs that know about themselves since these times.
    pub(super) fn new(server: &str, slos: &[(Arc<Slo>, TimeMs)], from: TimeMs) -> Self {
        let mut parts: Vec<Part> = Vec::new();
        let mut read = BTreeMap::new();
        for (slo, until) in slos {
            let series: Vec<String> = selectors(slo).iter().map(ToString::to_string).collect();
            if series.is_empty() || *until <= from {
                continue;
            }
            read.insert(id(slo), series);
            match parts.iter_mut().find(|part| part.until_ms == until.0) {
                Some(part) => part.slos.push(id(slo)),
                None => parts.push(Part { until_ms: until.0, slos: vec![id(slo)] }),
            }
        }
        Self { server: server.into(), selectors: read, from_ms: from.0, parts }
    }

    /// Returns the plan that an import was broken off with, if it was this one; a folder of another
    /// one is emptied.
    pub(super) fn resume(self, folder: &Path) -> anyhow::Result<Self> {
        let file = folder.join(FILE);
        let text = std::fs::read_to_string(&file).unwrap_or_default();
        let before = serde_json::from_str::<Self>(&text).ok();
        if let Some(before) = before.filter(|before| {
            before.server == self.server
                && before.selectors == self.selectors
                // A start given as so long ago moves on while it is broken off.
                && before.from_ms <= self.from_ms
        }) {
            return Ok(before);
        }
        let _ = std::fs::remove_dir_all(folder);
        let context = || format!("{} can't be written", folder.display());
        std::fs::create_dir_all(folder).with_context(context)?;
        std::fs::write(&file, serde_json::to_vec(&self)?).with_context(context)?;
        Ok(self)
    }

    /// Returns where a part is built.
    pub(super) fn folder(&self, base: &Path, part: usize) -> PathBuf {
        base.join(part.to_string())
    }
}

/// Returns what a plan calls an SLO.
pub(super) fn id(slo: &Slo) -> String {
    format!("{}/{}", slo.service, slo.name)
}
