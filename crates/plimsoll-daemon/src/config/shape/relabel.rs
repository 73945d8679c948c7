//! Relabelling rules.

use super::scalar::any;
use crate::config::relabel_rule;
use plimsoll_spec::{Faults, MapShape, Shape, View, later, optional};

/// What to do instead of hashing.
const NO_SHARDS: &str = "one daemon scrapes all its targets: give each daemon its own";

/// What to do instead of an action that isn't there.
const ACTIONS: &str = "known are replace, keep, drop, labelmap, labeldrop and labelkeep";

pub(super) const RELABELING: Shape = Shape::List(&Shape::Map(&RULE));

static RULE: MapShape = MapShape {
    keys: &[
        optional("source_labels", Shape::List(&Shape::Text(label))),
        optional("separator", Shape::Text(any)),
        optional("regex", Shape::Text(any)),
        optional("action", Shape::Text(action)),
        optional("target_label", Shape::Text(any)),
        optional("replacement", Shape::Text(any)),
        later("modulus", NO_SHARDS),
    ],
    check: Some(check_rule),
};

fn label(name: &str) -> Result<(), String> {
    plimsoll_model::Labels::new([(name, "")]).map(drop).map_err(|error| error.to_string())
}

fn action(text: &str) -> Result<(), String> {
    match text.to_ascii_lowercase().as_str() {
        "replace" | "keep" | "drop" | "labelmap" | "labeldrop" | "labelkeep" => Ok(()),
        "hashmod" => Err(format!("isn't supported: {NO_SHARDS}")),
        "lowercase" | "uppercase" | "keepequal" | "dropequal" => {
            Err(format!("isn't supported; {ACTIONS}"))
        }
        _ => Err(format!("is no action; {ACTIONS}")),
    }
}

/// Which keys an action takes is Prometheus's rule, and so is what they may hold.
fn check_rule(view: &View<'_>, faults: &mut Faults) {
    let text = |key: &str| view.get(key).and_then(|below| below.text());
    let action = text("action").unwrap_or("replace").to_ascii_lowercase();
    if let Some(regex) = view.get("regex")
        && let Err(reason) = relabel_rule::pattern(regex.text().unwrap_or_default())
    {
        faults.add(&regex, reason);
    }
    match action.as_str() {
        "replace" => match view.get("target_label") {
            None => faults.add_missing(view, "target_label", "replace needs it"),
            Some(label) => check_template(&label, faults),
        },
        "labelmap" => {
            if let Some(label) = view.get("replacement") {
                check_template(&label, faults);
            }
        }
        "labeldrop" | "labelkeep" => {
            for key in ["source_labels", "separator", "target_label", "replacement"] {
                if let Some(below) = view.get(key) {
                    faults.add_to_key(&below, format!("{action} takes only `regex`"));
                }
            }
        }
        _ => {}
    }
}

/// A label's name, in which groups of the match may stand.
fn check_template(view: &View<'_>, faults: &mut Faults) {
    let template = view.text().unwrap_or_default();
    let mut plain = template.replace(['{', '}'], "").replace('$', "_");
    if template.starts_with('$') {
        plain.insert(0, '_');
    }
    let is_plain = !template.contains(['{', '}']) || template.contains("${");
    if !is_plain || label(&plain).is_err() {
        faults.add(view, "is no label's name: letters, digits, _ and groups as ${1}");
    }
}
