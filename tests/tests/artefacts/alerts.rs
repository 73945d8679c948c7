//! Rules, their promtool tests, and Alertmanager's routing.

use crate::{files, read, root, rule_file, run};
use plimsoll_rules::{alerting, lint};
use serde_yaml::Value;
use std::collections::BTreeMap;

const RULES: &str = "alerts/rules.yaml";
const RECORDING: &str = "alerts/recording.yaml";
const ALERTMANAGER: &str = "alerts/alertmanager.yaml";

#[test]
fn rules_name_only_what_the_catalog_has_and_say_what_to_do() {
    let recorded = lint::recorded(&rule_file(RECORDING));
    for path in [RECORDING, RULES] {
        let faults = lint::rules(&rule_file(path), &recorded, |path| root().join(path).is_file());
        let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
        assert!(faults.is_empty(), "{path}:\n{}", faults.join("\n"));
    }
}

#[test]
fn promtool_accepts_the_rules() {
    run("promtool", &["check", "rules", "--lint=all", "--lint-fatal", RULES, RECORDING]);
}

#[test]
fn promtool_passes_the_rule_tests() {
    let tests = files("alerts/tests", ".yaml");
    let mut arguments = vec!["test", "rules"];
    arguments.extend(tests.iter().map(String::as_str));
    run("promtool", &arguments);
}

/// What the promtool tests expect of one alert.
#[derive(Default)]
struct Expected {
    quiet: usize,
    firing: usize,
    is_resolved: bool,
    loses_series: bool,
}

fn expectations() -> BTreeMap<String, Expected> {
    let mut expected: BTreeMap<String, Expected> = BTreeMap::new();
    for path in files("alerts/tests", ".yaml") {
        let document: Value = serde_yaml::from_str(&read(&path)).unwrap();
        for test in document["tests"].as_sequence().unwrap() {
            let series = test["input_series"].as_sequence().unwrap();
            let loses_series = series.is_empty()
                || series.iter().any(|series| {
                    let values = series["values"].as_str().unwrap();
                    values.contains("stale") || values.contains('_')
                });
            let mut has_fired = false;
            for check in test["alert_rule_test"].as_sequence().unwrap() {
                let alert =
                    expected.entry(check["alertname"].as_str().unwrap().into()).or_default();
                alert.loses_series |= loses_series;
                if check["exp_alerts"].as_sequence().unwrap().is_empty() {
                    alert.quiet += 1;
                    alert.is_resolved |= has_fired;
                } else {
                    alert.firing += 1;
                    has_fired = true;
                }
            }
        }
    }
    expected
}

#[test]
fn every_alert_is_tested_quiet_firing_resolved_and_without_its_series() {
    let expected = expectations();
    for alert in rule_file(RULES).alerts() {
        let name = &alert.alert;
        let tested = expected.get(name).unwrap_or_else(|| panic!("{name} has no promtool test"));
        assert!(tested.firing > 0, "{name} never fires in a test");
        assert!(tested.loses_series, "{name} isn't tested without its series");
        // The watchdog is the one alert that has to fire whatever happens.
        if name != "PlimsollWatchdog" {
            assert!(tested.quiet > 0 && tested.is_resolved, "{name} never resolves in a test");
        }
    }
}

#[test]
fn a_severity_is_one_that_is_routed() {
    for alert in rule_file(RULES).alerts() {
        let severity = alert.labels["severity"].as_str();
        assert!(alerting::SEVERITIES.contains(&severity), "{}: {severity}", alert.alert);
    }
}

#[test]
fn amtool_accepts_the_routing() {
    run("amtool", &["check-config", ALERTMANAGER]);
}

#[test]
fn each_severity_reaches_its_receiver() {
    for (labels, receiver) in [
        ("alertname=SloPage severity=page service=checkout region=eu", "pager"),
        ("alertname=SloTicket severity=ticket service=checkout", "tickets"),
        ("alertname=SloNotice severity=notice service=checkout", "tickets"),
        ("alertname=PlimsollWatchdog severity=none", "watchdog"),
        ("alertname=FromElsewhere", "tickets"),
    ] {
        let config = format!("--config.file={ALERTMANAGER}");
        let verify = format!("--verify.receivers={receiver}");
        let mut arguments = vec!["config", "routes", "test", &config, &verify];
        arguments.extend(labels.split(' '));
        run("amtool", &arguments);
    }
}

#[test]
fn nothing_that_pages_is_muted() {
    let config: Value = serde_yaml::from_str(&read(ALERTMANAGER)).unwrap();
    let inhibitions = config["inhibit_rules"].as_sequence().unwrap();
    assert!(!inhibitions.is_empty());
    for rule in inhibitions {
        let targets = rule["target_matchers"].as_sequence().unwrap();
        assert!(
            targets.iter().any(|matcher| matcher.as_str() == Some("severity!=\"page\"")),
            "{rule:?} may mute a page"
        );
    }
    for route in config["route"]["routes"].as_sequence().unwrap() {
        let pages = route["matchers"][0].as_str() == Some("severity=\"page\"");
        assert!(!(pages && route.get("mute_time_intervals").is_some()), "pages are muted by time");
    }
}
