//! The artefacts that ship beside the binaries: Grafana dashboards, Prometheus rules and
//! Alertmanager routing, written from the catalog, and the lint that holds them to it.
//!
//! Nothing here reads or writes a file: [`artefacts`] gives the texts, `cargo xtask generate`
//! writes them, and a test fails when the two differ.

#![forbid(unsafe_code)]

pub mod alerting;
pub mod alertmanager;
pub mod dashboard;
pub mod lint;
mod promql;
pub mod recording;
pub mod rule;
pub mod runbook;
pub mod slo;

/// One generated file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Artefact {
    /// Its path in the repository, with `/`.
    pub path: String,
    /// Its whole text.
    pub text: String,
}

/// Why an artefact could not be written as text.
#[derive(Debug, thiserror::Error)]
#[error("{path} can't be written as YAML: {source}; this is a fault of plimsoll-rules")]
pub struct ArtefactError {
    path: &'static str,
    source: serde_yaml::Error,
}

const GENERATED: &str =
    "# Written by `cargo xtask generate` from crates/plimsoll-rules; change it there.\n";

/// Returns every generated file.
///
/// # Errors
///
/// Fails when one of them can't be written as text.
pub fn artefacts() -> Result<Vec<Artefact>, ArtefactError> {
    let mut artefacts = vec![
        yaml("alerts/rules.yaml", alerting::PREAMBLE, &alerting::file())?,
        yaml("alerts/recording.yaml", recording::PREAMBLE, &recording::file())?,
        yaml("alerts/alertmanager.yaml", alertmanager::PREAMBLE, &alertmanager::config())?,
    ];
    artefacts.extend(dashboard::all().iter().map(json));
    Ok(artefacts)
}

fn yaml(
    path: &'static str,
    preamble: &str,
    document: &impl serde::Serialize,
) -> Result<Artefact, ArtefactError> {
    let text = serde_yaml::to_string(document).map_err(|source| ArtefactError { path, source })?;
    Ok(Artefact { path: path.into(), text: format!("{GENERATED}#\n{preamble}{text}") })
}

/// Writes two spaces and a last line end, as Grafana's own export does.
fn json(dashboard: &dashboard::Dashboard) -> Artefact {
    Artefact { path: dashboard.path(), text: format!("{:#}\n", dashboard.to_json()) }
}
