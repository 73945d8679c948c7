//! More of everything than is looked at: the look ends, and says what it is without.

use super::{Kernel, named, value};
use crate::Reading;
use crate::blocking::BlockingCollector;
use plimsoll_record::clock::now_ns;
use std::fs;
use std::os::unix::fs::symlink;

const MANY: u32 = 100_000;

fn says(reading: &Reading, note: &str) {
    assert!(reading.notes().iter().any(|said| said == note), "{:?}", reading.notes());
}

#[test]
fn of_100_000_threads_so_many_are_looked_at_as_the_bound_says() {
    let kernel = Kernel::new();
    kernel.process(10, "shop", (1, 100));
    for thread in 11..10 + MANY {
        let folder = kernel.path().join(format!("10/task/{thread}"));
        fs::create_dir(&folder).unwrap();
        // The others are never opened.
        if thread < 10 + 16_384 {
            fs::write(folder.join("schedstat"), "1000 2000 3\n").unwrap();
            fs::write(folder.join("syscall"), "202 0x7000 0x80 0x0 0x0 0x0 0x0 0x1 0x2").unwrap();
        }
    }
    let mut group = kernel.group(named("shop"));
    let idle = |reading: &Reading| value(reading, "concurrency_process_threads", "idle").unwrap();
    let first = group.look().unwrap();
    assert!(first.len() < 50, "{}", first.len());
    says(&first, &format!("without {} threads: there are too many to look at", MANY - 16_384));
    // A look opens so many files and no more: 8,192 at first, less those for context switches.
    assert_eq!(idle(&first), 8_192.0 - 48.0);
    says(&first, &format!("without what {} threads do: they take turns", 16_384 - 8_144));
    // Then at most 304 a look, until all are known; some are read twice, because they are looked at late.
    let looks = (1..100).find(|_| idle(&group.look().unwrap()) == 16_384.0);
    assert!((32..60).contains(&looks.unwrap()), "{looks:?}");
}

#[test]
fn of_100_000_descriptors_all_are_counted_and_so_many_looked_through() {
    let kernel = Kernel::new();
    kernel.process(10, "shop", (1, 100));
    let folder = kernel.path().join("10/fd");
    for file in 2..MANY {
        // Two listeners: one among those that are looked through, one beyond.
        let target = match file {
            100 => "socket:[1126]",
            99_999 => "socket:[1127]",
            _ => "anon_inode:[eventpoll]",
        };
        symlink(target, folder.join(file.to_string())).unwrap();
    }
    let line = |port: &str, inode| {
        format!(
            "0: 00000000:{port} 00000000:0000 0A 00000000:00000005 00:00000000 0 0 0 {inode} 1\n"
        )
    };
    kernel.write("10/net/tcp", &format!("sl\n{}{}", line("07E8", 1126), line("07E9", 1127)));
    let mut group = kernel.group(named("shop"));
    let began_ns = now_ns();
    let reading = group.look().unwrap();
    let first_ns = now_ns() - began_ns;
    assert_eq!(value(&reading, "concurrency_process_files", ""), Some(f64::from(MANY)));
    assert_eq!(value(&reading, "concurrency_process_accept_queue", "2024"), Some(5.0));
    assert_eq!(value(&reading, "concurrency_process_accept_queue", "2025"), None);
    let beyond = MANY - 16_384;
    says(
        &reading,
        &format!(
            "without listening ports among {beyond} descriptors: a process has more than 16384"
        ),
    );
    // They are looked through once: the next look is the cheaper one.
    let began_ns = now_ns();
    assert_eq!(
        value(&group.look().unwrap(), "concurrency_process_accept_queue", "2024"),
        Some(5.0)
    );
    assert!(now_ns() - began_ns < first_ns);
}

#[test]
fn of_more_members_than_the_bound_the_first_are_looked_at() {
    let kernel = Kernel::new();
    (10..600).for_each(|pid| kernel.process(pid, "shop", (1, u64::from(pid))));
    let reading = kernel.group(named("shop")).look().unwrap();
    assert_eq!(value(&reading, "concurrency_process_members", ""), Some(512.0));
    says(&reading, "without processes beyond the first 512");
}

#[test]
fn a_process_that_stirs_after_a_while_is_looked_at_whole() {
    let kernel = Kernel::new();
    kernel.process(10, "shop", (1, 100));
    (11..2_010)
        .for_each(|thread| kernel.thread(10, thread, "202 0x7000 0x80 0x0 0x0 0x0 0x0 0x1 0x2"));
    let mut group = kernel.group(named("shop"));
    let counted = |reading: &Reading, state| value(reading, "concurrency_process_threads", state);
    for _ in 0..20 {
        assert_eq!(counted(&group.look().unwrap(), "idle"), Some(2_000.0));
    }
    // All of them now wait for one lock, since less than a look ago.
    for thread in 11..2_010 {
        kernel.write(&format!("10/task/{thread}/schedstat"), "1001 2000 4\n");
        let lock = "202 0x7000 0x80 0x2 0x0 0x0 0x0 0x1 0x2";
        kernel.write(&format!("10/task/{thread}/syscall"), lock);
    }
    assert_eq!(counted(&group.look().unwrap(), "lock"), Some(1_999.0));
    // One alone is found at the next look but one at the latest, because two looks share the threads.
    for _ in 0..20 {
        group.look().unwrap();
    }
    kernel.write("10/task/99/schedstat", "1002 2000 5\n");
    kernel.write("10/task/99/syscall", "running");
    let mut running = || counted(&group.look().unwrap(), "running") == Some(1.0);
    assert!([(); 2].map(|()| running()).contains(&true));
}
