//! Thousands of random services, minute by minute, in a replay that shares nothing with the engine
//! but the slices' edges: processes that restart at any millisecond and tell a wrong clock, a daemon
//! that is killed, scrapes that fail or bring what can't be, error series that are born late,
//! exclusions. Counts, intervals, times of every alert are equal at each step.
//!
//! `STREAMS=5000` runs so many, from `SEED=1000` on. A stream that differs is run again without each
//! of its troubles in turn: what is left is what it takes.

#![allow(clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "a test")]

mod scene;
mod stream {
    pub mod rules;
    pub mod service;
    pub mod truth;
}

use plimsoll_slo::AlertName;
use stream::service::{Stream, Trouble};

const MINUTES: i64 = 300;

/// What happened in a stream, to see that enough does.
#[derive(Debug, Default)]
struct Seen {
    fired: [u32; 4],
    resolved: [u32; 4],
    cut: u32,
    kills: u32,
}

/// Runs one stream; the first difference ends it.
fn run(seed: u64, troubles: &[Trouble], seen: &mut Seen) -> Result<(), String> {
    let mut stream = Stream::new(seed, troubles);
    let mut before = [None; 4];
    for minute in 1..=MINUTES {
        let Some(step) = stream.minute(minute) else { continue };
        let said = |what: String| format!("seed {seed}, minute {minute}: {what}");
        seen.cut += u32::from(stream.hold_windows().map_err(said)?);
        let (found, truth) = step;
        for (at, name) in AlertName::ALL.into_iter().enumerate() {
            if found[at] != truth[at] {
                let minutes =
                    [found[at], truth[at]].map(|ms| ms.map(|ms| ms / stream::truth::MINUTE));
                return Err(said(format!("{name:?} fires since {minutes:?}: engine, replay")));
            }
            seen.fired[at] += u32::from(found[at].is_some() && found[at] != before[at]);
            seen.resolved[at] += u32::from(found[at].is_none() && before[at].is_some());
        }
        before = found;
    }
    seen.kills += stream.kills;
    Ok(())
}

/// Leaves troubles out as long as the stream still differs.
fn shrink(seed: u64, fault: String) -> String {
    let (mut troubles, mut fault) = (Trouble::ALL.to_vec(), fault);
    for trouble in Trouble::ALL {
        let fewer: Vec<Trouble> =
            troubles.iter().copied().filter(|other| *other != trouble).collect();
        if let Err(smaller) = run(seed, &fewer, &mut Seen::default()) {
            (troubles, fault) = (fewer, smaller);
        }
    }
    format!("{fault}, with {troubles:?}")
}

fn number(variable: &str, otherwise: u64) -> u64 {
    std::env::var(variable).map_or(otherwise, |text| text.parse().expect("a number"))
}

#[test]
fn every_stream_equals_its_replay() {
    let (first, count) = (number("SEED", 0), number("STREAMS", 1_000));
    let mut seen = Seen::default();
    let mut faults = Vec::new();
    for seed in first..first + count {
        if let Err(fault) = run(seed, &Trouble::ALL, &mut seen) {
            faults.push(shrink(seed, fault));
        }
    }
    println!("{count} streams: {seen:?}");
    assert!(faults.is_empty(), "{} differ:\n{}", faults.len(), faults.join("\n"));
    let enough = |of: [u32; 4], least: u64| of.iter().all(|times| u64::from(*times) * 20 >= least);
    assert!(enough(seen.fired, count) && enough(seen.resolved, count), "{seen:?}");
    assert!(u64::from(seen.kills) * 5 > count && u64::from(seen.cut) > count, "{seen:?}");
}
