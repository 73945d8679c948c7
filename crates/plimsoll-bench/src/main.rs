//! Measures Plimsoll and its peers in one run: `cargo xtask bench record`, `context`, `slo` or `sidecar`.
//!
//! Ours and theirs take turns, so that what disturbs the machine disturbs both, and what is compared
//! is the ratio within a round. Costs are processor time of the whole process, so that work which is
//! put off, or done by another thread, is in them.

#![forbid(unsafe_code)]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "this is a command line")]
#![allow(clippy::expect_used, reason = "a benchmark that can't be set up has no result")]

mod cached;
mod context;
mod counted;
mod encode;
mod histogram;
mod locks;
mod memory;
mod merge;
mod peers;
mod request;
mod sidecar;
mod slo;
mod table;
mod turns;

use slo::Extent;
use std::path::Path;
use std::process::ExitCode;
use table::Table;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let (name, table) = match words.as_slice() {
        ["record"] => ("record", record("")),
        ["record", group] if !group.starts_with('-') => ("record", record(group)),
        ["request", whose, times] => {
            request::alone(whose, times.parse().unwrap_or(0));
            return ExitCode::SUCCESS;
        }
        ["context"] => ("context", context()),
        ["slo"] => ("slo", slo::measure("", Extent::SHORT)),
        ["slo", "--full"] => ("slo", slo::measure("", Extent::FULL)),
        ["slo", group] if !group.starts_with('-') => ("slo", slo::measure(group, Extent::SHORT)),
        ["sidecar"] => ("sidecar", sidecar::measure("")),
        ["sidecar", group] if !group.starts_with('-') => ("sidecar", sidecar::measure(group)),
        ["watch", file] => {
            sidecar::ours::alone(file);
            return ExitCode::SUCCESS;
        }
        ["threads", scene] => {
            sidecar::process::alone(scene);
            return ExitCode::SUCCESS;
        }
        ["lock", whose, name, times] => {
            locks::alone(whose, name, times.parse().unwrap_or(0));
            return ExitCode::SUCCESS;
        }
        ["left", count] => {
            println!("{}", memory::left_kib(count.parse().unwrap_or(0)));
            return ExitCode::SUCCESS;
        }
        other => {
            let other = other.join(" ");
            eprintln!(
                "plimsoll-bench: no such benchmark: {other}; there are record, context, slo and sidecar"
            );
            return ExitCode::from(2);
        }
    };
    table.print();
    let path = format!("target/bench/{name}.json");
    match table.write(Path::new(&path)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("plimsoll-bench: cannot write {path}: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Runs the benchmark of decisions.
fn context() -> Table {
    let mut table = Table::default();
    context::measure(&mut table);
    table
}

/// Measures one group of rows.
type Measure = fn(&mut Table);

/// Runs the groups of the recorder's benchmark whose names begin with `wanted`.
fn record(wanted: &str) -> Table {
    let mut table = Table::default();
    let groups: [(&str, Measure); 7] = [
        ("requests", request::measure),
        ("histogram", histogram::measure),
        ("merge", merge::measure),
        ("encode", encode::measure),
        ("locks", locks::measure),
        ("memory", memory::measure),
        ("cache", cached::measure),
    ];
    for (name, measure) in groups.iter().filter(|(name, _)| name.starts_with(wanted)) {
        eprintln!("{name} …");
        measure(&mut table);
    }
    table
}
