//! What the recorder says about itself.

use super::families::Families;
use super::shape::{bare, count, seconds};
use crate::account::{Accounts, ActivityAccount};
use crate::budget::Budget;
use crate::clock::{Clock, SystemClock};
use crate::edge::Draft;
use crate::log::{Log, Owner};
use crate::merge::Merge;
use crate::process::recorder;
use plimsoll_model::{Family, Kind, Labels, Series, Signal, Value, catalog};
use std::collections::BTreeMap;
use std::sync::OnceLock;

/// Adds the recorder's own families to a snapshot.
pub(super) fn expose(
    families: &[&Families],
    merge: &mut Merge<Accounts>,
    exposed: &mut Vec<Family>,
) {
    let clock = SystemClock::get();
    let at_ns = merge.watermark_ns();
    let mask = recorder().budget().mask();
    // What isn't timed stands at the merge before it.
    let coarse_ns = if mask > 0 { merge.between_ns() } else { 0 };
    let error_ns = clock.resolution_ns().max(coarse_ns);
    let age_ns = clock.now_ns().saturating_sub(at_ns);
    let inexact = count(&catalog::INEXACT, merge.inexact_ns());
    let alone = |value| vec![Series { labels: Labels::default(), value }];
    add(exposed, &catalog::INEXACT, alone(inexact));
    add(exposed, &catalog::LABEL_SETS_DROPPED, dropped(families));
    add(exposed, &catalog::LITTLE_RESIDUAL, residuals(families, &mut merge.sink, at_ns));
    add(exposed, &catalog::WATERMARK_AGE, alone(seconds(age_ns)));
    add(exposed, &catalog::CLOCK_ERROR, alone(seconds(error_ns)));
    add(exposed, &catalog::OBSERVATION_COST, alone(Value::Gauge(cost_s(merge))));
    add(exposed, &catalog::TIMED, alone(Value::Gauge(1.0 / (mask + 1) as f64)));
    skewed(exposed, merge.sink.skewed());
}

fn add(exposed: &mut Vec<Family>, signal: &'static Signal, series: Vec<Series>) {
    exposed.push(Family { series, ..bare(signal) });
}

/// Adds the recorder's own clamped durations to those that probes have counted.
fn skewed(exposed: &mut Vec<Family>, skewed: u64) {
    let own = Series { labels: Labels::default(), value: Value::Count(skewed) };
    let Some(family) = exposed.iter_mut().find(|family| family.name == catalog::CLOCK_SKEW.name)
    else {
        return add(exposed, &catalog::CLOCK_SKEW, vec![own]);
    };
    match family.series.iter_mut().find(|series| series.labels.is_empty()) {
        Some(Series { value: Value::Count(count), .. }) => *count += skewed,
        _ => family.series.push(own),
    }
}

fn dropped(families: &[&Families]) -> Vec<Series> {
    let mut sums: BTreeMap<&str, u64> = BTreeMap::new();
    for family in families.iter().flat_map(|families| families.iter()) {
        *sums.entry(family.signal.name).or_default() += family.dropped;
    }
    sums.into_iter()
        .filter(|(_, dropped)| *dropped > 0)
        .filter_map(|(name, dropped)| {
            let labels = Labels::new([("family", name)]).ok()?;
            Some(Series { labels, value: Value::Count(dropped) })
        })
        .collect()
}

/// Returns the residual of each level family: the sum over its label sets.
fn residuals(families: &[&Families], accounts: &mut Accounts, at_ns: u64) -> Vec<Series> {
    let mut sums_ns: BTreeMap<&str, i128> = BTreeMap::new();
    let levels = families.iter().flat_map(|families| families.iter());
    for family in levels.filter(|family| family.signal.kind == Kind::Level) {
        let sum_ns = sums_ns.entry(family.signal.name).or_default();
        for number in family.numbers() {
            let account = accounts.activity_at(number, at_ns);
            *sum_ns += account.map_or(0, ActivityAccount::residual_ns);
        }
    }
    sums_ns
        .into_iter()
        .filter_map(|(name, sum_ns)| {
            let labels = Labels::new([("level", name)]).ok()?;
            Some(Series { labels, value: Value::Gauge(sum_ns as f64 / 1e9) })
        })
        .collect()
}

/// Returns what an edge costs: writing it, measured once on a log of its own, and merging it, the mean
/// of all that was merged.
fn cost_s(merge: &Merge<Accounts>) -> f64 {
    let cost = merge.cost();
    let merging_ns = if cost.edges == 0 { 0.0 } else { cost.spent_ns as f64 / cost.edges as f64 };
    (writing_ns() + merging_ns) / 1e9
}

/// Returns what writing an edge costs.
pub(super) fn writing_ns() -> f64 {
    static WRITING_NS: OnceLock<f64> = OnceLock::new();
    *WRITING_NS.get_or_init(measured_writing_ns)
}

/// Measures writing an edge: the quickest of four full logs.
fn measured_writing_ns() -> f64 {
    const SLOTS: usize = 256;
    let (clock, budget) = (SystemClock::get(), Budget::new());
    let took_ns = (0..4)
        .map(|_| {
            let mut owner = Owner::new(Log::new(0, SLOTS), clock);
            let (mut edges, began_ns) = (0, clock.now_ns());
            while owner.has_room() {
                owner.push(&Draft::enter(0, 1), &budget);
                edges += 1;
            }
            clock.now_ns().saturating_sub(began_ns) as f64 / f64::from(edges)
        })
        .reduce(f64::min);
    took_ns.unwrap_or(0.0)
}
