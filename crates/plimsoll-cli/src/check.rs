//! `plimsoll check`: every fault at once, before anything runs.

use plimsoll_daemon::Config;
use plimsoll_slo::Slo;
use plimsoll_spec::{Document, Fault};
use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

/// Keys that only SLO files have at their top.
const SLO_FILE_KEYS: [&str; 3] = ["apiVersion", "version", "slos"];

#[derive(clap::Args)]
#[command(
    about = "Read configuration and SLO files and report every fault at once",
    after_help = "Exit status: 0 and a line per SLO, or 2 and on standard error a line per fault:\n\
                  file:line:column: key: value: reason\n\n\
                  Example: plimsoll check plimsoll.yml slos/*.yaml"
)]
pub(crate) struct Arguments {
    /// Configuration files of the daemon and SLO files, told apart by what is in them
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    let (mut faults, mut slos) = (Vec::new(), Vec::new());
    for file in &arguments.files {
        match read(file) {
            Ok(found) => slos.extend(found.iter().map(|slo| line(slo))),
            Err(found) => faults.extend(found.iter().map(ToString::to_string)),
        }
    }
    for fault in once(&faults) {
        eprintln!("{fault}");
    }
    if !faults.is_empty() {
        return ExitCode::from(2);
    }
    for slo in once(&slos) {
        println!("{slo}");
    }
    ExitCode::SUCCESS
}

/// Leaves out what was said already: an SLO file is read again with a configuration that names it.
fn once(lines: &[String]) -> impl Iterator<Item = &String> {
    let mut said = HashSet::new();
    lines.iter().filter(move |line| said.insert(*line))
}

fn read(file: &Path) -> Result<Vec<Arc<Slo>>, Vec<Fault>> {
    let name = file.display().to_string();
    // A file that can't be read is the configuration reader's fault to tell.
    let text = std::fs::read_to_string(file).unwrap_or_default();
    if is_slo_file(&name, &text) {
        let read = plimsoll_spec::read(&name, &text)?;
        warn(&read.warnings);
        Ok(read.slos.into_iter().map(Arc::new).collect())
    } else {
        let config = Config::read(file)?;
        warn(config.warnings());
        Ok(config.slos().to_vec())
    }
}

fn is_slo_file(name: &str, text: &str) -> bool {
    Document::parse(name, text)
        .is_ok_and(|document| SLO_FILE_KEYS.iter().any(|key| document.root().get(key).is_some()))
}

fn warn(warnings: &[Fault]) {
    for warning in warnings {
        eprintln!("warning: {warning}");
    }
}

fn line(slo: &Slo) -> String {
    let objective = f64::from(slo.objective.ppm()) / 10_000.0;
    format!("{}/{}: {objective} % over {}", slo.service, slo.name, slo.period)
}
