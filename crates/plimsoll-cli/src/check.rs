//! `plimsoll check`: every fault at once, before anything runs.

use plimsoll_daemon::Config;
use plimsoll_slo::Slo;
use plimsoll_spec::{Document, Fault};
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Keys that only SLO files have at their top.
const SLO_FILE_KEYS: [&str; 3] = ["apiVersion", "version", "slos"];

#[derive(clap::Args)]
#[command(
    about = "Read configuration and SLO files and report every fault at once",
    after_help = "SLO files are read as they are, whatever they are written for: plimsoll/v1, OpenSLO\n\
                  (openslo/v1, openslo/v1alpha, openslo.com/v2alpha), Sloth (prometheus/v1 and\n\
                  PrometheusServiceLevel), Pyrra (pyrra.dev/v1alpha1).\n\n\
                  Exit status: 0 and a line per SLO and collector, or 2 and on standard error a line per fault:\n\
                  file:line:column: key: value: reason\n\n\
                  Example: plimsoll check plimsoll.yml slos/*.yaml"
)]
pub(crate) struct Arguments {
    /// Configuration files of the daemon, of sidecars, and SLO files, told apart by what is in them
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    let mut found = Found::default();
    for file in &arguments.files {
        found.read(file);
    }
    for warning in once(&found.warnings) {
        eprintln!("warning: {warning}");
    }
    for fault in once(&found.faults) {
        eprintln!("{fault}");
    }
    if !found.faults.is_empty() {
        return ExitCode::from(2);
    }
    for slo in once(&found.slos) {
        println!("{slo}");
    }
    for collector in &found.collectors {
        println!("{collector}");
    }
    ExitCode::SUCCESS
}

/// Leaves out what was said already: an SLO file is read again with a configuration that names it.
fn once(lines: &[String]) -> impl Iterator<Item = &String> {
    let mut said = HashSet::new();
    lines.iter().filter(move |line| said.insert(*line))
}

/// What all files together say, a line each.
#[derive(Default)]
struct Found {
    slos: Vec<String>,
    collectors: Vec<String>,
    warnings: Vec<String>,
    faults: Vec<String>,
    /// In which file each id stands.
    ids: HashMap<String, PathBuf>,
}

impl Found {
    fn read(&mut self, file: &Path) {
        let name = file.display().to_string();
        // A file that can't be read is the configuration reader's fault to tell.
        let text = plimsoll_spec::load(file).unwrap_or_default();
        if is_sidecars(&name, &text) {
            return match plimsoll_sidecar::Config::parse(&name, &text) {
                Ok(config) => {
                    self.collectors.extend(config.collectors.iter().map(ToString::to_string));
                }
                Err(faults) => self.fault(&faults),
            };
        }
        match is_slo_file(&name, &text) {
            true => match plimsoll_spec::read(&name, &text) {
                Ok(read) => {
                    self.warn(&read.warnings);
                    read.into_placed().for_each(|(slo, place)| self.take(&slo, place, file));
                }
                Err(faults) => self.fault(&faults),
            },
            false => match Config::read(file) {
                Ok(config) => {
                    self.warn(config.warnings());
                    self.slos.extend(config.slos().iter().map(|slo| line(slo)));
                }
                Err(faults) => self.fault(&faults),
            },
        }
    }

    /// An id names one budget, whatever file it is in.
    fn take(&mut self, slo: &Slo, place: Fault, file: &Path) {
        let id = format!("{}/{}", slo.service, slo.name);
        match self.ids.get(&id) {
            Some(other) if other != file => {
                let reason = format!("{id} is in {} too: rename one", other.display());
                self.fault(&[Fault { reason, ..place }]);
            }
            _ => drop(self.ids.insert(id, file.to_owned())),
        }
        self.slos.push(line(slo));
    }

    fn warn(&mut self, warnings: &[Fault]) {
        self.warnings.extend(warnings.iter().map(ToString::to_string));
    }

    fn fault(&mut self, faults: &[Fault]) {
        self.faults.extend(faults.iter().map(ToString::to_string));
    }
}

fn is_sidecars(name: &str, text: &str) -> bool {
    Document::parse(name, text).is_ok_and(|it| plimsoll_sidecar::Config::recognises(&it))
}

fn is_slo_file(name: &str, text: &str) -> bool {
    let is_of_slos =
        |document: &Document| SLO_FILE_KEYS.iter().any(|key| document.root().get(key).is_some());
    Document::parse_all(name, text).is_ok_and(|documents| documents.iter().any(is_of_slos))
}

fn line(slo: &Slo) -> String {
    let objective = f64::from(slo.objective.ppm()) / 10_000.0;
    format!("{}/{}: {objective} % over {}", slo.service, slo.name, slo.period)
}
