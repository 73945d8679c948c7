//! SLO files, read the same way by every command that takes them.

use plimsoll_slo::Slo;
use plimsoll_spec::Fault;
use std::collections::BTreeSet;
use std::path::PathBuf;

/// Reads the SLOs of all files, and tells every fault and warning on standard error; `None` when
/// there was a fault.
pub(crate) fn read(files: &[PathBuf]) -> Option<Vec<Slo>> {
    let (mut slos, mut is_faultless) = (Vec::new(), true);
    for file in files {
        let name = file.display().to_string();
        let read = match plimsoll_spec::load(file) {
            Ok(text) => plimsoll_spec::read(&name, &text),
            Err(error) => Err(vec![Fault::unreadable(file, error)]),
        };
        match read {
            Ok(read) => {
                read.warnings.iter().for_each(|warning| eprintln!("warning: {warning}"));
                slos.extend(read.slos);
            }
            Err(faults) => {
                faults.iter().for_each(|fault| eprintln!("{fault}"));
                is_faultless = false;
            }
        }
    }
    let mut names = BTreeSet::new();
    for slo in &slos {
        if !names.insert((slo.service.as_str(), slo.name.as_str())) {
            eprintln!("{}/{}: is there twice: give one another name", slo.service, slo.name);
            is_faultless = false;
        }
    }
    is_faultless.then_some(slos)
}
