use plimsoll_slo::Slo;
use plimsoll_spec::{Document, Fault, View};
use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// The SLOs of every file that a configuration names.
#[derive(Debug, Default)]
pub(super) struct SloFiles {
    pub(super) slos: Vec<Arc<Slo>>,
    /// Where each is written: faults that lack the reason.
    places: Vec<Fault>,
    pub(super) warnings: Vec<Fault>,
    ids: HashSet<String>,
}

/// Reads the files under `slo_files`, even if something else in the configuration is wrong.
pub(super) fn read(document: &Document, folder: &Path) -> Result<SloFiles, Vec<Fault>> {
    let mut files = SloFiles::default();
    let mut faults = Vec::new();
    let mut seen = HashSet::new();
    let Some(patterns) = document.root().get("slo_files") else { return Ok(files) };
    for pattern in patterns.items() {
        match matching(&pattern, folder) {
            Ok(paths) => {
                for path in paths.into_iter().filter(|path| seen.insert(path.clone())) {
                    files.add(&path, &mut faults);
                }
            }
            Err(reason) => faults.push(document.fault(pattern.path(), reason)),
        }
    }
    if faults.is_empty() { Ok(files) } else { Err(faults) }
}

impl SloFiles {
    /// Warns of SLOs that scrapes at that interval are too rare for.
    pub(super) fn warn_of_sampling(&mut self, interval: Duration) {
        for (slo, place) in self.slos.iter().zip(&self.places) {
            let reason = plimsoll_spec::too_coarse(slo, interval);
            self.warnings.extend(reason.map(|reason| Fault { reason, ..place.clone() }));
        }
    }

    fn add(&mut self, path: &Path, faults: &mut Vec<Fault>) {
        let text = match plimsoll_spec::load(path) {
            Ok(text) => text,
            Err(error) => {
                faults.push(whole_file(path, format!("can't be read: {error}")));
                return;
            }
        };
        match plimsoll_spec::read(&path.display().to_string(), &text) {
            Ok(read) => {
                self.warnings.extend_from_slice(&read.warnings);
                for (slo, place) in read.into_placed() {
                    self.take(slo, place, faults);
                }
            }
            Err(found) => faults.extend(found),
        }
    }

    /// An id has one SLO, whatever file it is in: it names the budget on disk.
    fn take(&mut self, slo: Slo, place: Fault, faults: &mut Vec<Fault>) {
        let id = format!("{}/{}", slo.service, slo.name);
        if self.ids.contains(&id) {
            let reason = format!("{id} is in another file too: rename one");
            faults.push(Fault { reason, ..place });
        } else {
            self.ids.insert(id);
            self.places.push(place);
            self.slos.push(Arc::new(slo));
        }
    }
}

/// A path without a wildcard has to be there; a pattern may match nothing, as in Prometheus.
fn matching(pattern: &View<'_>, folder: &Path) -> Result<Vec<PathBuf>, String> {
    let Some(text) = pattern.text() else { return Ok(Vec::new()) };
    if !text.contains(['*', '?', '[']) {
        let path = folder.join(text);
        return if path.is_file() { Ok(vec![path]) } else { Err("there is no such file".into()) };
    }
    let escaped = PathBuf::from(glob::Pattern::escape(&folder.to_string_lossy()));
    let paths = glob::glob(&escaped.join(text).to_string_lossy())
        .map_err(|error| format!("is no pattern: {error}"))?;
    paths.map(|path| path.map_err(|error| error.to_string())).collect()
}

/// Makes a fault about a file that couldn't be opened.
pub(super) fn whole_file(file: &Path, reason: String) -> Fault {
    Fault {
        file: file.display().to_string().into(),
        line: 1,
        column: 1,
        key: "(file)".into(),
        value: file.display().to_string(),
        reason,
    }
}
