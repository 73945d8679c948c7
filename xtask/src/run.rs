//! Runs a step as a child process and says which one it was.

use std::fmt;
use std::process::{Command, ExitCode};

/// Why a chore ended early.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The command line makes no sense.
    Usage(String),
    /// Something that the tests need isn't installed and this user can't install it.
    Missing(String),
    /// A step ran and failed.
    Step(String),
}

impl Failure {
    pub(crate) fn exit_code(&self) -> ExitCode {
        match self {
            Self::Step(_) => ExitCode::from(1),
            Self::Usage(_) => ExitCode::from(2),
            Self::Missing(_) => ExitCode::from(3),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(what) => write!(out, "{what}; see cargo xtask --help"),
            Self::Missing(what) => write!(out, "{what}"),
            Self::Step(what) => write!(out, "failed: {what}"),
        }
    }
}

/// Runs one step, its output passed through.
///
/// # Errors
/// The step can't be started or doesn't exit with 0.
pub(crate) fn step(title: &str, command: &mut Command) -> Result<(), Failure> {
    println!("\n=== {title}");
    let status = command
        .status()
        .map_err(|error| Failure::Step(format!("{title}: can't start {command:?}: {error}")))?;
    if status.success() { Ok(()) } else { Err(Failure::Step(format!("{title} ({status})"))) }
}

/// Returns a cargo command with `arguments`.
///
/// What cargo tells this program about itself is taken out again: a build script that asks for it
/// would run anew, and half of the dependencies with it.
pub(crate) fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments);
    let told = std::env::vars_os().map(|(name, _)| name);
    for name in told.filter(|name| name.to_str().is_some_and(is_about_this_package)) {
        command.env_remove(name);
    }
    command
}

fn is_about_this_package(name: &str) -> bool {
    ["CARGO_PKG_", "CARGO_MANIFEST_"].iter().any(|start| name.starts_with(start))
}
