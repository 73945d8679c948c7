//! The files that ship beside the binaries: as generated, true to the catalog, and accepted by the
//! real tools. A tool that is absent is a failure, because a check that didn't run proves nothing.

#![allow(clippy::unwrap_used, reason = "tests")]

mod alerts;
mod collector;
mod dashboards;
mod kubernetes;
mod runbooks;
mod systemd;

use plimsoll_rules::rule::RuleFile;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs, process};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Returns the paths of the files in `folder` that end in `extension`, sorted.
fn files(folder: &str, extension: &str) -> Vec<String> {
    let mut found: Vec<String> = fs::read_dir(root().join(folder))
        .unwrap_or_else(|error| panic!("{folder}: {error}"))
        .map(|entry| format!("{folder}/{}", entry.unwrap().file_name().to_string_lossy()))
        .filter(|path| path.ends_with(extension))
        .collect();
    found.sort();
    assert!(!found.is_empty(), "{folder} has no {extension}");
    found
}

fn rule_file(path: &str) -> RuleFile {
    serde_yaml::from_str(&read(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Runs a tool of Debian's in the repository and returns what it said on stdout.
fn run(tool: &str, arguments: &[&str]) -> String {
    let output = Command::new(tool).args(arguments).current_dir(root()).output();
    let output = output.unwrap_or_else(|error| {
        panic!("{tool} can't be run ({error}): install prometheus and prometheus-alertmanager")
    });
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{tool} {arguments:?}:\n{stdout}{stderr}");
    stdout
}

/// A file that is gone when the test ends.
struct TemporaryFile(PathBuf);

impl TemporaryFile {
    fn with(name: &str, text: &str) -> Self {
        let path = env::temp_dir().join(format!("plimsoll-{}-{name}", process::id()));
        fs::write(&path, text).unwrap();
        Self(path)
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for TemporaryFile {
    fn drop(&mut self) {
        fs::remove_file(&self.0).ok();
    }
}

#[test]
fn generated_files_are_as_generated() {
    for artefact in plimsoll_rules::artefacts().unwrap() {
        assert!(
            read(&artefact.path) == artefact.text,
            "{} differs: run `cargo xtask generate`",
            artefact.path
        );
    }
}

#[test]
fn no_dashboard_or_rule_file_is_written_by_hand() {
    let generated: Vec<String> =
        plimsoll_rules::artefacts().unwrap().into_iter().map(|artefact| artefact.path).collect();
    for path in files("dashboards", ".json").into_iter().chain(files("alerts", ".yaml")) {
        assert!(generated.contains(&path), "{path} isn't generated");
    }
}
