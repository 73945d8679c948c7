//! Runbooks: one for each alert, complete, and true to the catalog.

use crate::{files, read, rule_file};
use plimsoll_model::{FamilyKind, catalog};
use std::collections::BTreeSet;

const SECTIONS: [&str; 7] = [
    "## Meaning",
    "## Impact",
    "## Diagnosis",
    "## Mitigation",
    "## What it is not",
    "## How to verify the fix",
    "## The scene that reproduces it",
];

/// The faults that `plimsoll demo` can stage.
const FAULTS: [&str; 6] = [
    "slow-dependency",
    "lock-hog",
    "stalled-consumer",
    "stale-snapshot",
    "queue-flood",
    "unguarded-commits",
];

#[test]
fn each_alert_has_one_runbook_and_each_runbook_one_alert() {
    let rules = rule_file("alerts/rules.yaml");
    let wanted: BTreeSet<String> =
        rules.alerts().map(|alert| plimsoll_rules::runbook::path(&alert.alert)).collect();
    let found: BTreeSet<String> = files("alerts/runbooks", ".md").into_iter().collect();
    assert_eq!(found, wanted);
}

#[test]
fn a_runbook_has_every_section_in_order_and_none_is_empty() {
    for path in files("alerts/runbooks", ".md") {
        let text = read(&path);
        let headings: Vec<&str> = text.lines().filter(|line| line.starts_with("## ")).collect();
        assert_eq!(headings, SECTIONS, "{path}");
        for section in text.split("\n## ").skip(1) {
            let body = section.split_once('\n').map_or("", |(_, body)| body);
            assert!(body.trim().len() > 20, "{path}: a section says nothing: {section}");
        }
    }
}

#[test]
fn a_runbook_opens_with_the_summary_of_its_alert() {
    for alert in rule_file("alerts/rules.yaml").alerts() {
        let text = read(&plimsoll_rules::runbook::path(&alert.alert));
        let opening = format!("# {}\n\n{}\n", alert.alert, alert.annotations["summary"]);
        assert!(text.starts_with(&opening), "{} doesn't open with:\n{opening}", alert.alert);
    }
}

#[test]
fn a_scene_stages_a_fault_that_the_demo_has() {
    let staged = regex::Regex::new(r"--fault ([a-z-]+)@\d+s\+\d+s").unwrap();
    let mut seen = BTreeSet::new();
    for path in files("alerts/runbooks", ".md") {
        let text = read(&path);
        assert_eq!(text.matches("--fault").count(), staged.captures_iter(&text).count(), "{path}");
        for fault in staged.captures_iter(&text) {
            assert!(FAULTS.contains(&&fault[1]), "{path}: the demo has no fault {}", &fault[1]);
            seen.insert(fault[1].to_owned());
        }
    }
    assert_eq!(seen.len(), FAULTS.len(), "not every fault is a scene: {seen:?}");
}

#[test]
fn runbooks_name_only_metrics_that_the_catalog_has() {
    let names: BTreeSet<String> = catalog::ALL
        .iter()
        .flat_map(|signal| signal.families())
        .flat_map(|(family, kind, _)| match kind {
            FamilyKind::Counter => vec![format!("{family}_total")],
            FamilyKind::Histogram => {
                ["bucket", "sum", "count"].iter().map(|part| format!("{family}_{part}")).collect()
            }
            FamilyKind::Gauge => vec![family],
        })
        .collect();
    let metric = regex::Regex::new(r"\b(?:concurrency|plimsoll)_[a-z_]+").unwrap();
    for path in files("alerts/runbooks", ".md") {
        for name in metric.find_iter(&read(&path)) {
            assert!(names.contains(name.as_str()), "{path}: {} isn't exposed", name.as_str());
        }
    }
}

#[test]
fn a_link_between_runbooks_leads_to_one() {
    let link = regex::Regex::new(r"\]\((\w+\.md)\)").unwrap();
    let found = files("alerts/runbooks", ".md");
    for path in &found {
        for to in link.captures_iter(&read(path)) {
            let to = format!("alerts/runbooks/{}", &to[1]);
            assert!(found.contains(&to), "{path}: {to} doesn't exist");
        }
    }
}
