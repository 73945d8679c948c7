//! What happens when recording takes more than it may: the clock is read less, and nothing is lost.
//!
//! The budget is the process's, so this is a process of its own.

#![allow(clippy::expect_used)] // A test fails by it.

#[path = "../instruments/seen.rs"]
#[expect(dead_code, reason = "shared with the other tests")]
mod seen;

use plimsoll_model::{Labels, catalog};
use plimsoll_record::{ActivitySpec, Outcome, Registry, Split};
use seen::Seen;
use std::num::NonZeroU32;

#[test]
fn beyond_the_budget_timing_is_sampled_and_counts_stay_exact() {
    let registry = Registry::new();
    let spec = ActivitySpec::new(&catalog::IN_FLIGHT, Labels::default())
        .duration(&catalog::OPERATION_DURATION, Split::OUTCOME)
        .outcomes(&catalog::OPERATIONS);
    let requests = registry.activity(spec).expect("registers");
    registry.set_overhead_budget(NonZeroU32::new(1));
    let mut made = 0_u32;
    let mut request = || {
        (0..1_000).for_each(|_| requests.guard().end(Outcome::Ok));
        made += 1_000;
    };
    let timed = |seen: &Seen| seen.value("concurrency_timed_ratio", "");
    assert_eq!(timed(&Seen::of(&registry)), 1.0);
    // A share is judged over a second.
    while timed(&Seen::of(&registry)) == 1.0 {
        request();
    }
    let before = Seen::of(&registry).sum_of("concurrency_operation_duration_seconds");
    (0..64).for_each(|_| request());
    let held = requests.guard();
    let seen = Seen::of(&registry);
    assert_eq!(timed(&seen), 1.0 / 64.0, "one of 64 is the least");
    assert_eq!(seen.sum_of("concurrency_operations"), f64::from(made));
    let sampled = seen.sum_of("concurrency_operation_duration_seconds") - before;
    assert_eq!(sampled, 1_000.0, "of 64,000");
    assert_eq!(seen.value("concurrency_in_flight", ""), 1.0);
    let residual = r#"{level="concurrency_in_flight"}"#;
    assert_eq!(seen.value("concurrency_little_residual_seconds", residual), 0.0);
    assert!(seen.value("concurrency_clock_error_seconds", "") > 0.0);
    drop(held);
    registry.set_overhead_budget(None);
    let seen = Seen::of(&registry);
    assert_eq!((timed(&seen), seen.value("concurrency_in_flight", "")), (1.0, 0.0));
    assert_eq!(seen.sum_of("concurrency_operations"), f64::from(made + 1));
}
