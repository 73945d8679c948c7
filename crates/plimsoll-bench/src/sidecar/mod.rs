//! The sidecar's collectors beside their peers, before the same target in the same run.

mod arrivals;
mod exporters;
mod held;
mod load;
mod nginx;
pub(crate) mod ours;
pub(crate) mod process;
mod proxy;
mod slices;
mod target;

use crate::table::Table;

/// Runs the groups whose names begin with `wanted`.
pub(crate) fn measure(wanted: &str) -> Table {
    let mut table = Table::default();
    type Measure = fn(&mut Table);
    let groups: [(&str, Measure); 4] = [
        ("proxy", proxy::measure),
        ("held", held::measure),
        ("process", process::measure),
        ("exporters", exporters::measure),
    ];
    for (name, measure) in groups.iter().filter(|(name, _)| name.starts_with(wanted)) {
        eprintln!("{name} …");
        measure(&mut table);
    }
    table
}
