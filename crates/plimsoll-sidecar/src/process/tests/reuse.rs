//! Numbers that the kernel gives to another, however long the first who had them was looked at.

use super::{Kernel, members, named, stat, value};
use crate::blocking::BlockingCollector;
use crate::process::find::Matcher;

/// More looks than any turn takes.
const LOOKS: u64 = 20;

#[test]
fn a_number_that_went_to_another_is_noticed_at_once() {
    for looks in 1..=LOOKS {
        for (matcher, is_it_again) in [(named("shop"), true), (Matcher::Pid(10), false)] {
            let kernel = Kernel::new();
            kernel.process(10, "shop", (1, 100));
            let mut group = kernel.group(matcher);
            for _ in 0..looks {
                assert_eq!(members(&group.look()), Some(1.0));
            }
            kernel.process(10, "other", (1, 500));
            assert_eq!(members(&group.look()), None, "after {looks} looks");
            kernel.process(10, "shop", (1, 900));
            let again = group.look();
            assert_eq!(members(&again).is_some(), is_it_again, "after {looks} looks");
        }
    }
}

#[test]
fn one_that_follows_another_of_its_name_and_number_is_counted_at_once() {
    for looks in 1..=LOOKS {
        let kernel = Kernel::new();
        kernel.process(10, "shop", (1, 100));
        let mut group = kernel.group(named("shop"));
        (0..looks).for_each(|_| drop(group.look()));
        kernel.write("10/stat", &stat(10, "shop", (1, 500)));
        let reading = group.look().unwrap();
        let starts = value(&reading, "concurrency_process_starts", "");
        assert_eq!(starts, Some(1.0), "after {looks} looks");
        // 100 ticks of each.
        let cpu_s = value(&reading, "concurrency_process_cpu_seconds", "");
        assert_eq!(cpu_s, Some(2.0), "after {looks} looks");
    }
}

#[test]
fn one_that_has_a_number_of_another_is_new_and_may_take_its_name_yet() {
    // It is examined in turn at one of 16 looks, and at the two that follow as it is new.
    let is_found_at_once = |looks: &u64| {
        let kernel = Kernel::new();
        kernel.process(10, "another", (1, 100));
        let mut group = kernel.group(named("shop"));
        (0..LOOKS).for_each(|_| drop(group.look()));
        kernel.write("10/stat", &stat(10, "sh", (1, 500)));
        (0..*looks).for_each(|_| assert_eq!(members(&group.look()), None));
        kernel.write("10/stat", &stat(10, "shop", (1, 500)));
        members(&group.look()).is_some()
    };
    assert_eq!((0..16).filter(is_found_at_once).count(), 3);
}

#[test]
fn what_a_thread_has_come_to_stays_when_another_gets_its_number() {
    for looks in 1..=LOOKS {
        let kernel = Kernel::new();
        kernel.process(10, "shop", (1, 100));
        kernel.thread(10, 11, "running");
        let mut group = kernel.group(named("shop"));
        let mut waited_ns = || {
            let reading = group.look().unwrap();
            let waited_s = value(&reading, "concurrency_process_run_queue_wait_seconds", "");
            (waited_s.unwrap() * 1e9).round()
        };
        (0..looks).for_each(|_| assert_eq!(waited_ns(), 4_000.0));
        // It has run for less than the one before it.
        kernel.write("10/task/11/schedstat", "10 30 1\n");
        assert_eq!(waited_ns(), 4_000.0, "the first is parted with");
        assert_eq!(waited_ns(), 4_030.0, "after {looks} looks");
    }
}
