//! Dashboards: the lint, the grid, the links, and PromQL as the real parser reads it.

use crate::{TemporaryFile, files, read, run};
use plimsoll_rules::lint;
use serde_json::{Value, json};
use std::collections::BTreeSet;

fn dashboards() -> Vec<(String, Value)> {
    files("dashboards", ".json")
        .into_iter()
        .map(|path| {
            let document = serde_json::from_str(&read(&path)).unwrap();
            (path, document)
        })
        .collect()
}

fn panels(document: &Value) -> &[Value] {
    document["panels"].as_array().unwrap()
}

#[test]
fn dashboards_pass_the_lint() {
    for (path, document) in dashboards() {
        let faults: Vec<String> =
            lint::dashboard(&document).iter().map(ToString::to_string).collect();
        assert!(faults.is_empty(), "{path}:\n{}", faults.join("\n"));
    }
}

#[test]
fn promtool_parses_every_expression() {
    let mut rules = Vec::new();
    for (_, document) in dashboards() {
        let targets = panels(&document)
            .iter()
            .flat_map(|panel| panel["targets"].as_array().into_iter().flatten())
            .chain(
                document["annotations"]["list"].as_array().unwrap().iter().map(|a| &a["target"]),
            );
        for target in targets.filter(|target| target["expr"].is_string()) {
            let expr = lint::substitute(target["expr"].as_str().unwrap());
            rules.push(json!({"record": format!("board:query:n{}", rules.len()), "expr": expr}));
        }
    }
    assert!(rules.len() > 100, "only {} expressions found", rules.len());
    let file = json!({"groups": [{"name": "dashboards", "rules": rules}]}).to_string();
    let file = TemporaryFile::with("dashboards.yaml", &file);
    run("promtool", &["check", "rules", file.path()]);
}

#[test]
fn panels_stand_on_the_grid_without_overlap() {
    for (path, document) in dashboards() {
        let mut taken = BTreeSet::new();
        for panel in panels(&document) {
            let at = |name: &str| panel["gridPos"][name].as_u64().unwrap();
            assert!(at("x") + at("w") <= 24, "{path}: {} is too wide", panel["title"]);
            for (x, y) in (at("x")..at("x") + at("w"))
                .flat_map(|x| (at("y")..at("y") + at("h")).map(move |y| (x, y)))
            {
                assert!(taken.insert((x, y)), "{path}: {} covers another panel", panel["title"]);
            }
        }
    }
}

#[test]
fn links_lead_to_boards_that_exist() {
    let boards = dashboards();
    let uids: BTreeSet<String> =
        boards.iter().map(|(_, document)| document["uid"].as_str().unwrap().into()).collect();
    assert_eq!(uids.len(), boards.len(), "two boards have one uid");
    for (path, document) in &boards {
        let links = document["links"].as_array().unwrap();
        assert_eq!(links.len(), boards.len() - 1, "{path} doesn't link every other board");
        let drills = panels(document).iter().flat_map(|panel| {
            panel["fieldConfig"]["defaults"]["links"].as_array().into_iter().flatten()
        });
        for link in links.iter().chain(drills) {
            let url = link["url"].as_str().unwrap();
            let uid = url.trim_start_matches("/d/").split('?').next().unwrap();
            assert!(uids.contains(uid), "{path}: {url} leads nowhere");
        }
    }
}

#[test]
fn a_legend_names_only_labels_that_the_query_keeps() {
    let label = regex::Regex::new(r"\{\{(\w+)\}\}").unwrap();
    let kept = regex::Regex::new(r"by \(([^)]*)\)").unwrap();
    for (path, document) in dashboards() {
        for panel in panels(&document) {
            for target in panel["targets"].as_array().into_iter().flatten() {
                let expr = target["expr"].as_str().unwrap();
                let Some(kept) = kept.captures(expr) else { continue };
                let kept: Vec<&str> = kept[1].split(", ").collect();
                for name in label.captures_iter(target["legendFormat"].as_str().unwrap()) {
                    assert!(
                        kept.contains(&&name[1]),
                        "{path}: {}: {} is gone",
                        panel["title"],
                        &name[1]
                    );
                }
            }
        }
    }
}

#[test]
fn deploys_are_marked_on_every_board() {
    for (path, document) in dashboards() {
        let annotations = document["annotations"]["list"].as_array().unwrap();
        assert!(
            annotations.iter().any(|annotation| annotation["target"]["expr"]
                .as_str()
                .is_some_and(|expr| expr.contains("process_start_time_seconds"))),
            "{path}"
        );
    }
}
