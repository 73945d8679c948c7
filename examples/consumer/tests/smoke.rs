//! The example as a process: what it shows is what stands in the log.

#![allow(clippy::expect_used)] // A test that finds nothing has failed.

use example_smoke::{Example, FREE};
use std::fs::OpenOptions;
use std::io::Write;

#[test]
fn every_message_is_consumed_once_and_the_lag_ends() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("payments.log");
    let program = env!("CARGO_BIN_EXE_example-consumer");
    let example = Example::start(program, &[FREE, &path.display().to_string()]);
    let group = [("group", "ledger"), ("topic", "payments"), ("partition", "0")];
    example.until("concurrency_consumer_lag", &group, 0.0);

    let mut log = OpenOptions::new().create(true).append(true).open(&path).expect("a log");
    for number in 0..100 {
        let message = if number % 25 == 0 { "four".to_owned() } else { number.to_string() };
        writeln!(log, "{message}").expect("it is written");
    }
    write!(log, "10").expect("it is written");
    example.until("concurrency_messages_consumed_total", &group, 100.0);
    let produced = [("topic", "payments"), ("partition", "0")];
    assert_eq!(example.sum("concurrency_messages_produced_total", &produced), Some(100.0));
    assert_eq!(example.sum("concurrency_consumer_lag", &group), Some(0.0));
    assert_eq!(example.sum("concurrency_consumer_lag_seconds", &group), Some(0.0));
    let booked = |outcome| {
        let labels = [("operation", "book"), ("topic", "payments"), ("outcome", outcome)];
        example.sum("concurrency_operations_total", &labels)
    };
    assert_eq!((booked("ok"), booked("error")), (Some(96.0), Some(4.0)));

    writeln!(log, "1").expect("it is written");
    example.until("concurrency_messages_consumed_total", &group, 101.0);
    assert_eq!(booked("ok"), Some(97.0), "a line that is finished later is one message");
    assert!(example.stop().success(), "SIGTERM ends it well");
}
