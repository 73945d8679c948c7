//! The scripts of `tests/scenarios`: services whose truth is worked out by hand, run through the
//! engine and, where PromQL can say it, through the generated rules. `README.md` beside the scripts
//! is the language.

#![allow(clippy::expect_used, clippy::panic, reason = "a test")]

mod expect;
mod parse;
mod rules;
mod script;
mod service;
mod slo_file;
mod tape;
mod verdict;
mod world;

use plimsoll_rules::slo::Style;
use plimsoll_tests::peers;
use rules::Held;
use script::{Case, Script};
use std::path::{Path, PathBuf};
use std::process::Command;
use world::World;

fn scripts() -> Vec<(String, Script)> {
    let folder = plimsoll_tests::root().join("tests/scenarios");
    let entries = std::fs::read_dir(&folder).expect("tests/scenarios");
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "scenario"));
    paths.sort();
    let read = |path: PathBuf| {
        let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&path).expect("a script");
        let script = parse::script(&name, &text).unwrap_or_else(|fault| panic!("{fault}"));
        (name, script)
    };
    paths.into_iter().map(read).collect()
}

/// `SCENARIO=lost` runs only the scripts whose name holds the word.
fn is_wanted(name: &str) -> bool {
    std::env::var("SCENARIO").is_ok_and(|word| !name.contains(&word)).then_some(()).is_none()
}

fn run(case: &Case) -> Result<(), String> {
    let mut world = World::new(case)?;
    for (line, step) in &case.steps {
        world.take(step).map_err(|fault| format!("{}:{line}: {fault}", case.file))?;
    }
    Ok(())
}

#[test]
fn every_scenario_comes_out_right_in_the_engine() {
    let mut faults = Vec::new();
    for (name, script) in scripts() {
        for case in script.cases.iter().filter(|_| is_wanted(&name)) {
            let outcome = run(case);
            let word = if outcome.is_ok() { "ok" } else { "FAILED" };
            println!("{name}: {} ... {word}", case.name);
            faults.extend(outcome.err());
        }
    }
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

/// Runs promtool over tests, that of Prometheus 3 where it is built; what it says if they fail.
fn promtool(tests: &[PathBuf]) -> Result<(), String> {
    let program = peers::promtool().unwrap_or_else(|| "promtool".into());
    let output = Command::new(program).args(["test", "rules"]).args(tests).output();
    let output = output.expect("promtool runs");
    let said = [output.stdout, output.stderr].concat();
    if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&said).into()) }
}

/// Writes the tests of a script in both styles, and what they hold the rules to.
fn rule_tests(script: &Script, folder: &Path) -> Vec<(PathBuf, Held)> {
    let styles = [Style::PerSlo, Style::Generic];
    let cases = script.cases.iter().flat_map(|case| styles.map(|style| (case, style)));
    let written = cases.map(|(case, style)| rules::write(case, style, folder, |text| text));
    written.filter_map(|test| test.unwrap_or_else(|fault| panic!("{fault}"))).collect()
}

#[test]
fn every_scenario_that_rules_can_say_comes_out_right_in_them() {
    let folder = plimsoll_tests::scratch();
    let mut tests = Vec::new();
    for (name, script) in scripts().into_iter().filter(|(name, _)| is_wanted(name)) {
        let written = rule_tests(&script, folder.path());
        let numbers: usize = written.iter().map(|(_, held)| held.numbers).sum();
        let alerts: usize = written.iter().map(|(_, held)| held.alerts).sum();
        println!("{name}: {numbers} numbers and {alerts} alerts are held in rules");
        let is_held = written.is_empty() || numbers > 0 && alerts > 0;
        assert!(is_held, "{name} holds the rules to too little");
        tests.extend(written.into_iter().map(|(test, _)| test));
    }
    promtool(&tests).unwrap_or_else(|said| panic!("{said}"));
}

/// What a part of the rules is there for, told by the row that fails without it.
#[test]
fn a_broken_rule_fails_its_scenario() {
    for (row, part, broken) in [
        ("03-rough-start", "* 51.84", "* 0"),
        ("12-outage-at-night", ">= 20\n", ">= 2000000\n"),
        ("14-blind-while-paging", "alertstate=\"firing\"", "alertstate=\"pending\""),
        ("10-burst-of-a-level", "1000 * sum", "sum"),
    ] {
        let folder = plimsoll_tests::scratch();
        let (_, script) = scripts().into_iter().find(|(name, _)| name == row).expect(row);
        let case = script.cases.first().expect("a case");
        let breaks = |text: String| {
            assert!(text.contains(part), "no rule of {row} has {part}");
            text.replace(part, broken)
        };
        let test = rules::write(case, Style::PerSlo, folder.path(), breaks).expect(row);
        let said = promtool(&[test.expect("for rules").0]).expect_err(row);
        assert!(said.contains(&format!("script=\"{row}:")), "{said}");
    }
}

#[test]
fn every_row_of_the_contract_has_its_script() {
    let names: Vec<String> = scripts().into_iter().map(|(name, _)| name).collect();
    for row in 1..=21 {
        let prefix = format!("{row:02}-");
        assert!(names.iter().any(|name| name.starts_with(&prefix)), "no script for row {row}");
    }
}

#[test]
fn a_script_that_cannot_be_read_says_where_and_why() {
    for (text, fault) in [
        ("load requests_total", "s:1: load takes a series and a rate, as `600/m`"),
        ("\nadvance soon", "s:2: `soon` is no length of time, as 5m or 1h30m"),
        ("expect burn 5m", "s:1: expect needs `=` and a value"),
        ("expect brun 5m = 1", "s:1: `brun` is nothing that is known"),
        ("expect page perhaps", "s:1: an alert is `firing`, `quiet` or `never`, not `perhaps`"),
        ("jump", "s:1: `jump` is no command"),
        ("    objective: 99%", "s:1: an indented line belongs to a block, and none is open"),
    ] {
        assert_eq!(parse::script("s", text).expect_err(text), fault);
    }
}

#[test]
fn a_scenario_that_expects_what_is_not_so_fails() {
    for (text, fault) in [
        ("load requests_total 600/m\nadvance 1h\nexpect good 1h = 35999", "s:3: good 1h is 36000"),
        ("load requests_total 600/m\nadvance 1h\nexpect page firing", "s:3: page is quiet"),
        ("load requests_total 600/m\nadvance 1h\nexpect ratio 1h = 0.1 %", "s:3: ratio 1h is 0"),
        (
            "always bad = 0\nload requests_total{code=\"500\"} 1/m\nadvance 5m",
            "s:3: at 1m: bad is 1",
        ),
    ] {
        let script = parse::script("s", text).expect("a script");
        let found = script.cases.iter().find_map(|case| run(case).err()).expect(text);
        assert_eq!(found, fault);
    }
}
