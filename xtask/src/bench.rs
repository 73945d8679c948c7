//! Measures ours and the peers in one run.

use crate::run::{Failure, cargo, step};

/// Runs the benchmark `name` with more `arguments`; it prints its table and writes
/// `target/bench/NAME.json`.
///
/// # Errors
/// There is no such benchmark, or it can't be built or run.
pub(crate) fn run(name: &str, arguments: &[&str]) -> Result<(), Failure> {
    match name {
        "record" | "context" => {}
        "sidecar" => {
            crate::needs::ensure()?;
            crate::needs::ensure_exporters()?;
        }
        "slo" => prepare_slo()?,
        other => return Err(Failure::Usage(format!("no such benchmark: {other}"))),
    }
    let mut command =
        cargo(&["run", "--release", "--quiet", "--package", "plimsoll-bench", "--", name]);
    step(&format!("bench {name}"), command.args(arguments).current_dir(crate::root()))
}

/// The SLO engine is measured as it is run: its own program beside the peer's.
fn prepare_slo() -> Result<(), Failure> {
    crate::peers::ensure()?;
    crate::peers::build_decode(&crate::root().join("target/bench/decode"))?;
    let mut build = cargo(&["build", "--release", "--package", "plimsoll-cli"]);
    step("release build", build.current_dir(crate::root()))
}
