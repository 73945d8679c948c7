//! A configuration is read whole, or every fault of it is told at once.

use plimsoll_daemon::Config;
use std::path::{Path, PathBuf};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/config")
}

#[test]
fn every_fault_is_told_at_once_with_its_place() {
    let file = folder().join("bad.yml");
    let faults = Config::read(&file).expect_err("a bad configuration");
    let prefix = format!("{}/", folder().display());
    let told: Vec<String> =
        faults.iter().map(|fault| fault.to_string().replace(&prefix, "")).collect();
    let expected = std::fs::read_to_string(folder().join("bad.txt")).expect("bad.txt");
    assert_eq!(told.join("\n"), expected.trim_end());
}

#[test]
fn a_file_that_is_absent_or_empty_is_a_fault_like_any_other() {
    let absent = Config::read(&folder().join("absent.yml")).expect_err("absent");
    assert!(absent[0].to_string().contains("can't be read: No such file"), "{}", absent[0]);
    let empty = Config::parse(Path::new("empty.yml"), "").expect_err("empty");
    assert!(empty[0].to_string().contains("empty.yml:1:1"), "{}", empty[0]);
}
