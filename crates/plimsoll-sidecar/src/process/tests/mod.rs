//! A group against a `/proc` that a test has written, so that every instant is its own.

mod bad_input;
mod bounds;
mod pressure;
mod reuse;

use super::find::Matcher;
use super::group::Group;
use super::machine::Machine;
use crate::blocking::BlockingCollector;
use crate::{Reading, Reason, World};
use plimsoll_model::{TimeMs, Value};
use plimsoll_record::Registry;
use plimsoll_runtime::clock::ManualClock;
use plimsoll_runtime::shutdown;
use regex::Regex;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tempfile::TempDir;

/// Folders as the kernel shows them.
struct Kernel(TempDir);

impl Kernel {
    fn new() -> Self {
        // In memory where there is such a place: many small files take long elsewhere.
        let memory = Some(Path::new("/dev/shm")).filter(|path| path.is_dir());
        let made = memory.map_or_else(tempfile::tempdir, tempfile::tempdir_in);
        Self(made.unwrap())
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("proc")
    }

    fn write(&self, file: &str, text: &str) {
        let path = self.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn link(&self, file: &str, target: &str) {
        let path = self.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::os::unix::fs::symlink(target, path).unwrap();
    }

    fn process(&self, pid: u32, name: &str, (parent, start): (u32, u64)) {
        self.write(&format!("{pid}/stat"), &stat(pid, name, (parent, start)));
        self.write(&format!("{pid}/cmdline"), &format!("/usr/bin/{name}\0--serve\0"));
        self.write(&format!("{pid}/limits"), "Max open files            8       16     files\n");
        for file in 0..2 {
            self.write(&format!("{pid}/fd/{file}"), "");
        }
        self.thread(pid, pid, "232 0x1 0x2 0x3 0x4 0x5 0x6 0x7 0x8");
    }

    fn thread(&self, pid: u32, thread: u32, syscall: &str) {
        let of = |file: &str| format!("{pid}/task/{thread}/{file}");
        self.write(&of("schedstat"), "1000 2000 3\n");
        self.write(&of("syscall"), syscall);
        self.write(&of("status"), &status("S (sleeping)"));
    }

    fn end(&self, pid: u32) {
        fs::remove_dir_all(self.path().join(pid.to_string())).unwrap();
    }

    fn group(&self, matcher: Matcher) -> Group {
        let (_, stop) = shutdown::channel();
        let world = World {
            pace: crate::Pace::EACH_SECOND,
            name: "process:it".into(),
            proc_root: self.path(),
            sys_root: self.0.path().join("sys"),
            machine: Arc::new(Machine::new(&self.path())),
            listeners: Arc::default(),
            registry: Registry::new(),
            own: Registry::new(),
            clock: Arc::new(ManualClock::new(TimeMs(0))),
            stop,
        };
        Group::new(matcher, &world)
    }
}

fn stat(pid: u32, name: &str, (parent, start): (u32, u64)) -> String {
    format!("{pid} ({name}) S {parent} 1 1 0 -1 0 1 0 1 0 40 60 0 0 20 0 1 0 {start} 9 9\n")
}

fn status(state: &str) -> String {
    format!(
        "Name:\tx\nState:\t{state}\nvoluntary_ctxt_switches:\t5\nnonvoluntary_ctxt_switches:\t7\n"
    )
}

fn named(name: &str) -> Matcher {
    Matcher::Name(name.into())
}

/// Reads a series by its name and the labels after `process`.
fn value(reading: &Reading, family: &str, label: &str) -> Option<f64> {
    let family = reading.families().iter().find(|there| there.name == family)?;
    let has = |series: &&plimsoll_model::Series| {
        series.labels.get("process") == Some("it")
            && (label.is_empty() || series.labels.iter().any(|(_, value)| value == label))
    };
    family.series.iter().find(has).map(|series| match series.value {
        Value::Gauge(value) => value,
        Value::Count(count) => count as f64,
        Value::SecondsNs(seconds_ns) => seconds_ns as f64 / 1e9,
        Value::Histogram(_) => panic!("no histogram"),
    })
}

fn members(outcome: &Result<Reading, Reason>) -> Option<f64> {
    outcome.as_ref().ok().and_then(|reading| value(reading, "concurrency_process_members", ""))
}

#[test]
fn a_group_is_found_by_name_command_line_number_and_file() {
    let kernel = Kernel::new();
    kernel.process(10, "shop", (1, 100));
    kernel.process(11, "shop-worker", (10, 101));
    kernel.process(12, "a-name-longer-t", (1, 102));
    kernel.write("12/cmdline", "/opt/a-name-longer-than-the-kernel-keeps\0");
    kernel.process(13, "child", (11, 103));
    let file = kernel.0.path().join("shop.pid");
    fs::write(&file, "10\n").unwrap();
    for (matcher, count) in [
        (named("shop"), Some(1.0)),
        (named("a-name-longer-than-the-kernel-keeps"), Some(1.0)),
        (named("a-name-longer-than-another"), None),
        (Matcher::CommandLine(Regex::new("bin/shop.* --serve$").unwrap()), Some(2.0)),
        (Matcher::Pid(10), Some(3.0)),
        (Matcher::PidFile(file), Some(3.0)),
        (Matcher::PidFile("/no/such/file".into()), None),
        (Matcher::Pid(99), None),
    ] {
        assert_eq!(members(&kernel.group(matcher.clone()).look()), count, "{matcher:?}");
    }
}

#[test]
fn nothing_falls_when_a_member_ends_and_a_start_is_counted() {
    let kernel = Kernel::new();
    kernel.process(10, "shop", (1, 100));
    kernel.process(11, "shop", (1, 101));
    kernel.thread(11, 12, "running");
    let mut group = kernel.group(named("shop"));
    let totals = |reading: &Reading| {
        let read = |family, label| value(reading, family, label).unwrap();
        [
            read("concurrency_process_cpu_seconds", ""),
            read("concurrency_process_run_queue_wait_seconds", "") * 1e9,
            read("concurrency_process_context_switches", "voluntary"),
            read("concurrency_process_context_switches", "involuntary"),
            read("concurrency_process_starts", ""),
        ]
    };
    // By hand: 100 ticks a process; 2,000 ns and 5 + 7 switches for each of three threads.
    let reading = group.look().unwrap();
    assert_eq!(totals(&reading), [2.0, 6_000.0, 15.0, 21.0, 0.0]);
    assert_eq!(value(&reading, "concurrency_process_files", ""), Some(4.0));
    assert_eq!(value(&reading, "concurrency_process_files_used_ratio", ""), Some(0.25));
    kernel.end(11);
    assert_eq!(totals(&group.look().unwrap()), [2.0, 6_000.0, 15.0, 21.0, 0.0]);
    kernel.end(10);
    assert!(group.look().unwrap_err().to_string().contains("no such process runs"));
    kernel.process(20, "shop", (1, 200));
    assert_eq!(totals(&group.look().unwrap()), [3.0, 8_000.0, 20.0, 28.0, 1.0]);
    // Its number goes to another of the same name, which hasn't run for as long.
    kernel.end(20);
    kernel.process(20, "shop", (1, 300));
    assert_eq!(totals(&group.look().unwrap()), [4.0, 10_000.0, 25.0, 35.0, 2.0]);
}

#[test]
fn a_number_that_went_to_another_process_isnt_the_one_that_was_meant() {
    let kernel = Kernel::new();
    kernel.process(10, "shop", (1, 100));
    let mut group = kernel.group(Matcher::Pid(10));
    assert_eq!(members(&group.look()), Some(1.0));
    kernel.process(10, "other", (1, 500));
    assert_eq!(members(&group.look()), None);
}

#[test]
fn a_process_that_takes_its_name_after_its_start_is_found() {
    let kernel = Kernel::new();
    kernel.process(10, "sh", (1, 100));
    let mut group = kernel.group(named("shop"));
    assert_eq!(members(&group.look()), None);
    kernel.write("10/stat", &stat(10, "shop", (1, 100)));
    assert_eq!(members(&group.look()), Some(1.0));
    // Long after its start it is found within some looks.
    kernel.process(11, "sh", (1, 101));
    (0..20).for_each(|_| drop(group.look()));
    kernel.write("11/stat", &stat(11, "shop", (1, 101)));
    assert!((0..16).any(|_| members(&group.look()) == Some(2.0)));
}

#[test]
fn threads_are_told_apart_by_what_they_wait_for() {
    let kernel = Kernel::new();
    kernel.process(10, "shop", (1, 100));
    kernel.thread(10, 11, "running");
    kernel.thread(10, 12, "202 0x7000 0x80 0x2 0x0 0x0 0x0 0x1 0x2");
    kernel.thread(10, 13, "202 0x7000 0x80 0x0 0x0 0x0 0x0 0x1 0x2");
    kernel.thread(10, 14, "0 0x3 0x7000 0x80 0x0 0x0 0x0 0x1 0x2");
    kernel.thread(10, 15, "74 0x3 0x0 0x0 0x0 0x0 0x0 0x1 0x2");
    kernel.write("10/task/15/status", &status("D (disk sleep)"));
    let mut group = kernel.group(named("shop"));
    let states = |reading: &Reading| {
        ["running", "lock", "idle", "io", "uninterruptible", "other", "sleeping"]
            .map(|state| value(reading, "concurrency_process_threads", state))
    };
    let some = Some::<f64>;
    let expected = [some(1.0), some(1.0), some(2.0), some(1.0), some(1.0), some(0.0), None];
    if cfg!(target_arch = "x86_64") {
        assert_eq!(states(&group.look().unwrap()), expected);
    }
    // A kernel that doesn't show calls: running and uninterruptible are known, the rest is asleep.
    for thread in 10..16 {
        fs::remove_file(kernel.path().join(format!("10/task/{thread}/syscall"))).unwrap();
    }
    kernel.write("10/task/11/status", &status("R (running)"));
    let reading = kernel.group(named("shop")).look().unwrap();
    let expected = [some(1.0), None, None, None, some(1.0), some(0.0), some(4.0)];
    assert_eq!(states(&reading), expected);
    assert!(reading.notes()[0].contains("SYS_PTRACE"), "{:?}", reading.notes());
}

#[test]
fn a_thread_that_hasnt_run_isnt_read_again_and_one_that_has_is() {
    let kernel = Kernel::new();
    kernel.process(10, "shop", (1, 100));
    kernel.thread(10, 11, "202 0x7000 0x80 0x2 0x0 0x0 0x0 0x1 0x2");
    let mut group = kernel.group(named("shop"));
    let lock = |outcome: Result<Reading, Reason>| {
        value(&outcome.unwrap(), "concurrency_process_threads", "lock")
    };
    assert_eq!(lock(group.look()), Some(1.0));
    kernel.write("10/task/11/schedstat", "1001 2000 4\n");
    kernel.write("10/task/11/syscall", "running");
    assert_eq!(lock(group.look()), Some(0.0));
}

#[test]
fn an_absent_proc_is_a_reason() {
    let kernel = Kernel::new();
    let reason = kernel.group(named("shop")).look().unwrap_err();
    assert!(reason.to_string().contains("can't be read"), "{reason}");
}
