//! `/debug/waits`: who waits for what, where and for how long, and who has it.

use super::{place, seconds};
use plimsoll_record::clock::now_ns;
use plimsoll_record::waits::{LiveHold, LiveWait, Resource, live, missed};
use serde_json::{Value, json};

/// Returns everything that is waited for, that with the oldest waiter first.
pub(super) fn document() -> Value {
    let waits = live();
    let now_ns = now_ns();
    let mut resources: Vec<(&Resource, Vec<&LiveWait>)> = Vec::new();
    for wait in &waits {
        let number = wait.resource.number();
        match resources.iter_mut().find(|(resource, _)| resource.number() == number) {
            Some((_, waiters)) => waiters.push(wait),
            None => resources.push((&wait.resource, vec![wait])),
        }
    }
    let resources: Vec<Value> = resources
        .into_iter()
        .map(|(resource, waiters)| {
            let (holders, more) = resource.holders();
            let mut described = described(resource);
            described["holders"] = holders.iter().map(|hold| holder(hold, now_ns)).collect();
            described["holders_not_listed"] = json!(more);
            described["waiters"] = waiters.iter().map(|wait| waiter(wait, now_ns)).collect();
            described
        })
        .collect();
    json!({ "resources": resources, "waits_not_listed_total": missed() })
}

/// Returns what a resource is.
pub(super) fn described(resource: &Resource) -> Value {
    json!({
        "kind": resource.what().kind.name(),
        "name": resource.what().name,
        "number": resource.number(),
        "made_at": place(resource.made_at()),
    })
}

/// Returns who waits, where and for how long.
pub(super) fn waiter(wait: &LiveWait, now_ns: u64) -> Value {
    json!({
        "waiter": wait.by.who.to_string(),
        "thread": wait.by.thread.map(|thread| thread.to_string()),
        "site": place(wait.by.site),
        "age_seconds": seconds(now_ns.saturating_sub(wait.since_ns)),
        "gives_up": wait.by.gives_up,
    })
}

/// Returns who holds, where it was acquired and for how long; `null` when that was without a wait,
/// since then nobody read a clock.
pub(super) fn holder(hold: &LiveHold, now_ns: u64) -> Value {
    json!({
        "holder": hold.who.to_string(),
        "site": hold.site.map(place),
        "age_seconds": hold.since_ns.map(|since_ns| seconds(now_ns.saturating_sub(since_ns))),
    })
}
