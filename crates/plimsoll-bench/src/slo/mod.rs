//! The SLO engine beside Prometheus with the usual rules, on the same target in the same run.

mod cost;
mod daemon;
mod decode;
mod page;
pub(crate) mod process;
mod prometheus;
mod scale;
pub(crate) mod service;

use crate::table::Table;
use std::path::PathBuf;

/// How long things are measured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Extent {
    /// Seconds before a measurement, in which everything starts up.
    warm_s: u64,
    /// Seconds of a measurement.
    watch_s: u64,
    /// The SLOs of the two Prometheus whose difference is what one SLO with history costs.
    history: [usize; 2],
    /// Whether 100,000 SLOs are tried, too.
    huge: bool,
}

impl Extent {
    /// About five minutes in all.
    pub(crate) const SHORT: Self = Self { warm_s: 20, watch_s: 45, history: [2, 6], huge: false };

    /// About half an hour.
    pub(crate) const FULL: Self = Self { warm_s: 60, watch_s: 300, history: [5, 20], huge: true };
}

/// Runs the groups whose names begin with `wanted`.
pub(crate) fn measure(wanted: &str, extent: Extent) -> Table {
    let mut table = Table::default();
    type Measure = fn(&mut Table, Extent);
    let groups: [(&str, Measure); 5] = [
        ("decode", decode::measure),
        ("cost", cost::without_history),
        ("history", cost::with_history),
        ("scale", scale::measure),
        ("page", page::measure),
    ];
    for (name, measure) in groups.iter().filter(|(name, _)| name.starts_with(wanted)) {
        eprintln!("{name} …");
        measure(&mut table, extent);
    }
    table
}

/// Makes an empty folder for one server.
pub(crate) fn folder(name: &str) -> PathBuf {
    let folder = PathBuf::from("target/bench/slo").join(name);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).expect("a folder below target/");
    folder
}

fn sleep_s(seconds: u64) {
    std::thread::sleep(std::time::Duration::from_secs(seconds));
}
