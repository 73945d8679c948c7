//! Threads that record back to back, so that logs fill faster than anyone merges, while a merger and two
//! scrapers read: whatever the processor stops, nothing is lost.

#![allow(clippy::expect_used)] // A test fails by it.

#[path = "../instruments/seen.rs"]
#[expect(dead_code, reason = "shared with the other tests")]
mod seen;

use plimsoll_model::{Labels, catalog};
use plimsoll_record::{ActivitySpec, HistogramSpec, Outcome, Registry, Split};
use seen::Seen;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

const REQUESTS: u64 = 20_000;

/// Lets `threads` threads make their requests; returns what the registry shows afterwards.
fn hammer(threads: u64) -> Seen {
    let registry = Registry::new();
    let spec = ActivitySpec::new(&catalog::IN_FLIGHT, Labels::default())
        .duration(&catalog::OPERATION_DURATION, Split::OUTCOME)
        .outcomes(&catalog::OPERATIONS);
    let requests = registry.activity(spec).expect("registers");
    let spec = HistogramSpec::new(&catalog::QUEUE_TIME, Labels::default());
    let waits = registry.histogram(spec).expect("registers");
    let done = AtomicBool::new(false);
    let until_done = |pause_ms: u64, read: &dyn Fn()| {
        while !done.load(Ordering::Acquire) {
            read();
            thread::sleep(Duration::from_millis(pause_ms));
        }
    };
    thread::scope(|scope| {
        scope.spawn(|| until_done(20, &|| registry.merge()));
        for pause_ms in [0, 3] {
            let until_done = &until_done;
            let registry = &registry;
            scope.spawn(move || until_done(pause_ms, &|| drop(registry.snapshot())));
        }
        let recording: Vec<_> = (0..threads)
            .map(|_| {
                scope.spawn(|| {
                    for request in 0..REQUESTS {
                        waits.observe(request);
                        requests.guard().end(Outcome::Ok);
                    }
                })
            })
            .collect();
        recording.into_iter().for_each(|thread| thread.join().expect("records"));
        done.store(true, Ordering::Release);
    });
    Seen::of(&registry)
}

#[test]
fn nothing_that_is_recorded_back_to_back_is_lost() {
    for threads in [4, 16, 64] {
        let seen = hammer(threads);
        let requests = (threads * REQUESTS) as f64;
        assert_eq!(seen.sum_of("concurrency_operations"), requests, "{threads} threads");
        assert_eq!(seen.sum_of("concurrency_operation_duration_seconds"), requests);
        assert_eq!(seen.value("concurrency_queue_time_seconds", ""), requests);
        assert_eq!(seen.value("concurrency_in_flight", ""), 0.0, "{threads} threads");
        assert_eq!(seen.value("concurrency_in_flight_oldest_age_seconds", ""), 0.0);
        let residual = r#"{level="concurrency_in_flight"}"#;
        assert_eq!(seen.value("concurrency_little_residual_seconds", residual), 0.0);
    }
}
