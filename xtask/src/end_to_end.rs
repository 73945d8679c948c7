//! Runs the programs of end-to-end tests, two at a time where they don't disturb one another.

use crate::run::{Failure, cargo};
use std::collections::VecDeque;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// Programs whose service has to meet its objectives, which a neighbour's load could break: each
/// runs by itself.
const ALONE: [&str; 2] = ["faults", "page"];

/// Most programs wait for seconds to pass, so two at a time take half as long; more would measure
/// each other.
const LANES: usize = 2;

/// A built program of tests.
struct Program {
    name: String,
    path: PathBuf,
}

/// Builds and runs every end-to-end test. What a program prints is shown when it has ended.
///
/// # Errors
/// The tests don't build, or at least one failed; the others have run.
pub(crate) fn run() -> Result<(), Failure> {
    println!("\n=== end-to-end tests");
    let (alone, paired): (Vec<_>, Vec<_>) =
        build()?.into_iter().partition(|program| ALONE.contains(&program.name.as_str()));
    let mut failed = run_in(LANES, paired);
    failed.extend(run_in(1, alone));
    if failed.is_empty() {
        return Ok(());
    }
    Err(Failure::Step(format!("end-to-end tests: {}", failed.join(", "))))
}

fn build() -> Result<Vec<Program>, Failure> {
    let arguments = [
        "test",
        "--package",
        "plimsoll-tests",
        "--no-run",
        "--message-format=json-render-diagnostics",
    ];
    let output = cargo(&arguments)
        .current_dir(crate::root())
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| Failure::Step(format!("end-to-end tests: can't build: {error}")))?;
    if !output.status.success() {
        return Err(Failure::Step("end-to-end tests: they don't build".into()));
    }
    let built = String::from_utf8_lossy(&output.stdout);
    let programs: Vec<_> = built.lines().filter_map(program).collect();
    if programs.is_empty() {
        return Err(Failure::Step("end-to-end tests: cargo names no program".into()));
    }
    Ok(programs)
}

/// Reads a line of cargo's; none if it doesn't tell of an integration test.
fn program(line: &str) -> Option<Program> {
    let message: serde_json::Value = serde_json::from_str(line).ok()?;
    let target = &message["target"];
    let name = target["name"].as_str().filter(|_| target["kind"][0] == "test")?;
    Some(Program { name: name.into(), path: message["executable"].as_str()?.into() })
}

/// Runs `programs` in so many lanes and returns the names of those that failed.
fn run_in(lanes: usize, programs: Vec<Program>) -> Vec<String> {
    let waiting = Mutex::new(VecDeque::from(programs));
    let failed = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..lanes {
            scope.spawn(|| {
                loop {
                    let next = waiting.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
                    let Some(program) = next else { break };
                    if !passes(&program) {
                        failed.lock().unwrap_or_else(PoisonError::into_inner).push(program.name);
                    }
                }
            });
        }
    });
    failed.into_inner().unwrap_or_else(PoisonError::into_inner)
}

#[allow(clippy::disallowed_methods, reason = "it is shown, and decides nothing")]
fn passes(program: &Program) -> bool {
    println!("    {} begins", program.name);
    let begun = Instant::now();
    let output = Command::new(&program.path)
        .arg("--test-threads=1")
        .current_dir(crate::root().join("tests"))
        .stdin(Stdio::null())
        .output();
    let mut out = std::io::stdout().lock();
    let seconds = begun.elapsed().as_secs();
    let (passed, text) = match &output {
        Ok(output) => (output.status.success(), [&output.stdout[..], &output.stderr].concat()),
        Err(error) => (false, format!("can't be started: {error}\n").into_bytes()),
    };
    let verdict = if passed { "ok" } else { "FAILED" };
    // Nothing is left to tell whoever can't be written to.
    let _ = writeln!(out, "--- {}: {verdict} after {seconds} s", program.name);
    let _ = out.write_all(&text);
    passed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_is_told_from_what_else_cargo_builds() {
        let line = |kind: &str| {
            format!(
                r#"{{"reason":"compiler-artifact","target":{{"kind":["{kind}"],"name":"faults"}},"executable":"/t/faults-1"}}"#
            )
        };
        assert_eq!(program(&line("test")).map(|program| program.name).as_deref(), Some("faults"));
        assert!(program(&line("lib")).is_none());
        assert!(program(r#"{"reason":"build-finished","success":true}"#).is_none());
    }

    #[test]
    fn every_program_runs_and_those_that_fail_are_named() {
        let program = |name: &str, path: &str| Program { name: name.into(), path: path.into() };
        let programs = vec![
            program("good", "/bin/true"),
            program("bad", "/bin/false"),
            program("gone", "/nowhere"),
            program("last", "/bin/true"),
        ];
        let mut failed = run_in(2, programs);
        failed.sort();
        assert_eq!(failed, ["bad", "gone"]);
    }
}
