//! Relabelling rules from their raw form, with Prometheus's defaults.

use super::raw::RawRelabel;
use plimsoll_store::{RelabelAction, RelabelRule, Relabeling};

const PATTERN: &str = "(.*)";
const REPLACEMENT: &str = "$1";
const SEPARATOR: &str = ";";

/// Says what is wrong with a pattern.
pub(super) fn pattern(text: &str) -> Result<(), String> {
    RelabelRule::new(Vec::new(), String::new(), text, RelabelAction::Keep)
        .map(drop)
        .map_err(|error| reason(&error))
}

/// Makes the rules of one list.
pub(super) fn relabeling(rules: &[RawRelabel]) -> Result<Relabeling, String> {
    let rules = rules.iter().map(rule).collect::<Result<_, _>>();
    rules.map(Relabeling::new).map_err(|error| reason(&error))
}

fn rule(raw: &RawRelabel) -> Result<RelabelRule, regex::Error> {
    let replacement = raw.replacement.clone().unwrap_or_else(|| REPLACEMENT.into());
    let action = raw.action.as_deref().unwrap_or("replace").to_ascii_lowercase();
    let action = match action.as_str() {
        "keep" => RelabelAction::Keep,
        "drop" => RelabelAction::Drop,
        "labelmap" => RelabelAction::LabelMap { replacement },
        "labeldrop" => RelabelAction::LabelDrop,
        "labelkeep" => RelabelAction::LabelKeep,
        _ => {
            let target = raw.target_label.clone().unwrap_or_default();
            RelabelAction::Replace { target, replacement }
        }
    };
    let separator = raw.separator.clone().unwrap_or_else(|| SEPARATOR.into());
    let pattern = raw.regex.as_deref().unwrap_or(PATTERN);
    RelabelRule::new(raw.source_labels.clone(), separator, pattern, action)
}

/// The library draws the pattern over several lines; its last line says what is wrong.
fn reason(error: &regex::Error) -> String {
    let text = error.to_string();
    let last = text.lines().last().unwrap_or_default().trim();
    format!("is no regular expression: {last}")
}
