//! Measures ours and the peers in one run.

use crate::run::{Failure, cargo, step};

/// Runs the benchmark `name`; it prints its table and writes `target/bench/NAME.json`.
///
/// # Errors
/// There is no such benchmark, or it can't be built or run.
pub(crate) fn run(name: &str) -> Result<(), Failure> {
    let package = match name {
        "record" => "plimsoll-bench",
        other => return Err(Failure::Usage(format!("no such benchmark: {other}"))),
    };
    let mut command = cargo(&["run", "--release", "--quiet", "--package", package, "--", name]);
    step(&format!("bench {name}"), command.current_dir(crate::root()))
}
