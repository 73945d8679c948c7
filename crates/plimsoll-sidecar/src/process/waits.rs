//! Who waits for whom, in words for the page and as the library's `/debug/waits` and `/debug/cycles`
//! tell it. What isn't known is null there, and no word here.

use plimsoll_model::TimeMs;
use serde_json::{Value, json};
use std::fmt;

/// A thread of a watched process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Who {
    pub(super) name: String,
    pub(super) number: u32,
}

/// A lock, by the process that it is in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Lock {
    /// What the `process` label of the group says.
    pub(super) process: String,
    pub(super) pid: u32,
    pub(super) address: u64,
    /// Its symbol, if it is a global variable of a program that has symbols.
    pub(super) symbol: Option<String>,
}

/// A lock that threads wait for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Waited {
    pub(super) lock: Lock,
    /// Who has it, if it tells.
    pub(super) owner: Option<Who>,
    /// Some of those who wait and since when at least, the first in the queue first.
    pub(super) waiters: Vec<(Who, TimeMs)>,
    pub(super) waiters_not_listed: usize,
}

/// A thread in a circle: what it waits for, where, since when at least, and who has it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Wait {
    pub(super) waiter: Who,
    pub(super) lock: Lock,
    /// The innermost functions that are no library's.
    pub(super) functions: Vec<String>,
    pub(super) since: TimeMs,
    pub(super) owner: Who,
}

/// Threads that wait for one another in a circle.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Cycle(pub(super) Vec<Wait>);

impl Waited {
    /// Writes it as an entry of `resources`.
    pub(crate) fn json(&self, now: TimeMs) -> Value {
        let mut document = self.lock.json();
        let waiters = self.waiters.iter();
        document["holders"] = self.owner.iter().map(holder).collect();
        document["holders_not_listed"] = json!(0);
        document["waiters"] =
            waiters.map(|(who, since)| waiter(who, &[], age_s(*since, now))).collect();
        document["waiters_not_listed"] = json!(self.waiters_not_listed);
        document
    }
}

impl Cycle {
    /// Writes it as an entry of `cycles`.
    pub(crate) fn json(&self, now: TimeMs) -> Value {
        let waits = self.0.iter().map(|wait| {
            let mut document = waiter(&wait.waiter, &wait.functions, age_s(wait.since, now));
            document["waits_for"] = wait.lock.json();
            document["held_by"] = json!([holder(&wait.owner)]);
            document
        });
        let waits: Vec<Value> = waits.collect();
        let kind = if waits.len() == 1 { "self" } else { "lock" };
        json!({ "kind": kind, "sentence": self.to_string(), "waits": waits })
    }
}

impl Lock {
    fn json(&self) -> Value {
        json!({
            "kind": "lock",
            "name": self.symbol,
            "number": self.address,
            "made_at": null,
            "process": self.process,
            "pid": self.pid,
        })
    }
}

fn waiter(who: &Who, functions: &[String], age_s: f64) -> Value {
    let site = Some(functions.join(" ← ")).filter(|site| !site.is_empty());
    json!({
        "waiter": who.to_string(),
        "thread": who.number,
        "site": site,
        "age_seconds": age_s,
        "gives_up": null,
    })
}

fn holder(who: &Who) -> Value {
    json!({ "holder": who.to_string(), "site": null, "age_seconds": null })
}

fn age_s(since: TimeMs, now: TimeMs) -> f64 {
    now.0.saturating_sub(since.0).max(0) as f64 / 1e3
}

impl fmt::Display for Who {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} ({})", self.name, self.number)
    }
}

impl fmt::Display for Lock {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.symbol {
            Some(symbol) => write!(out, "`{symbol}`"),
            None => write!(out, "the lock at {:#x}", self.address),
        }
    }
}

impl fmt::Display for Wait {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} waits for {}", self.waiter, self.lock)?;
        if !self.functions.is_empty() {
            write!(out, " in {}", self.functions.join(" ← "))?;
        }
        write!(out, ", which {} has", self.owner)
    }
}

impl fmt::Display for Cycle {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("deadlock: ")?;
        for (number, wait) in self.0.iter().enumerate() {
            write!(out, "{}{wait}", if number == 0 { "" } else { "; " })?;
        }
        Ok(())
    }
}
