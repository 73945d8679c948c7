//! The tree, the walk and the places of faults, on a small shape of the test's own.

use plimsoll_spec::{
    Document, Fault, Length, MapShape, Parsed, Shape, Size, later, optional, required,
};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::time::Duration;

#[derive(Debug, Deserialize)]
struct Settings {
    every: Parsed<Length>,
    #[serde(default)]
    body: Option<Parsed<Size>>,
    #[serde(default)]
    retries: u64,
    #[serde(default)]
    on: bool,
    #[serde(default)]
    names: Vec<String>,
    #[serde(default)]
    labels: BTreeMap<String, String>,
}

const SETTINGS: Shape = Shape::Map(&MapShape {
    keys: &[
        required("every", Shape::parsed::<Length>()),
        optional("body", Shape::parsed::<Size>()),
        optional("retries", Shape::Integer(0..=9)),
        optional("on", Shape::Flag),
        optional("names", Shape::List(&Shape::TEXT)),
        optional("labels", Shape::LABELS),
        later("relabel_configs", "drop it or relabel at the source"),
    ],
    check: Some(|view, faults| {
        if let Some(names) = view.get("names").filter(|names| names.items().count() > 2) {
            faults.add(&names, "takes two names at most");
        }
    }),
});

fn read(text: &str) -> Result<Settings, Vec<Fault>> {
    Document::parse("a.yaml", text)?.read(&SETTINGS)
}

fn faults(text: &str) -> Vec<String> {
    match read(text) {
        Ok(settings) => panic!("no fault in {text:?}: {settings:?}"),
        Err(faults) => faults.iter().map(ToString::to_string).collect(),
    }
}

#[test]
fn a_faultless_document_becomes_its_type() {
    let settings = read("every: 1h30m\nbody: 64MiB\nretries: 3\non: true\nnames: [a, '1', 2]\n");
    assert!(settings.is_err(), "three names");
    let settings = read(
        "every: 1h30m\nbody: 64MiB\nretries: 3\non: true\nnames: [yes, 1]\nlabels: {no: 010, b: 'c'}\n",
    )
    .expect("valid");
    assert_eq!(settings.every.0.0, Duration::from_secs(5_400));
    assert_eq!(settings.body.map(|body| body.0.0), Some(67_108_864));
    assert_eq!((settings.retries, settings.on), (3, true));
    assert_eq!(settings.names, ["yes", "1"], "what is text stays text, whatever YAML 1.1 thinks");
    assert_eq!(settings.labels["no"], "010");
}

#[test]
fn every_fault_is_told_at_once_with_its_place() {
    let text = "\
evry: 5m
body: 64Mi
body: 1MiB
retries: 12
on: 'true'
names: [a, [b], c]
labels:
  1a: x
  ok:
relabel_configs: []
";
    assert_eq!(
        faults(text),
        [
            "a.yaml:1:1: evry: 5m: unknown key, did you mean `every`?",
            "a.yaml:1:1: every: (missing): is required",
            "a.yaml:2:7: body: 64Mi: has no unit `Mi`: units are B, KiB, MiB, GiB and TiB",
            "a.yaml:3:1: body: 1MiB: the key is given twice",
            "a.yaml:4:10: retries: 12: must be a whole number from 0 to 9",
            "a.yaml:5:5: on: true: must be true or false",
            "a.yaml:6:8: names: (list of 3): takes two names at most",
            "a.yaml:6:12: names[1]: (list of 1): must be one value, not a list or a mapping",
            "a.yaml:8:3: labels.1a: x: label name \"1a\" is not [a-zA-Z_][a-zA-Z0-9_]*",
            "a.yaml:9:3: labels.ok: (empty): has no value: give one or leave the key out",
            "a.yaml:10:1: relabel_configs: (list of 0): isn't supported yet: drop it or relabel at the source",
        ]
    );
}

#[test]
fn a_hostile_document_is_refused_in_bounded_time() {
    assert_eq!(faults(""), ["a.yaml:1:1: (document): : the file is empty"]);
    assert!(faults(&"[".repeat(100_000))[0].contains("isn't YAML"));
    assert!(faults(&"[".repeat(99))[0].contains("nests deeper than 32 levels"));
    assert!(faults(&"- ".repeat(100_000))[0].contains("nests deeper than 32 levels"));
    assert!(faults(&format!("every: {}", "x".repeat(5 << 20)))[0].contains("is larger than"));
    let laughs = faults("a: &a [x, x]\nb: [*a, *a]\n");
    let anchor = "a.yaml:1:4: a: : anchors aren't read: write the value out";
    assert!(laughs.iter().any(|fault| fault == anchor), "{laughs:?}");
    assert_eq!(laughs.iter().filter(|fault| fault.contains("aliases aren't read")).count(), 2);
    assert!(faults("every: !!binary 5m\n")[0].contains("tags aren't read"));
    assert!(faults("every: 5m\n---\nevery: 5m\n")[0].contains("a second document"));
    assert!(faults("every: [5m\n")[0].contains("isn't YAML"));
}

#[test]
fn a_fault_found_later_still_has_its_place() {
    let document = Document::parse("a.yaml", "labels:\n  a.b: x\nnames:\n  - one\n  - two\n");
    let document = document.expect("a tree");
    let place = |path: &str| {
        let fault = document.fault(path, "is wrong");
        (fault.line, fault.column, fault.value)
    };
    assert_eq!(place("names[1]"), (5, 5, "two".into()));
    assert_eq!(place("labels.a.b"), (2, 8, "x".into()));
    assert_eq!(place("names[7].x"), (4, 3, "(list of 2)".into()), "the nearest that is there");
}
