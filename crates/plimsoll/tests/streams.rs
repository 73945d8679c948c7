//! Streams and bodies: in flight until the last item or byte, however they end.

#![allow(clippy::expect_used)] // A test that finds nothing has failed.

mod reading;

use futures_util::{Stream, StreamExt, stream};
use http_body_util::{BodyExt, Empty, Full, StreamBody};
use plimsoll::{Attempts, LimiterProbe, Operation, Outcome, Reason, Registry};
use reading::value;
use std::convert::Infallible;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

type Bytes = &'static [u8];

fn level(registry: &Registry) -> Option<f64> {
    value(registry, "concurrency_in_flight", [("operation", "export")])
}

/// How many ended as ok, error, cancelled, timed out, panicked.
fn ended(registry: &Registry) -> [f64; 5] {
    Outcome::NAMES.map(|outcome| {
        let labels = [("operation", "export"), ("outcome", outcome), ("band", "1")];
        value(registry, "concurrency_operations", labels).unwrap_or(f64::NAN)
    })
}

#[tokio::test]
async fn a_stream_is_in_flight_until_its_last_item() {
    let registry = Registry::new();
    let export = Operation::named_in(&registry, "export");
    let mut rows = export.stream(stream::iter([1, 2]));
    assert_eq!((level(&registry), rows.size_hint()), (Some(1.0), (2, Some(2))));
    assert_eq!((rows.next().await, rows.next().await), (Some(1), Some(2)));
    assert_eq!(level(&registry), Some(1.0), "nobody knows yet that it was the last");
    assert_eq!((rows.next().await, level(&registry)), (None, Some(0.0)));
    drop(rows);
    assert_eq!(ended(&registry), [1.0, 0.0, 0.0, 0.0, 0.0]);
    drop(export.stream(stream::pending::<()>()));
    assert_eq!((level(&registry), ended(&registry)), (Some(0.0), [1.0, 0.0, 1.0, 0.0, 0.0]));
}

#[tokio::test]
async fn a_stream_that_gave_an_error_is_one() {
    let registry = Registry::new();
    let export = Operation::named_in(&registry, "export");
    let rows = export.try_stream(stream::iter([Ok(1), Err("no"), Ok(2)]));
    assert_eq!(rows.count().await, 3);
    let mut rows = export.try_stream(stream::iter([Err::<(), _>("no"), Err("no")]));
    assert!(rows.next().await.is_some_and(|row| row.is_err()));
    assert_eq!(level(&registry), Some(1.0), "it may still go on");
    drop(rows);
    assert_eq!((level(&registry), ended(&registry)), (Some(0.0), [0.0, 2.0, 0.0, 0.0, 0.0]));
}

/// A stream that panics when it is polled.
struct Panics;

impl Stream for Panics {
    type Item = ();

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<()>> {
        panic!("on purpose");
    }
}

#[test]
fn a_stream_that_panics_leaves_the_level() {
    let registry = Registry::new();
    let export = Operation::named_in(&registry, "export");
    let mut rows = pin!(export.stream(Panics));
    let caught = catch_unwind(AssertUnwindSafe(|| {
        let _ = rows.as_mut().poll_next(&mut Context::from_waker(Waker::noop()));
    }));
    assert!(caught.is_err());
    assert_eq!((level(&registry), ended(&registry)), (Some(0.0), [0.0, 0.0, 0.0, 0.0, 1.0]));
}

#[tokio::test]
async fn a_body_is_in_flight_until_its_last_byte() {
    let registry = Registry::new();
    let export = Operation::named_in(&registry, "export");
    drop(export.body(Empty::<Bytes>::new()));
    assert_eq!(ended(&registry), [1.0, 0.0, 0.0, 0.0, 0.0], "it has ended from the start");
    let mut body = export.body(Full::<Bytes>::new(b"rows"));
    assert_eq!(level(&registry), Some(1.0));
    assert!(body.frame().await.is_some_and(|frame| frame.is_ok()));
    assert_eq!(level(&registry), Some(0.0), "nobody need ask for its end");
    let frames = stream::iter([Err::<http_body::Frame<Bytes>, _>("reset")]);
    assert!(export.body(StreamBody::new(frames)).collect().await.is_err());
    let unsent = stream::pending::<Result<http_body::Frame<Bytes>, Infallible>>();
    drop(export.body(StreamBody::new(unsent)));
    assert_eq!((level(&registry), ended(&registry)), (Some(0.0), [2.0, 1.0, 1.0, 0.0, 0.0]));
}

#[test]
fn a_limiter_shows_its_limit_and_attempts_are_told_apart() {
    let registry = Registry::new();
    let limiter = LimiterProbe::named_in(&registry, "checkout", 2);
    let of = [("limiter", "checkout")];
    let admitted = (limiter.admit(), limiter.admit());
    limiter.set_limit(1);
    limiter.refuse(Reason::Shed);
    assert_eq!(value(&registry, "concurrency_limiter_in_flight", of), Some(2.0));
    assert_eq!(value(&registry, "concurrency_limiter_in_flight_limit", of), Some(1.0));
    assert_eq!(value(&registry, "concurrency_limiter_limit", of), Some(1.0));
    let refused = [("source", "checkout"), ("reason", "shed")];
    assert_eq!(value(&registry, "concurrency_backpressure", refused), Some(1.0));
    admitted.0.end();
    drop(admitted.1);
    assert_eq!(value(&registry, "concurrency_limiter_in_flight", of), Some(0.0));
    let charge = Attempts::named_in(&registry, "charge");
    (0..3).for_each(|before| charge.count(before));
    let attempts = |attempt| {
        let labels = [("operation", "charge"), ("attempt", attempt)];
        value(&registry, "concurrency_attempts", labels)
    };
    assert_eq!((attempts("first"), attempts("retry")), (Some(1.0), Some(2.0)));
}
