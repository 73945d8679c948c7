//! The example as a process: what it shows is what it was sent.

#![allow(clippy::expect_used)] // A test that finds nothing has failed.

use example_smoke::{Example, FREE};
use std::io::Write;

const OPERATIONS: &str = "concurrency_operations_total";

#[test]
fn the_metrics_are_those_of_the_load() {
    let example = Example::start(env!("CARGO_BIN_EXE_example-axum"), &[FREE, FREE]);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| assert_eq!(example.request("POST", "/pay/20").0, 200));
        }
    });
    for _ in 0..3 {
        assert_eq!(example.request("POST", "/pay/0").0, 422);
    }
    assert_eq!(example.request("POST", "/pay/1"), (200, "81".to_owned()));
    assert_eq!(example.request("POST", "/pay/none").0, 400);

    let pay = |outcome| example.sum(OPERATIONS, &[("operation", "pay"), ("outcome", outcome)]);
    assert_eq!([pay("ok"), pay("error"), pay("cancelled")], [5.0, 3.0, 0.0].map(Some));
    // The client may have the last byte before the service has let go of the request.
    let http = |outcome| [("operation", "http"), ("outcome", outcome)];
    example.until(OPERATIONS, &http("ok"), 9.0);
    assert_eq!(example.sum(OPERATIONS, &http("error")), Some(0.0));
    let route = [("http_route", "/pay/{amount}"), ("http_response_status_code", "200")];
    assert_eq!(example.sum("http_server_request_duration_seconds_count", &route), Some(5.0));
    let locked = [("lock", "ledger"), ("mode", "exclusive")];
    assert_eq!(example.sum("concurrency_lock_acquisitions_total", &locked), Some(8.0));
    assert_eq!(example.sum("concurrency_in_flight", &[("operation", "pay")]), Some(0.0));
    assert!(example.stop().success(), "SIGTERM ends it well");
}

#[test]
fn a_client_that_goes_away_is_cancelled() {
    let example = Example::start(env!("CARGO_BIN_EXE_example-axum"), &[FREE, FREE]);
    let mut client = example.connect();
    write!(client, "POST /pay/60000 HTTP/1.1\r\nHost: x\r\n\r\n").expect("it is sent");
    let pay = [("operation", "pay")];
    example.until("concurrency_in_flight", &pay, 1.0);
    drop(client);
    example.until("concurrency_in_flight", &pay, 0.0);
    let cancelled = [("operation", "pay"), ("outcome", "cancelled")];
    assert_eq!(example.sum(OPERATIONS, &cancelled), Some(1.0));
    assert_eq!(example.request("POST", "/pay/1").0, 200, "the lock is free again");
}
