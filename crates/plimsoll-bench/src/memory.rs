//! What mutexes leave behind that were made and dropped.

use crate::table::{Goal, Row, Table};
use plimsoll::sync::parking_lot::Mutex;
use std::hint::black_box;
use std::process::Command;

/// How much may be left, in KiB.
const LEFT_MAX: f64 = 1_024.0;

/// Makes and drops so many mutexes of one name; returns by how many KiB the process has grown.
pub(crate) fn left_kib(count: u64) -> f64 {
    // The name itself stays, whatever is done with it.
    drop(Mutex::named("session", 0));
    let before = resident_kib();
    for number in 0..count {
        let mutex = Mutex::named("session", number);
        *black_box(&mutex).lock() += 1;
    }
    resident_kib() - before
}

fn resident_kib() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    // `VmRSS:      4216 kB`
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
    kib.unwrap_or(f64::NAN)
}

pub(crate) fn measure(table: &mut Table) {
    let Ok(program) = std::env::current_exe() else { return };
    for count in ["8000", "1000000"] {
        // Each in a process of its own, in which nothing else takes or gives memory.
        let left = (0..3).filter_map(|_| {
            let output = Command::new(&program).args(["left", count]).output().ok()?;
            let kib: f64 = String::from_utf8_lossy(&output.stdout).trim().parse().ok()?;
            Some((kib, LEFT_MAX))
        });
        table.add(Row {
            what: format!("left by {count} mutexes that were made and dropped"),
            unit: "KiB resident",
            peer_name: "the bound",
            rounds: left.collect(),
            goal: Goal::AtMost(1.0),
        });
    }
}
