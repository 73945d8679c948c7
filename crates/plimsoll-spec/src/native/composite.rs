//! SLOs out of others of the same file.

use super::scalar::Name;
use crate::{Faults, View};
use std::collections::{HashMap, HashSet};

const WHOLE_PPM: u64 = 1_000_000;

/// The levels that composites may be made of composites.
const DEPTH_MAX: usize = 8;

/// Takes the name of a part.
pub(super) fn part_name(name: &str) -> Result<(), String> {
    name.parse::<Name>().map(drop).map_err(str::to_owned)
}

/// Holds every composite of a file against its SLOs.
pub(super) fn check(slos: &View<'_>, faults: &mut Faults) {
    let named = slos.items().filter_map(|slo| Some((slo.get("name")?.text()?, parts(&slo))));
    let made_of: HashMap<&str, Vec<(&str, View<'_>)>> = named.collect();
    let sound = sound(&made_of);
    for slo in slos.items() {
        let parts = parts(&slo);
        if parts.is_empty() {
            let sli = slo.get("sli");
            let composite = sli.and_then(|sli| sli.get("all_of").or(sli.get("weighted")));
            if let Some(empty) = composite {
                faults.add(&empty, "needs one SLO at least");
            }
            continue;
        }
        check_parts(&parts, &made_of, faults);
        check_weights(&slo, faults);
        if let Some(name) =
            slo.get("name").filter(|name| !sound.contains(name.text().unwrap_or("")))
        {
            let reason =
                format!("is made of itself, or of others over more than {DEPTH_MAX} levels");
            faults.add(&name, reason);
        }
        for key in ["by", "backend"] {
            if let Some(given) = slo.get(key) {
                faults.add_to_key(&given, "means nothing for an SLO made of others");
            }
        }
    }
}

/// Returns where the names of a composite's parts stand; nothing for any other SLI.
fn parts<'t>(slo: &View<'t>) -> Vec<(&'t str, View<'t>)> {
    let Some(sli) = slo.get("sli") else { return Vec::new() };
    let all_of = sli.get("all_of").into_iter().flat_map(|list| list.items());
    let all_of = all_of.filter_map(|part| Some((part.text()?, part)));
    let weighted = sli.get("weighted").into_iter().flat_map(|table| table.entries());
    all_of.chain(weighted.filter_map(|part| Some((part.key()?, part)))).collect()
}

fn check_parts(
    parts: &[(&str, View<'_>)],
    made_of: &HashMap<&str, Vec<(&str, View<'_>)>>,
    faults: &mut Faults,
) {
    let mut seen = HashSet::new();
    for (name, place) in parts {
        if !seen.insert(name) {
            faults.add_to_key(place, "is named twice");
        } else if !made_of.contains_key(name) {
            faults.add_to_key(place, format!("`{name}` is no SLO of this file"));
        }
    }
}

/// Returns the SLOs that don't come back to themselves: level by level, those whose parts all are
/// found already. An unknown part was told as such.
fn sound<'t>(made_of: &HashMap<&'t str, Vec<(&'t str, View<'t>)>>) -> HashSet<&'t str> {
    let mut sound = HashSet::new();
    for _ in 0..=DEPTH_MAX {
        let is_found =
            |(part, _): &(&str, View<'_>)| sound.contains(part) || !made_of.contains_key(part);
        let next: Vec<&str> = made_of
            .iter()
            .filter(|(name, parts)| !sound.contains(*name) && parts.iter().all(is_found))
            .map(|(name, _)| *name)
            .collect();
        if next.is_empty() {
            break;
        }
        sound.extend(next);
    }
    sound
}

fn check_weights(slo: &View<'_>, faults: &mut Faults) {
    let Some(weighted) = slo.get("sli").and_then(|sli| sli.get("weighted")) else { return };
    let weights: Option<Vec<u64>> =
        weighted.entries().map(|part| part.text()?.parse().ok()).collect();
    let sum: Option<u64> = weights.map(|weights| weights.iter().sum());
    if let Some(sum) = sum.filter(|sum| *sum != WHOLE_PPM) {
        let reason = format!("has weights of {sum} in all: parts per million make {WHOLE_PPM}");
        faults.add(&weighted, reason);
    }
}
