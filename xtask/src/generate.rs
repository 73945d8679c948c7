//! `cargo xtask generate`: writes the dashboards, rules and routing that ship with the project, and the
//! table of every series.

use crate::run::{Failure, cargo, step};
use anyhow::{Context, bail};
use plimsoll_rules::{Artefact, artefacts};
use std::fs;
use std::path::Path;

/// Writes every generated file under `root`, and removes nothing.
///
/// # Errors
///
/// Fails when an artefact can't be built or a file can't be written.
pub(crate) fn write(root: &Path) -> anyhow::Result<()> {
    for artefact in artefacts()? {
        if is_current(root, &artefact) {
            continue;
        }
        let path = root.join(&artefact.path);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)
                .with_context(|| format!("can't make {}", folder.display()))?;
        }
        fs::write(&path, &artefact.text)
            .with_context(|| format!("can't write {}", path.display()))?;
    }
    Ok(())
}

/// Compares every generated file under `root` with what would be written.
///
/// # Errors
///
/// Fails and names each file that is missing or differs.
pub(crate) fn check(root: &Path) -> anyhow::Result<()> {
    let drifted: Vec<String> = artefacts()?
        .into_iter()
        .filter(|artefact| !is_current(root, artefact))
        .map(|artefact| artefact.path)
        .collect();
    if !drifted.is_empty() {
        bail!("run `cargo xtask generate`: not as generated: {}", drifted.join(", "));
    }
    Ok(())
}

/// Writes `docs/signals.md`. The test that holds it against the catalog and the pages of documentation
/// knows how, since it reads the sources of both.
///
/// # Errors
///
/// Fails when it can't be written.
pub(crate) fn write_signals() -> Result<(), Failure> {
    step("docs/signals.md", cargo(&SIGNALS).env("PLIMSOLL_WRITE", "1"))
}

/// Compares `docs/signals.md` with what would be written.
///
/// # Errors
///
/// Fails when it differs.
pub(crate) fn check_signals() -> Result<(), Failure> {
    step("docs/signals.md", &mut cargo(&SIGNALS))
}

const SIGNALS: [&str; 7] =
    ["test", "--quiet", "--package", "plimsoll", "--test", "pages", "the_table_of_every_series"];

fn is_current(root: &Path, artefact: &Artefact) -> bool {
    fs::read_to_string(root.join(&artefact.path)).is_ok_and(|text| text == artefact.text)
}
