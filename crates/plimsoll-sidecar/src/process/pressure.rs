//! Pressure and throttling, as control groups of version 2 and the machine count them.

use super::folder::{Folder, Room};
use super::text::line_number;
use crate::Reading;
use plimsoll_model::{Labels, Signal, catalog};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

const RESOURCES: [&str; 3] = ["cpu", "io", "memory"];

/// Where control groups are: alone, and beside those of version 1.
const MOUNTS: [&str; 2] = ["fs/cgroup", "fs/cgroup/unified"];

/// What control groups have counted, by what: microseconds, or periods.
type Counts = BTreeMap<Count, u64>;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Count {
    Stalled { resource: &'static str, part: &'static str },
    Throttled,
    PeriodsThrottled,
    Periods,
}

/// The control groups of a group of processes.
#[derive(Debug)]
pub(super) struct Pressure {
    sys_root: PathBuf,
    /// What each has counted at the last look.
    last: BTreeMap<String, Counts>,
    /// What all have, those that are gone included.
    sum: Counts,
}

impl Pressure {
    pub(super) fn new(sys_root: PathBuf) -> Self {
        Self { sys_root, last: BTreeMap::new(), sum: Counts::new() }
    }

    /// Looks at the control groups with these paths, at each one once.
    pub(super) fn look<'p>(&mut self, paths: impl Iterator<Item = &'p str>, room: &mut Room) {
        let mut now = BTreeMap::new();
        for path in paths.collect::<BTreeSet<_>>() {
            let mount = MOUNTS.iter().map(|mount| self.sys_root.join(mount));
            let folder = mount
                .filter(|mount| mount.join("cgroup.controllers").exists())
                .find_map(|mount| Folder::open(&mount.join(path.trim_start_matches('/'))).ok());
            if let Some(folder) = folder {
                now.insert(path.to_string(), counts(&folder, room));
            }
        }
        for (path, counts) in &now {
            let before = self.last.get(path);
            for (count, value) in counts {
                // One that was made anew under its old name begins at 0.
                let before = before.and_then(|before| before.get(count)).copied();
                let grown = value.checked_sub(before.unwrap_or_default()).unwrap_or(*value);
                *self.sum.entry(*count).or_default() += grown;
            }
        }
        self.last = now;
    }

    /// Adds what is known to a reading.
    pub(super) fn write(&self, labels: &Labels, reading: &mut Reading) {
        let with = |name, value| labels.with(name, value).unwrap_or_default();
        for (count, value) in &self.sum {
            let nanoseconds = u128::from(*value) * 1_000;
            match count {
                Count::Stalled { resource, part } => {
                    let labels = with("resource", resource).with("stalled", part);
                    let labels = labels.unwrap_or_default();
                    reading.seconds(&catalog::PROCESS_PRESSURE, &labels, nanoseconds);
                }
                Count::Throttled => {
                    reading.seconds(&catalog::PROCESS_THROTTLED, labels, nanoseconds);
                }
                Count::PeriodsThrottled => {
                    reading.count(&catalog::PROCESS_PERIODS, &with("throttled", "yes"), *value);
                }
                Count::Periods => {
                    let throttled = self.sum.get(&Count::PeriodsThrottled).copied();
                    let free = value.saturating_sub(throttled.unwrap_or_default());
                    reading.count(&catalog::PROCESS_PERIODS, &with("throttled", "no"), free);
                }
            }
        }
    }
}

/// Adds the pressure on the whole machine, as far as this kernel counts it.
pub(crate) fn write_host(proc_root: &Path, reading: &mut Reading) {
    let Ok(folder) = Folder::open(&proc_root.join("pressure")) else { return };
    let mut room = Room::new();
    for resource in RESOURCES {
        let Ok(text) = folder.read(resource, &mut room) else { continue };
        for (part, total_us) in stalled(&text) {
            let labels = Labels::new([("resource", resource), ("stalled", part)]);
            let signal: &'static Signal = &catalog::HOST_PRESSURE;
            reading.seconds(signal, &labels.unwrap_or_default(), u128::from(total_us) * 1_000);
        }
    }
}

fn counts(folder: &Folder, room: &mut Room) -> Counts {
    let mut counts = Counts::new();
    for resource in RESOURCES {
        let Ok(text) = folder.read(&format!("{resource}.pressure"), room) else { continue };
        for (part, total_us) in stalled(&text) {
            counts.insert(Count::Stalled { resource, part }, total_us);
        }
    }
    if let Ok(text) = folder.read("cpu.stat", room) {
        for (count, key) in [
            (Count::Throttled, "throttled_usec"),
            (Count::PeriodsThrottled, "nr_throttled"),
            (Count::Periods, "nr_periods"),
        ] {
            counts.extend(line_number(&text, key).map(|value| (count, value)));
        }
    }
    counts
}

/// Returns the path of the control group of version 2, which has no number and no controllers.
pub(super) fn own_path(text: &str) -> Option<String> {
    let path = text.lines().find_map(|line| line.strip_prefix("0::"))?;
    // One that lies outside of what this namespace shows.
    (!path.contains("..")).then(|| path.to_string())
}

/// Reads lines as `some avg10=0.00 avg60=0.00 avg300=0.00 total=0`, in microseconds.
fn stalled(text: &str) -> impl Iterator<Item = (&'static str, u64)> {
    text.lines().filter_map(|line| {
        let part = ["some", "full"].into_iter().find(|part| line.starts_with(part))?;
        let total = line.split_ascii_whitespace().find_map(|word| word.strip_prefix("total="))?;
        Some((part, total.parse().ok()?))
    })
}
