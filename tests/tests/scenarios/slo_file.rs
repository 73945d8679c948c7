//! A case's blocks as the SLO file that they abbreviate.

use super::script::{Blocks, Case};
use plimsoll_spec::{Fault, SloFile};

/// The SLO of a case that doesn't give one.
const DEFAULT_SLO: &str = "availability";

/// What an SLO is when its block doesn't say.
const DEFAULTS: [(&str, &str); 3] = [
    ("objective", "99.9%"),
    ("window", "30d"),
    ("sli", "{events: {total: requests_total, bad: 'requests_total{code=\"500\"}'}}"),
];

pub(crate) fn read(case: &Case) -> Result<SloFile, Vec<Fault>> {
    plimsoll_spec::read(&case.file, &yaml(&case.blocks))
}

fn yaml(blocks: &Blocks) -> String {
    let default = [(DEFAULT_SLO.to_owned(), String::new())];
    let slos = if blocks.slos.is_empty() { &default[..] } else { &blocks.slos };
    let mut text = "apiVersion: plimsoll/v1\nservice: shop\nslos:\n".to_owned();
    for (name, keys) in slos {
        text += &format!("  - name: {name}\n{}", aligned(keys));
        for (key, value) in DEFAULTS {
            if !keys.lines().any(|line| line.trim_start().starts_with(&format!("{key}:"))) {
                text += &format!("    {key}: {value}\n");
            }
        }
    }
    for (key, block) in [("policies", &blocks.policies), ("exclusions", &blocks.exclusions)] {
        if !block.is_empty() {
            text += &format!("{key}:\n{}", aligned(block));
        }
    }
    text
}

/// Moves a block's lines so that the first stands at four spaces.
fn aligned(block: &str) -> String {
    let indent = block.lines().next().map_or(0, |line| line.len() - line.trim_start().len());
    let line = |line: &str| format!("    {}\n", line.get(indent..).unwrap_or(line.trim_start()));
    block.lines().map(line).collect()
}
