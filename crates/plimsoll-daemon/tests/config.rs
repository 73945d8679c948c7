//! A configuration is read whole, or every fault of it is told at once.

use plimsoll_daemon::Config;
use plimsoll_spec::Fault;
use std::path::{Path, PathBuf};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/config")
}

/// Holds every fault of a file against the text beside it.
fn refused(name: &str) {
    let file = folder().join(format!("{name}.yml"));
    let faults = Config::read(&file).map(drop).err().unwrap_or_default();
    let expected = std::fs::read_to_string(folder().join(format!("{name}.txt")));
    let expected = expected.unwrap_or_else(|error| panic!("{name}: {error}"));
    assert_eq!(told(&faults).join("\n"), expected.trim_end());
}

fn told(faults: &[Fault]) -> Vec<String> {
    let prefix = format!("{}/", folder().display());
    faults.iter().map(|fault| fault.to_string().replace(&prefix, "")).collect()
}

#[test]
fn every_fault_is_told_at_once_with_its_place() {
    refused("bad");
}

#[test]
fn what_a_server_cannot_be_asked_for_is_refused() {
    refused("servers");
}

#[test]
fn what_will_not_be_kept_is_warned_of() {
    let config = Config::read(&folder().join("warned.yml")).expect("a good configuration");
    assert_eq!(
        told(config.warnings()),
        [
            "warned.slo.yml:4:12: slos[0].name: asked: reaches back over month in UTC, and the backend \
             `prometheus` keeps 15d: what is older counts as not seen",
            "warned.yml:1:16: limits.disk: 1MiB: is 1 MiB, and the periods of all SLOs take about 2 MiB: \
             what comes once it is full isn't kept",
        ]
    );
}

#[test]
fn a_file_that_is_absent_or_empty_is_a_fault_like_any_other() {
    let absent = Config::read(&folder().join("absent.yml")).expect_err("absent");
    assert!(absent[0].to_string().contains("can't be read: No such file"), "{}", absent[0]);
    let empty = Config::parse(Path::new("empty.yml"), "").expect_err("empty");
    assert!(empty[0].to_string().contains("empty.yml:1:1"), "{}", empty[0]);
}

#[test]
fn every_fault_of_a_prober_is_told_and_no_password_with_it() {
    refused("probers");
}
