//! What a call's span says, against what the call was made to meet.

#![allow(clippy::expect_used)] // a test stops at the first thing that is not as it must be

use opentelemetry::Value;
use opentelemetry::trace::TracerProvider;
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider};
use plimsoll::{Operation, Registry};
use plimsoll_otel::{Traced, lock_wait};
use std::time::Duration;
use tokio::sync::{Mutex, oneshot};
use tracing::Instrument;
use tracing_subscriber::layer::SubscriberExt;

/// Runs `body` on one thread with spans that are exported, and returns them by name.
fn spans_of<F: Future>(body: impl FnOnce() -> F) -> impl Fn(&str, &str) -> Option<Value> {
    let exporter = InMemorySpanExporter::default();
    let provider = SdkTracerProvider::builder().with_simple_exporter(exporter.clone()).build();
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("test"));
    let subscriber = tracing_subscriber::registry().with(layer);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    tracing::subscriber::with_default(subscriber, || {
        runtime.expect("a runtime").block_on(body());
    });
    let spans = exporter.get_finished_spans().expect("spans");
    move |name, key| {
        let span = spans.iter().find(|span| span.name == name).expect("the span has ended");
        let found: Vec<_> =
            span.attributes.iter().filter(|pair| pair.key.as_str() == key).collect();
        assert!(found.len() <= 1, "{name} says {key} twice");
        found.first().map(|pair| pair.value.clone())
    }
}

fn seconds(value: Option<Value>) -> f64 {
    match value {
        Some(Value::F64(seconds)) => seconds,
        other => panic!("{other:?} is no number of seconds"),
    }
}

#[test]
fn a_span_says_how_many_were_in_flight_and_what_it_waited_for() {
    let registry = Registry::new();
    let pay = Traced::new(Operation::named_in(&registry, "pay"));
    const HELD: Duration = Duration::from_millis(40);
    let said = spans_of(|| async {
        let lock = Mutex::new(());
        let (held, is_held) = oneshot::channel();
        let holder = pay.run(async {
            let _guard = lock_wait(lock.lock()).await;
            held.send(()).expect("someone waits");
            tokio::time::sleep(HELD).await;
        });
        let waiter = async {
            is_held.await.expect("held");
            let call = pay.run(async { drop(lock_wait(lock.lock()).await) });
            let call = call.queued_for(Duration::from_millis(250));
            call.instrument(tracing::info_span!("waiter")).await;
        };
        tokio::join!(holder.instrument(tracing::info_span!("holder")), waiter);
    });
    assert_eq!(said("holder", "concurrency.in_flight"), Some(Value::I64(1)));
    assert_eq!(said("waiter", "concurrency.in_flight"), Some(Value::I64(2)));
    assert_eq!(seconds(said("holder", "concurrency.lock.wait")), 0.0, "it was free");
    let waited = seconds(said("waiter", "concurrency.lock.wait"));
    // The waiter is polled once the holder sleeps, so it waits nearly as long, and how much longer
    // is the machine's affair.
    assert!(waited > HELD.as_secs_f64() / 2.0, "{waited}");
    assert_eq!(seconds(said("waiter", "concurrency.queue.time")), 0.25);
    assert_eq!(said("holder", "concurrency.queue.time"), None, "unknown is absent");
}

#[test]
fn a_call_that_is_dropped_says_what_it_had_waited() {
    let registry = Registry::new();
    let pay = Traced::new(Operation::named_in(&registry, "pay"));
    let said = spans_of(|| async {
        let lock = Mutex::new(());
        let _held = lock.lock().await;
        let call = pay.run(async { drop(lock_wait(lock.lock()).await) });
        let call = call.instrument(tracing::info_span!("dropped"));
        assert!(tokio::time::timeout(Duration::from_millis(30), call).await.is_err());
        pay.run(async {}).instrument(tracing::info_span!("next")).await;
    });
    assert!(seconds(said("dropped", "concurrency.lock.wait")) >= 0.02);
    assert_eq!(said("next", "concurrency.in_flight"), Some(Value::I64(1)), "nothing leaked");
    assert_eq!(seconds(said("next", "concurrency.lock.wait")), 0.0, "nor is it charged to another");
}

#[test]
fn a_call_within_a_call_counts_for_both() {
    let registry = Registry::new();
    let outer = Traced::new(Operation::named_in(&registry, "outer"));
    let inner = Traced::new(Operation::named_in(&registry, "inner"));
    let said = spans_of(|| async {
        let slow = || lock_wait(tokio::time::sleep(Duration::from_millis(20)));
        let nested = outer.run(async {
            slow().await;
            inner.run(slow()).instrument(tracing::info_span!("inner")).await;
        });
        nested.instrument(tracing::info_span!("outer")).await;
    });
    let (outer, inner) = (
        seconds(said("outer", "concurrency.lock.wait")),
        seconds(said("inner", "concurrency.lock.wait")),
    );
    assert!(inner >= 0.02 && outer >= inner + 0.02, "{outer} {inner}");
}
