//! `plimsoll init`: files to start from.

use anyhow::{Context, bail};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

const CONFIG: &str = include_str!("../templates/plimsoll.yml");
const SLOS: &str = include_str!("../templates/slos.yaml");

#[derive(clap::Args)]
#[command(
    about = "Write a commented configuration and SLO file to start from",
    after_help = "Nothing that exists is overwritten.\n\nExample: plimsoll init monitoring && plimsoll serve --config monitoring/plimsoll.yml"
)]
pub(crate) struct Arguments {
    /// The folder to write plimsoll.yml and slos/example.yaml to
    #[arg(default_value = ".", value_name = "FOLDER")]
    folder: PathBuf,
}

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let folder = &arguments.folder;
    let files = [(folder.join("plimsoll.yml"), CONFIG), (folder.join("slos/example.yaml"), SLOS)];
    if let Some((path, _)) = files.iter().find(|(path, _)| path.exists()) {
        bail!("{} exists already: choose another folder or move it away", path.display());
    }
    for (path, text) in &files {
        write(path, text).with_context(|| format!("can't write {}", path.display()))?;
        println!("wrote {}", path.display());
    }
    println!("next: plimsoll serve --config {}", folder.join("plimsoll.yml").display());
    Ok(ExitCode::SUCCESS)
}

fn write(path: &Path, text: &str) -> std::io::Result<()> {
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent)?;
    }
    std::fs::write(path, text)
}
