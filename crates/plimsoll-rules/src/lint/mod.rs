//! Holds shipped artefacts to the catalog and to what a reader needs.
//!
//! The lint reads the documents as they are on disk and not the Rust that wrote them, so that a
//! fault of the writing shows as well.

mod expression;

use crate::rule::{Alert, Rule, RuleFile};
use crate::runbook;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fmt;

/// What is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The rule, or the panel and its query.
    pub place: String,
    /// What is wrong there, and what to do about it.
    pub what: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: {}", self.place, self.what)
    }
}

/// Returns the names that the recording rules of `file` store.
pub fn recorded(file: &RuleFile) -> BTreeSet<String> {
    file.rules()
        .filter_map(|(_, rule)| match rule {
            Rule::Recording(recording) => Some(recording.record.clone()),
            Rule::Alert(_) => None,
        })
        .collect()
}

/// Returns every fault of a rule file whose alerts may read the `recorded` names.
/// `runbook_exists` says whether the repository has a file.
pub fn rules(
    file: &RuleFile,
    recorded: &BTreeSet<String>,
    runbook_exists: impl Fn(&str) -> bool,
) -> Vec<Fault> {
    let mut faults = Vec::new();
    for (_, rule) in file.rules() {
        let (place, expr) = match rule {
            Rule::Recording(recording) => (&recording.record, &recording.expr),
            Rule::Alert(alert) => (&alert.alert, &alert.expr),
        };
        let mut report = |what: String| faults.push(Fault { place: place.clone(), what });
        expression::faults(expr, recorded).into_iter().for_each(&mut report);
        match rule {
            Rule::Alert(alert) => words(alert, &runbook_exists, &mut report),
            Rule::Recording(_) if place.split(':').count() != 3 => {
                report("isn't named level:metric:operation".into());
            }
            Rule::Recording(_) => {}
        }
    }
    faults
}

fn words(alert: &Alert, runbook_exists: &impl Fn(&str) -> bool, report: &mut impl FnMut(String)) {
    for name in ["summary", "description", "runbook_url"] {
        if alert.annotations.get(name).is_none_or(String::is_empty) {
            report(format!("has no {name}"));
        }
    }
    let path = runbook::path(&alert.alert);
    if alert.annotations.get("runbook_url") != Some(&runbook::url(&alert.alert)) {
        report(format!("its runbook_url doesn't lead to {path}"));
    } else if !runbook_exists(&path) {
        report(format!("{path} doesn't exist: write it"));
    }
    if alert.annotations.get("summary").is_some_and(|summary| summary.contains("{{")) {
        report("its summary is a template: move the numbers to the description".into());
    }
    for name in ["severity", "service"] {
        if !alert.labels.contains_key(name) {
            report(format!("has no label {name}, which Alertmanager routes and groups by"));
        }
    }
}

/// Returns every fault of a dashboard in Grafana's classic model.
pub fn dashboard(document: &Value) -> Vec<Fault> {
    let mut faults = Vec::new();
    let mut report = |place: &str, what: &str| {
        faults.push(Fault { place: place.to_owned(), what: what.to_owned() });
    };
    for name in ["uid", "title", "description"] {
        if is_blank(&document[name]) {
            report("dashboard", &format!("has no {name}"));
        }
    }
    if !is_named(&document["templating"]["list"], "datasource") {
        report("dashboard", "has no variable named datasource: it can't be imported by file");
    }
    let mut ids = BTreeSet::new();
    for panel in list(&document["panels"]) {
        let place = panel["title"].as_str().unwrap_or("untitled panel");
        if !ids.insert(panel["id"].as_u64()) {
            report(place, "has the id of another panel");
        }
        if panel["type"] != "row" {
            self::panel(panel, &mut |what| report(place, what));
        }
    }
    faults
}

