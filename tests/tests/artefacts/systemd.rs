//! The unit for systemd: as systemd's own checker reads it.

use crate::read;
use std::fs;
use std::process::Command;

const UNIT: &str = "examples/sidecar/plimsoll-sidecar.service";

/// Returns what the checker says of a unit; nothing, when it has nothing to say.
fn verify(text: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("plimsoll-sidecar.service");
    // The checker wants the program to be there; which one it is doesn't matter to it.
    fs::write(&file, text.replace("/usr/local/bin/plimsoll", "/bin/true")).unwrap();
    let mut command = Command::new("systemd-analyze");
    let output = command.args(["verify", "--man=no"]).arg(&file).output().unwrap();
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn systemd_has_nothing_to_say_of_the_unit() {
    let unit = read(UNIT);
    assert_eq!(verify(&unit), "");
    assert!(verify(&unit.replace("NoNewPrivileges", "NoNewPrivilege")).contains("NoNewPrivilege"));
    assert!(verify(&unit.replace("Type=exec", "Type=exek")).contains("exek"));
}

#[test]
fn the_unit_runs_what_the_command_has() {
    let help = read("crates/plimsoll-cli/tests/commands/sidecar.trycmd");
    let unit = read(UNIT);
    let line = unit.lines().find_map(|line| line.strip_prefix("ExecStart=")).unwrap();
    let mut words = line.split(' ').skip(1);
    assert_eq!(words.next(), Some("sidecar"));
    for flag in words.filter(|word| word.starts_with("--")) {
        assert!(help.contains(&format!(" {flag} ")), "{flag} isn't in --help");
    }
}
