//! What `plimsoll rules` writes is what Prometheus and its operator read, in both styles, and it says
//! of an hour that can be reckoned by hand what is true of it.

#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, reason = "tests")]

use plimsoll_tests::plimsoll::binary;
use plimsoll_tests::{peers, root, scratch, write};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const STYLES: [&str; 2] = ["per-slo", "generic"];

const INCIDENT_SLO: &str = "apiVersion: plimsoll/v1\nservice: shop\nslos:\n  - name: api\n    \
    objective: 99.9%\n    window: 30d\n    \
    sli: {events: {total: requests_total, bad: 'requests_total{code=\"500\"}'}}\n";

fn rules(arguments: &[&str], file: &Path) -> String {
    let output = Command::new(binary()).arg("rules").args(arguments).arg(file).output();
    let output = output.expect("plimsoll runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert!(said.contains("What PromQL can't say"), "{said}");
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// Debian's promtool, and that of Prometheus 3 where it is built.
fn promtools() -> Vec<PathBuf> {
    [PathBuf::from("promtool")].into_iter().chain(peers::promtool()).collect()
}

fn promtool(program: &Path, arguments: &[&str], file: &Path) {
    let output = Command::new(program).args(arguments).arg(file).output().expect("promtool runs");
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&said));
}

#[test]
fn prometheus_reads_the_rules_of_every_kind_of_sli() {
    let folder = scratch();
    let files = ["tests/tests/rules/slos.yaml", "examples/sidecar/slo.yml"];
    for (slos, style) in
        files.iter().flat_map(|file| STYLES.map(|style| (root().join(file), style)))
    {
        let file = write(folder.path(), "rules.yaml", &rules(&["--style", style], &slos));
        for program in promtools() {
            promtool(&program, &["check", "rules"], &file);
        }
    }
}

#[test]
fn an_hour_that_can_be_reckoned_by_hand_comes_out_right() {
    holds(INCIDENT_SLO, "incidents.yaml");
}

#[test]
fn a_decision_of_unknown_verdict_is_neither_good_nor_bad() {
    let slos = std::fs::read_to_string(root().join("tests/tests/rules/decisions.slo.yaml"));
    holds(&slos.expect("the SLOs"), "decisions.yaml");
}

#[test]
fn an_objective_under_load_comes_with_how_much_was_under_load() {
    let slos = std::fs::read_to_string(root().join("tests/tests/rules/bands.slo.yaml"));
    holds(&slos.expect("the SLOs"), "bands.yaml");
}

/// Holds the rules of SLOs, in both styles, against tests for promtool.
fn holds(slos: &str, tests: &str) {
    let folder = scratch();
    let slos = write(folder.path(), "slos.yaml", slos);
    let tests = std::fs::read_to_string(root().join("tests/tests/rules").join(tests));
    for style in STYLES {
        let rules = rules(&["--style", style], &slos);
        write(folder.path(), "rules.yaml", &rules);
        // promtool's own order of groups changes from run to run.
        let groups: Vec<&str> =
            rules.lines().filter_map(|line| line.strip_prefix("- name: ")).collect();
        let text = format!(
            "rule_files: [rules.yaml]\ngroup_eval_order: [{}]\n{}",
            groups.join(", "),
            tests.as_ref().expect("the tests")
        );
        let file = write(folder.path(), "tests.yaml", &text);
        for program in promtools() {
            promtool(&program, &["test", "rules"], &file);
        }
    }
}

#[test]
fn the_operator_reads_the_resources_and_nothing_misspelt() {
    let Some(strict) = peers::operator() else { return };
    let reads = |text: &str| {
        let mut child = Command::new(&strict)
            .stdin(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the operator's types");
        child.stdin.take().expect("a pipe").write_all(text.as_bytes()).expect("is read");
        child.wait().expect("an end").success()
    };
    let slos = root().join("tests/tests/rules/slos.yaml");
    for style in STYLES {
        let text = rules(&["--style", style, "--format", "crd"], &slos);
        assert!(reads(&text), "{text}");
        assert!(!reads(&text.replace("keep_firing_for", "keep_fireing_for")));
    }
}