fn panel(panel: &Value, report: &mut impl FnMut(&str)) {
    let defaults = &panel["fieldConfig"]["defaults"];
    for (value, name) in [
        (&panel["title"], "title"),
        (&panel["description"], "description"),
        (&defaults["unit"], "unit"),
    ] {
        if is_blank(value) {
            report(&format!("has no {name}"));
        }
    }
    if list(&defaults["thresholds"]["steps"]).is_empty() {
        report("has no threshold, not even the base colour");
    }
    if list(&panel["targets"]).is_empty() {
        report("asks nothing");
    }
    for target in list(&panel["targets"]) {
        let query = target["refId"].as_str().unwrap_or("?");
        if target["datasource"]["uid"] != "${datasource}" {
            report(&format!("query {query} doesn't ask the variable datasource"));
        }
        if is_blank(&target["legendFormat"]) {
            report(&format!("query {query} has no legend"));
        }
        let expr = target["expr"].as_str().unwrap_or_default();
        for what in query_faults(expr) {
            report(&format!("query {query}: {what}"));
        }
    }
}

/// Grafana's variables aren't PromQL, so they are replaced as Grafana would. A dashboard reads
/// no recorded name: it has to work before the rules are loaded.
fn query_faults(expr: &str) -> Vec<String> {
    let mut faults = Vec::new();
    let ranges = expr.matches('[').count();
    if expr.matches("[$__rate_interval]").count() != ranges {
        faults.push("a fixed range misses samples when zoomed out: use $__rate_interval".into());
    }
    let expr = substitute(expr);
    faults.extend(expression::faults(&expr, &BTreeSet::new()));
    for selector in expression::selectors(&expr) {
        let name = selector.name.unwrap_or_default();
        let has =
            |label: &str| selector.matchers.matchers.iter().any(|matcher| matcher.name == label);
        let is_scoped = has("service") || (has("job") && has("instance")) || has("alertstate");
        if !is_scoped {
            faults.push(format!("{name} isn't narrowed by the board's variables"));
        }
    }
    faults
}

/// Returns `expr` with Grafana's variables replaced by values that a Prometheus parses.
pub fn substitute(expr: &str) -> String {
    ["$job", "$instance", "$service"]
        .iter()
        .fold(expr.replace("$__rate_interval", "5m"), |expr, name| expr.replace(name, ".+"))
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn is_named(variables: &Value, name: &str) -> bool {
    list(variables).iter().any(|variable| variable["name"] == name)
}

fn is_blank(value: &Value) -> bool {
    value.as_str().is_none_or(str::is_empty)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn what(faults: &[Fault]) -> Vec<&str> {
        faults.iter().map(|fault| fault.what.as_str()).collect()
    }

    fn board(panel: Value) -> Value {
        json!({
            "uid": "x", "title": "X", "description": "An example.",
            "templating": {"list": [{"name": "datasource"}]},
            "panels": [panel],
        })
    }

    #[test]
    fn a_bare_panel_has_every_fault_at_once() {
        let target = json!({"refId": "A", "expr": "rate(concurrency_backpressure_total[5m])"});
        let faults = dashboard(&board(json!({"type": "timeseries", "targets": [target]})));
        assert_eq!(
            what(&faults),
            [
                "has no title",
                "has no description",
                "has no unit",
                "has no threshold, not even the base colour",
                "query A doesn't ask the variable datasource",
                "query A has no legend",
                "query A: a fixed range misses samples when zoomed out: use $__rate_interval",
                "query A: concurrency_backpressure_total isn't narrowed by the board's variables",
            ]
        );
    }

    #[test]
    fn a_board_without_the_datasource_variable_is_refused() {
        let faults = dashboard(&json!({"uid": "x", "title": "X", "description": "An example."}));
        assert_eq!(
            what(&faults),
            ["has no variable named datasource: it can't be imported by file"]
        );
    }

    #[test]
    fn an_alert_without_words_has_every_fault_at_once() {
        let file: RuleFile = serde_yaml::from_str(
            "groups: [{name: g, rules: [{alert: A, expr: up == 0, for: 5m, labels: {}, \
             annotations: {summary: 'down {{ $value }}'}}]}]",
        )
        .unwrap();
        assert_eq!(
            what(&rules(&file, &BTreeSet::new(), |_| true)),
            [
                "has no description",
                "has no runbook_url",
                "its runbook_url doesn't lead to alerts/runbooks/A.md",
                "its summary is a template: move the numbers to the description",
                "has no label severity, which Alertmanager routes and groups by",
                "has no label service, which Alertmanager routes and groups by",
            ]
        );
    }
}
