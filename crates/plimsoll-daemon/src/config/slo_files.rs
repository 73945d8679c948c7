use plimsoll_slo::{Backend, LevelBound, Sli, Slo, length_name};
use plimsoll_spec::{Document, Fault, View};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// The most SLOs of one daemon: what it keeps of each is bounded, and so is all of it.
const SLOS_MAX: usize = 200_000;

/// History is kept in stretches of so many seconds, and each takes about so many bytes on disk.
const HISTORY_STEP_S: u64 = 300;
const HISTORY_STEP_BYTES: u64 = 7;

/// Once there are so many faults, the files that are left aren't read.
const FAULTS_MAX: usize = 10_000;

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
                    if files.slos.len() > SLOS_MAX || faults.len() > FAULTS_MAX {
                        faults.extend(too_many(&files, document.fault(pattern.path(), "")));
                        return Err(faults);
                    }
                }
            }
            Err(reason) => faults.push(document.fault(pattern.path(), reason)),
        }
    }
    if faults.is_empty() {
        let backends = document.root().get("backends");
        let is_known = |name: &str| backends.as_ref().is_some_and(|all| all.get(name).is_some());
        faults.extend(files.unasked(is_known));
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

    /// Warns of SLOs that reach back further than the server that counts them keeps its samples.
    pub(super) fn warn_of_retention(&mut self, backends: &BTreeMap<String, super::Backend>) {
        for (slo, place) in self.slos.iter().zip(&self.places) {
            let Backend::Prometheus(name) = &slo.backend else { continue };
            let kept = backends.get(name).and_then(|backend| backend.retention);
            if let Some(kept) = kept.filter(|kept| *kept < slo.period.longest()) {
                let reason = format!(
                    "reaches back over {}, and the backend `{name}` keeps {}: what is older counts \
                     as not seen",
                    slo.period,
                    length_name(kept)
                );
                self.warnings.push(Fault { reason, ..place.clone() });
            }
        }
    }

    /// Says what of the SLOs the server that they name can't be asked for.
    pub(super) fn unasked(&self, is_known: impl Fn(&str) -> bool) -> Vec<Fault> {
        let asked = |slo: &Arc<Slo>| match &slo.backend {
            Backend::Prometheus(name) => Some(name.clone()),
            Backend::Own => None,
        };
        let by_id: HashMap<(&str, &str), &Arc<Slo>> =
            self.slos.iter().map(|slo| ((&*slo.service, &*slo.name), slo)).collect();
        let fault = |(slo, place): (&Arc<Slo>, &Fault)| {
            let reason = match (asked(slo), &slo.sli) {
                (Some(name), _) if !is_known(&name) => {
                    format!("asks for the backend `{name}`, which stands under no `backends`")
                }
                (Some(_), _) => unanswerable(slo)?.to_owned(),
                (None, Sli::Composite(composite)) => {
                    let is_asked = |name: &&str| {
                        by_id.get(&(&*slo.service, *name)).is_some_and(|part| asked(part).is_some())
                    };
                    let part = composite.parts().find(is_asked)?;
                    format!(
                        "is made of `{part}`, which a server counts: its numbers can't be put \
                         together slice by slice"
                    )
                }
                (None, _) => return None,
            };
            Some(Fault { reason, ..place.clone() })
        };
        self.slos.iter().zip(&self.places).filter_map(fault).collect()
    }

    fn add(&mut self, path: &Path, faults: &mut Vec<Fault>) {
        let text = match plimsoll_spec::load(path) {
            Ok(text) => text,
            Err(error) => {
                faults.push(Fault::unreadable(path, error));
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

/// Says why a bound on the disk is too small for these SLOs, if it is.
pub(super) fn disk_too_small(slos: &[Arc<Slo>], bytes_max: u64) -> Option<String> {
    let of_slo =
        |slo: &Arc<Slo>| slo.period.longest().as_secs() / HISTORY_STEP_S * HISTORY_STEP_BYTES;
    let bytes: u64 = slos.iter().map(of_slo).sum();
    let mib = |bytes: u64| bytes.div_ceil(1 << 20);
    (bytes > bytes_max).then(|| {
        format!(
            "is {} MiB, and the periods of all SLOs take about {} MiB: what comes once it is full \
             isn't kept",
            mib(bytes_max),
            mib(bytes)
        )
    })
}

/// Says that the files hold more than one daemon takes; without SLOs there were only faults.
fn too_many(files: &SloFiles, place: Fault) -> Option<Fault> {
    let reason = format!("has more than {SLOS_MAX} SLOs in all: give them to several daemons");
    (files.slos.len() > SLOS_MAX).then_some(Fault { reason, ..place })
}

/// Says what a server that counts an SLO can't be asked for.
fn unanswerable(slo: &Slo) -> Option<&'static str> {
    if !slo.by.is_empty() {
        Some(
            "has `by` beside `backend`, which gives one number for an SLO: write one for each label \
             set, with its labels in the selectors",
        )
    } else if !slo.exclusions.is_empty() {
        Some(
            "has exclusions beside `backend`: a server leaves no time out of what it counts, so \
             write it into a file without them",
        )
    } else if let Sli::Events { unknown: Some(_), .. } = slo.sli {
        Some(
            "has `unknown` beside `backend`: what a server is asked for is good or bad, so leave the \
             SLO to the daemon",
        )
    } else if let Sli::Level { bound: LevelBound::BelowLimit, .. } = slo.sli {
        Some(
            "has `below: limit` beside `backend`: a server doesn't know how long the level was \
             watched, so write `at_most`",
        )
    } else {
        None
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
