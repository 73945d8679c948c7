//! `/debug/cycles`: deadlocks, each with its locks, call sites and tasks.

use super::waits::{described, holder, waiter};
use super::{SCAN_EVERY, place};
use plimsoll_record::clock::now_ns;
use plimsoll_record::waits::{Cycle, LiveWait, Who};
use serde_json::{Value, json};

/// Returns the cycles that two scans have seen.
pub(super) fn document(cycles: &[Cycle]) -> Value {
    let now_ns = now_ns();
    let cycles: Vec<Value> = cycles
        .iter()
        .map(|cycle| {
            let waits: Vec<Value> =
                in_turn(cycle).into_iter().map(|wait| described_wait(wait, now_ns)).collect();
            json!({ "kind": cycle.kind, "sentence": sentence(cycle), "waits": waits })
        })
        .collect();
    json!({ "cycles": cycles, "scanned_every_seconds": SCAN_EVERY.as_secs_f64() })
}

/// Tells a cycle in one line.
pub(super) fn sentence(cycle: &Cycle) -> String {
    let waits = in_turn(cycle).into_iter().map(|wait| {
        let (what, made_at) = (wait.resource.what(), wait.resource.made_at());
        let holders: Vec<String> = wait
            .resource
            .holders()
            .0
            .iter()
            .map(|hold| match hold.site {
                Some(site) => format!("{} since {}", hold.who, place(site)),
                None => hold.who.to_string(),
            })
            .collect();
        format!(
            "{} waits at {} for {} {:?} (made at {}), which is held by {}",
            wait.by.who,
            place(wait.by.site),
            what.kind.name(),
            what.name,
            place(made_at),
            holders.join(" and "),
        )
    });
    waits.collect::<Vec<_>>().join("; ")
}

/// Says whether both are made of the same waits.
pub(super) fn are_same(one: &Cycle, other: &Cycle) -> bool {
    let numbers = |cycle: &Cycle| cycle.waits.iter().map(|wait| wait.number).collect::<Vec<_>>();
    numbers(one) == numbers(other)
}

fn described_wait(wait: &LiveWait, now_ns: u64) -> Value {
    let mut document = waiter(wait, now_ns);
    document["waits_for"] = described(&wait.resource);
    document["held_by"] =
        wait.resource.holders().0.iter().map(|hold| holder(hold, now_ns)).collect();
    document
}

/// Returns the waits so that each is followed by that of its holder, as far as there is one more.
fn in_turn(cycle: &Cycle) -> Vec<&LiveWait> {
    let mut rest: Vec<&LiveWait> = cycle.waits.iter().collect();
    let mut turn: Vec<&LiveWait> = Vec::new();
    while !rest.is_empty() {
        let holders = turn.last().map(|wait| wait.resource.holders().0).unwrap_or_default();
        let next = rest.iter().position(|wait| {
            let is_it = |who: Who| who == wait.by.who.whole() || Some(who) == wait.by.thread;
            holders.iter().any(|hold| is_it(hold.who.whole()))
        });
        turn.push(rest.remove(next.unwrap_or(0)));
    }
    turn
}
