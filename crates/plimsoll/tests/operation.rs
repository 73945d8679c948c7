//! Operations: every way that one can end, and what is left in the level after it.

#![allow(clippy::expect_used)] // A test that finds nothing has failed.

mod reading;

use plimsoll::{InFlight, Name, Operation, Outcome, Registry};
use reading::{histogram, value};
use std::future::pending;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

const LEVEL: &str = "concurrency_in_flight";
const ENDED: &str = "concurrency_operations";
const TOOK: &str = "concurrency_operation_duration_seconds";

fn level(registry: &Registry) -> Option<f64> {
    value(registry, LEVEL, [("operation", "auth")])
}

/// How many ended with each outcome, by band 1: ok, error, cancelled, timed out, panicked.
fn ended(registry: &Registry) -> [f64; 5] {
    Outcome::NAMES.map(|outcome| {
        let labels = [("operation", "auth"), ("outcome", outcome), ("band", "1")];
        value(registry, ENDED, labels).unwrap_or(f64::NAN)
    })
}

#[test]
fn a_guard_counts_by_how_it_is_finished() {
    let registry = Registry::new();
    let auth = Operation::named_in(&registry, "auth");
    let first = auth.enter();
    let second = auth.enter();
    assert_eq!(level(&registry), Some(2.0));
    first.finish(Outcome::Ok);
    let failed: Result<(), &str> = second.finish_with(Err("no"));
    assert_eq!(failed, Err("no"));
    auth.enter().finish(Outcome::TimedOut);
    drop(auth.enter());
    assert_eq!(level(&registry), Some(0.0));
    assert_eq!(ended(&registry), [1.0, 1.0, 1.0, 1.0, 0.0]);
    assert_eq!(value(&registry, "concurrency_in_flight_peak", [("operation", "auth")]), Some(2.0));
    let took = histogram(&registry, TOOK, [("operation", "auth"), ("outcome", "error")]);
    assert_eq!(took.count(), 1);
}

#[test]
fn a_panic_leaves_the_level_as_panicked() {
    let registry = Registry::new();
    let auth = Operation::named_in(&registry, "auth");
    let caught = catch_unwind(|| {
        let _call = auth.enter();
        panic!("on purpose");
    });
    assert!(caught.is_err());
    assert_eq!(level(&registry), Some(0.0));
    assert_eq!(ended(&registry), [0.0, 0.0, 0.0, 0.0, 1.0]);
}

#[tokio::test]
async fn a_future_counts_from_its_first_poll_until_it_is_done() {
    let registry = Registry::new();
    let auth = Operation::named_in(&registry, "auth");
    drop(pending::<()>().in_flight(&auth));
    assert_eq!(ended(&registry), [0.0; 5], "it was never polled, so it did nothing");
    async { 1 }.in_flight(&auth).await;
    let result: Result<(), ()> = async { Err(()) }.in_flight_result(&auth).await;
    assert!(result.is_err());
    assert_eq!(ended(&registry), [1.0, 1.0, 0.0, 0.0, 0.0]);
    assert_eq!(level(&registry), Some(0.0));
}

#[tokio::test(start_paused = true)]
async fn a_future_that_is_dropped_at_its_await_is_cancelled() {
    let registry = Registry::new();
    let auth = Operation::named_in(&registry, "auth");
    let call = pending::<()>().in_flight(&auth);
    let timed_out = tokio::time::timeout(Duration::from_millis(20), async {
        let watched = async {
            tokio::time::sleep(Duration::from_millis(10)).await;
            assert_eq!(level(&registry), Some(1.0), "it is in flight while it waits");
            pending::<()>().await;
        };
        tokio::join!(call, watched);
    });
    assert!(timed_out.await.is_err());
    assert_eq!(level(&registry), Some(0.0));
    assert_eq!(ended(&registry), [0.0, 0.0, 1.0, 0.0, 0.0]);
}

#[tokio::test]
async fn a_future_that_panics_in_a_task_is_panicked() {
    let registry = Registry::new();
    let auth = Operation::named_in(&registry, "auth");
    let call = async {
        tokio::task::yield_now().await;
        panic!("on purpose");
    };
    let joined = tokio::spawn(call.in_flight(&auth)).await;
    assert!(joined.is_err_and(|error| error.is_panic()));
    assert_eq!(level(&registry), Some(0.0));
    assert_eq!(ended(&registry), [0.0, 0.0, 0.0, 0.0, 1.0]);
}

#[test]
fn a_call_during_a_foreign_panic_is_not_panicked() {
    struct CallsWhenDropped(Operation);
    impl Drop for CallsWhenDropped {
        fn drop(&mut self) {
            self.0.enter().finish(Outcome::Ok);
        }
    }
    let registry = Registry::new();
    let auth = Operation::named_in(&registry, "auth");
    let calls = CallsWhenDropped(auth);
    let caught = catch_unwind(AssertUnwindSafe(move || {
        let _calls = calls;
        panic!("on purpose");
    }));
    assert!(caught.is_err());
    assert_eq!(ended(&registry), [1.0, 0.0, 0.0, 0.0, 0.0]);
}

#[test]
fn the_limit_the_bands_and_the_edges_are_those_of_the_name() {
    let registry = Registry::new();
    let name = Name::new("auth").bands(&[2]).edges(&[Duration::from_millis(300)]);
    let auth = Operation::limited_in(&registry, name, 2);
    let calls = [auth.enter(), auth.enter(), auth.enter()];
    calls.into_iter().for_each(|call| call.finish(Outcome::Ok));
    let of_band =
        |band| value(&registry, ENDED, [("operation", "auth"), ("outcome", "ok"), ("band", band)]);
    assert_eq!((of_band("1"), of_band("2")), (Some(1.0), Some(2.0)));
    assert_eq!(value(&registry, "concurrency_in_flight_limit", [("operation", "auth")]), Some(2.0));
    let took = histogram(&registry, TOOK, [("operation", "auth"), ("outcome", "ok")]);
    assert!(took.buckets.iter().any(|bucket| bucket.le == 0.3), "{took:?}");
    auth.set_limit(Some(7));
    assert_eq!(value(&registry, "concurrency_in_flight_limit", [("operation", "auth")]), Some(7.0));
}
