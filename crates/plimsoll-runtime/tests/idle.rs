//! How often the admin thread wakes. What is recorded concerns the whole process, so there is one test.

#![cfg(target_os = "linux")]
#![allow(clippy::expect_used)] // a test stops at the first thing that is not as it must be

use plimsoll_model::{Labels, catalog};
use plimsoll_record::{ActivitySpec, Outcome, Registry};
use plimsoll_runtime::admin::{self, Admin};
use plimsoll_runtime::ready::Readiness;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

const STRETCH: Duration = Duration::from_secs(2);

/// Returns how often the admin thread has given up its processor, as the kernel counts it.
fn waits() -> u64 {
    let threads = std::fs::read_dir("/proc/self/task").expect("threads");
    let read = |file| move |thread: &std::path::PathBuf| std::fs::read_to_string(thread.join(file));
    let mut threads = threads.map(|thread| thread.expect("a thread").path());
    let admin = threads
        .find(|thread| read("comm")(thread).is_ok_and(|name| name.trim() == "plimsoll-admin"))
        .expect("the admin thread");
    let status = read("status")(&admin).expect("its status");
    let line = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
    line.and_then(|count| count.trim().parse().ok()).expect("a count")
}

/// Waits until the thread runs, and has its name.
fn await_answer(admin: &Admin) {
    let mut stream = TcpStream::connect(admin.address()).expect("connected");
    let request = b"GET /-/healthy HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    stream.write_all(request).expect("sent");
    stream.read_to_end(&mut Vec::new()).expect("answered");
}

fn waits_over_a_stretch() -> u64 {
    let before = waits();
    std::thread::sleep(STRETCH);
    waits() - before
}

#[test]
fn the_admin_thread_wakes_often_only_once_something_was_recorded() {
    let registry = Registry::new();
    let spec = ActivitySpec::new(&catalog::IN_FLIGHT, Labels::default());
    let activity = registry.activity(spec.outcomes(&catalog::OPERATIONS)).expect("registered");
    let address = ([127, 0, 0, 1], 0).into();
    let admin = admin::spawn(address, registry, Readiness::new()).expect("started");
    await_answer(&admin);
    // A look for deadlocks each second, for which it wakes a few times.
    let idle = waits_over_a_stretch();
    assert!(idle < 20, "{idle}");
    activity.guard().end(Outcome::Ok);
    // From the next such look on it merges twenty times a second, fewer if the machine is busy.
    while waits_over_a_stretch() <= 20 {}
}
