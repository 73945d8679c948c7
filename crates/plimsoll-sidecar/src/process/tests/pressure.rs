//! Control groups that a test has written: their sums are made by hand.

use super::{Kernel, named, value};
use crate::Reading;
use crate::blocking::BlockingCollector;
use std::fs;

impl Kernel {
    fn control(&self, file: &str, text: &str) {
        let path = self.0.path().join("sys/fs/cgroup").join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Writes what a control group has counted, in microseconds and periods.
    fn counted(&self, group: &str, [cpu, throttled, periods, of]: [u64; 4]) {
        let line =
            |part, total| format!("{part} avg10=1.00 avg60=0.50 avg300=0.10 total={total}\n");
        let both = line("some", cpu) + &line("full", cpu / 2);
        self.control(&format!("{group}/cpu.pressure"), &both);
        self.control(&format!("{group}/memory.pressure"), &line("some", 7));
        let stat = format!(
            "usage_usec 99\nuser_usec 60\nsystem_usec 39\nnr_periods {of}\nnr_throttled {periods}\n\
             throttled_usec {throttled}\nnr_bursts 0\nburst_usec 0\n"
        );
        self.control(&format!("{group}/cpu.stat"), &stat);
    }
}

/// Reads pressure on the processor, some and full, time throttled, and periods, throttled and not.
fn sums(reading: &Reading) -> [Option<f64>; 5] {
    let pressure = |part: &str| {
        let family = reading.families().iter();
        let mut family =
            family.filter(|family| family.name == "concurrency_process_pressure_seconds");
        let has = |label, value| {
            move |series: &&plimsoll_model::Series| series.labels.get(label) == Some(value)
        };
        let mut series = family.next()?.series.iter().filter(has("resource", "cpu"));
        match series.find(|series| series.labels.get("stalled") == Some(part))?.value {
            plimsoll_model::Value::SecondsNs(ns) => Some(ns as f64 / 1e9),
            _ => None,
        }
    };
    let periods = |label| value(reading, "concurrency_process_cpu_periods", label);
    let throttled = value(reading, "concurrency_process_throttled_seconds", "");
    [pressure("some"), pressure("full"), throttled, periods("yes"), periods("no")]
}

#[test]
fn pressure_and_throttling_are_those_of_the_control_group() {
    let kernel = Kernel::new();
    kernel.process(10, "shop", (1, 100));
    kernel.process(11, "shop", (1, 101));
    // Two processes of one group count it once; version 1 has lines of its own.
    for pid in [10, 11] {
        kernel.write(
            &format!("{pid}/cgroup"),
            "4:memory:/v1/shop\n1:name=systemd:/\n0::/shop.slice\n",
        );
    }
    kernel.control("cgroup.controllers", "cpu io memory\n");
    kernel.counted("shop.slice", [2_000_000, 500_000, 3, 10]);
    let mut group = kernel.group(named("shop"));
    let some = |values: [f64; 5]| values.map(Some);
    let reading = group.look().unwrap();
    assert_eq!(sums(&reading), some([2.0, 1.0, 0.5, 3.0, 7.0]));
    assert_eq!(value(&reading, "concurrency_process_pressure_seconds", "memory"), Some(7e-6));
    assert_eq!(
        value(&reading, "concurrency_process_pressure_seconds", "io"),
        None,
        "not counted there"
    );
    kernel.counted("shop.slice", [2_400_000, 600_000, 4, 20]);
    assert_eq!(sums(&group.look().unwrap()), some([2.4, 1.2, 0.6, 4.0, 16.0]));
    // It was made anew under its name, as a restart does: nothing falls.
    kernel.counted("shop.slice", [100_000, 0, 0, 5]);
    assert_eq!(sums(&group.look().unwrap()), some([2.5, 1.25, 0.6, 4.0, 21.0]));
}

#[test]
fn what_a_control_group_that_is_gone_has_counted_stays() {
    let kernel = Kernel::new();
    kernel.control("unified/cgroup.controllers", "cpu\n");
    for (pid, group) in [(10, "a"), (11, "b")] {
        kernel.process(pid, "shop", (1, u64::from(pid)));
        kernel.write(&format!("{pid}/cgroup"), &format!("0::/{group}\n"));
        kernel.counted(&format!("unified/{group}"), [1_000_000, 1_000_000, 1, 2]);
    }
    let mut group = kernel.group(named("shop"));
    let both = [2.0, 1.0, 2.0, 2.0, 2.0].map(Some);
    assert_eq!(sums(&group.look().unwrap()), both);
    kernel.end(11);
    fs::remove_dir_all(kernel.0.path().join("sys/fs/cgroup/unified/b")).unwrap();
    assert_eq!(sums(&group.look().unwrap()), both);
}

#[test]
fn without_version_2_there_is_no_such_series() {
    let kernel = Kernel::new();
    kernel.process(10, "shop", (1, 100));
    for text in ["4:memory:/shop\n", "0::/../outside\n", "0::/gone\n", "", "0::"] {
        kernel.write("10/cgroup", text);
        assert_eq!(sums(&kernel.group(named("shop")).look().unwrap()), [None; 5], "{text:?}");
    }
}
