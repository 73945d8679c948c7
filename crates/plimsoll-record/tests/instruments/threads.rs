//! What threads do to the recorder: end, panic, come by the thousand, record while they are torn down.

use crate::seen::Seen;
use plimsoll_model::{Labels, catalog};
use plimsoll_record::{Activity, ActivitySpec, Guard, Outcome, Registry, Split};
use std::cell::RefCell;
use std::time::Duration;

fn operation(registry: &Registry) -> Activity {
    let labels = Labels::new([("operation", "work")]).expect("valid");
    let spec = ActivitySpec::new(&catalog::IN_FLIGHT, labels)
        .limit(8)
        .duration(&catalog::OPERATION_DURATION, Split::OUTCOME)
        .outcomes(&catalog::OPERATIONS);
    registry.activity(spec).expect("registers")
}

const OF: &str = r#"{operation="work"}"#;

fn ended(outcome: &str) -> String {
    format!("{{band=\"1\",operation=\"work\",outcome=\"{outcome}\"}}")
}

#[test]
fn a_panic_and_a_drop_are_outcomes() {
    let registry = Registry::new();
    let work = operation(&registry);
    let panicked = std::thread::spawn(move || {
        let _guard = work.guard();
        panic!("on purpose");
    });
    panicked.join().expect_err("it panics");
    drop(work.guard());
    work.guard().end(Outcome::TimedOut);
    let seen = Seen::of(&registry);
    for outcome in ["panicked", "cancelled", "timed_out"] {
        assert_eq!(seen.value("concurrency_operations", &ended(outcome)), 1.0, "{outcome}");
    }
    assert_eq!(seen.value("concurrency_in_flight", OF), 0.0);
}

#[test]
fn a_guard_that_is_made_while_unwinding_did_not_panic_itself() {
    struct Cleaner(Activity);

    impl Drop for Cleaner {
        fn drop(&mut self) {
            self.0.guard().end(Outcome::Ok);
        }
    }

    let registry = Registry::new();
    let work = operation(&registry);
    let panicked = std::thread::spawn(move || {
        let _cleaner = Cleaner(work);
        panic!("on purpose");
    });
    panicked.join().expect_err("it panics");
    assert_eq!(Seen::of(&registry).value("concurrency_operations", &ended("ok")), 1.0);
}

#[test]
fn an_edge_after_the_threads_log_is_gone_still_counts() {
    thread_local! {
        /// Made before the thread's log, so that it is torn down after it.
        static LAST: RefCell<Option<Guard>> = const { RefCell::new(None) };
    }

    let registry = Registry::new();
    let work = operation(&registry);
    for _ in 0..3 {
        let thread = std::thread::spawn(move || {
            LAST.with(|last| *last.borrow_mut() = None);
            let guard = work.guard();
            LAST.with(|last| *last.borrow_mut() = Some(guard));
        });
        thread.join().expect("ends quietly");
    }
    let seen = Seen::of(&registry);
    assert_eq!(seen.value("concurrency_operations", &ended("cancelled")), 3.0);
    assert_eq!(seen.value("concurrency_in_flight", OF), 0.0);
}

#[test]
fn threads_by_the_thousand_lose_nothing() {
    let registry = Registry::new();
    let work = operation(&registry);
    for _ in 0..500 {
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| work.guard().end(Outcome::Ok));
            }
        });
    }
    let seen = Seen::of(&registry);
    assert_eq!(seen.sum_of("concurrency_operations"), 4_000.0);
    assert_eq!(seen.value("concurrency_inexact_seconds", ""), 0.0);
    let residual = r#"{level="concurrency_in_flight"}"#;
    assert_eq!(seen.value("concurrency_little_residual_seconds", residual), 0.0);
}

#[test]
fn what_one_thread_enters_another_may_leave() {
    let registry = Registry::new();
    let work = operation(&registry);
    let entered: Vec<_> = (0..10).map(|_| work.enter()).collect();
    std::thread::scope(|scope| {
        for entered in entered {
            scope.spawn(move || work.leave(entered, Outcome::Ok));
        }
    });
    let seen = Seen::of(&registry);
    assert_eq!(seen.sum_of("concurrency_operations"), 10.0);
    assert_eq!(seen.value("concurrency_in_flight", OF), 0.0);
    assert_eq!(seen.value("concurrency_in_flight_peak", OF), 10.0);
}

#[test]
fn a_burst_between_two_scrapes_is_seen_in_full() {
    let registry = Registry::new();
    let work = operation(&registry);
    let before = Seen::of(&registry);
    let began_ns = plimsoll_record::clock::now_ns();
    let burst: Vec<_> = (0..12).map(|_| work.enter()).collect();
    std::thread::sleep(Duration::from_millis(200));
    for entered in burst {
        work.leave(entered, Outcome::Ok);
    }
    let length = (plimsoll_record::clock::now_ns() - began_ns) as f64 * 1e-9;
    // The scrape after it sees an empty level, as a sampled gauge would have seen nothing at all.
    let after = Seen::of(&registry);
    let added = |family: &str| after.value(family, OF) - before.value(family, OF);
    assert_eq!(after.value("concurrency_in_flight", OF), 0.0);
    assert_eq!(after.value("concurrency_in_flight_peak", OF), 12.0);
    let (time, saturated) = (
        added("concurrency_in_flight_time_seconds"),
        added("concurrency_in_flight_saturated_seconds"),
    );
    assert!((0.200..=length).contains(&saturated), "{saturated} s of {length} s");
    assert!((12.0 * 0.200..=12.0 * length).contains(&time), "{time} s of 12 × {length} s");
}
