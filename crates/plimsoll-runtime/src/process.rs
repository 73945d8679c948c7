//! What a process says about itself, under the names of every Prometheus client library.

use plimsoll_model::{Family, Labels, Series, Signal, Snapshot, TimeMs, Value, catalog};
use std::borrow::Cow;
use sysinfo::{Pid, ProcessRefreshKind, ProcessesToUpdate, System};

/// Up to this age, in seconds, a process takes its own word for when it started.
const YOUNG_S: f64 = 2.0;

/// Asks the system about the process that it runs in.
#[derive(Debug)]
pub struct Probe {
    /// Nothing on a system that tells nothing.
    known: Option<(System, Pid)>,
    first_asked: TimeMs,
}

impl Probe {
    /// Makes a probe; `now` is the wall clock's time, by which a process that has just started
    /// tells when.
    pub fn new(now: TimeMs) -> Self {
        let known = System::new().ok().zip(sysinfo::get_current_pid().ok());
        Self { known, first_asked: now }
    }

    /// Adds the process's families to `snapshot`; what the system doesn't tell is left out.
    pub fn append_to(&mut self, snapshot: &mut Snapshot) {
        let Some((system, pid)) = self.known.as_mut() else { return };
        let what = ProcessRefreshKind::nothing().with_memory().with_cpu();
        system.refresh_processes_specifics(ProcessesToUpdate::Some(&[*pid]), false, what);
        let Some(process) = system.process(*pid) else { return };
        let cpu_ns = u128::from(process.accumulated_cpu_time()) * 1_000_000;
        let start_s = started_s(process.start_time(), self.first_asked);
        let open = process.open_files().map(|open| Value::Gauge(open as f64));
        let resident = Value::Gauge(process.memory() as f64);
        let told = [
            (&catalog::PROCESS_START_TIME, Some(Value::Gauge(start_s))),
            (&catalog::PROCESS_CPU, Some(Value::SecondsNs(cpu_ns))),
            (&catalog::PROCESS_RESIDENT_MEMORY, Some(resident)),
            (&catalog::PROCESS_OPEN_FDS, open),
        ];
        let families = told.into_iter().filter_map(|(signal, value)| Some(family(signal, value?)));
        snapshot.families.extend(families);
    }
}

/// Returns when the process started, in seconds since the Unix epoch.
///
/// The system tells it to the second, rounded down, so a process that replaced another within a
/// second would seem older than the last scrape of the other, and its counts not to be its own.
/// One that was young when it first asked says that moment instead: nothing could have scraped it
/// before.
fn started_s(system_s: u64, first_asked: TimeMs) -> f64 {
    let asked_s = first_asked.0 as f64 / 1000.0;
    let told_s = system_s as f64;
    if (0.0..YOUNG_S).contains(&(asked_s - told_s)) { asked_s } else { told_s }
}

fn family(signal: &'static Signal, value: Value) -> Family {
    let kind = value.family_kind();
    Family {
        name: Cow::Borrowed(signal.name),
        help: Cow::Borrowed(signal.help),
        unit: signal.prometheus_unit(),
        kind,
        series: vec![Series { labels: Labels::default(), value }],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_young_process_started_when_it_first_asked_and_an_old_one_when_the_system_says() {
        assert_eq!(started_s(1_000, TimeMs(1_000_250)), 1_000.25);
        assert_eq!(started_s(1_000, TimeMs(1_001_999)), 1_001.999);
        assert_eq!(started_s(1_000, TimeMs(1_002_000)), 1_000.0);
        assert_eq!(started_s(1_000, TimeMs(999_000)), 1_000.0, "a wall clock that was set back");
    }
}
