//! Probes: pools, queues of any make, snapshots, consumers, back-pressure, the runtime.

#![allow(clippy::expect_used)] // A test that finds nothing has failed.

mod reading;

use plimsoll::{
    Backpressure, FreshnessProbe, LagProbe, Name, Operation, Outcome, PoolProbe, QueueProbe,
    Reason, Registry, RuntimeProbe,
};
use reading::{histogram, value};
use std::future::{pending, ready};
use std::pin::pin;
use std::task::{Context, Waker};
use std::time::{Duration, SystemTime};

#[tokio::test]
async fn a_pool_counts_what_is_in_use_and_how_waits_end() {
    let registry = Registry::new();
    let db = PoolProbe::named_in(&registry, "db", 8);
    let in_use = || value(&registry, "concurrency_pool_in_use", [("pool", "db")]);
    let waits = |outcome| {
        let labels = [("pool", "db"), ("outcome", outcome)];
        histogram(&registry, "concurrency_pool_wait_seconds", labels).count()
    };
    let connection = db.acquire(ready(Ok::<_, ()>("connection"))).await.expect("there is one");
    assert_eq!((in_use(), connection.len()), (Some(1.0), 10));
    assert!(db.acquire(ready(Err::<(), _>("refused"))).await.is_err());
    {
        let mut waiting = pin!(db.acquire(pending::<Result<(), ()>>()));
        let mut context = Context::from_waker(Waker::noop());
        assert!(waiting.as_mut().poll(&mut context).is_pending());
    }
    db.wait().end(Outcome::TimedOut);
    drop(connection);
    assert_eq!(in_use(), Some(0.0));
    assert_eq!(["ok", "error", "cancelled", "timed_out"].map(waits), [1, 1, 1, 1]);
}

#[test]
fn a_queue_of_any_make_is_probed_by_what_goes_through_it() {
    let registry = Registry::new();
    let probe = QueueProbe::limited_in(&registry, "orders", 2);
    let depth = || value(&registry, "concurrency_queue_depth", [("queue", "orders")]);
    let mut queue = vec![probe.queued("a"), probe.queued("b")];
    assert_eq!(depth(), Some(2.0));
    assert_eq!(queue.pop().map(plimsoll::Queued::taken), Some("b"));
    drop(queue);
    assert_eq!(depth(), Some(0.0));
    let times = histogram(&registry, "concurrency_queue_time_seconds", [("queue", "orders")]);
    assert_eq!(times.count(), 2);
}

#[test]
fn a_read_is_as_stale_as_its_publication_says() {
    let registry = Registry::new();
    let authorize = Operation::named_in(&registry, Name::new("authorize").bands(&[1, 2]));
    let edge = Name::new("exposure").edges(&[Duration::from_secs(90)]);
    let exposure = FreshnessProbe::banded_in(&registry, edge, &authorize);
    let staleness = |band| {
        let labels = [("source", "exposure"), ("band", band)];
        histogram(&registry, "concurrency_snapshot_staleness_seconds", labels)
    };
    let call = authorize.enter();
    exposure.read();
    assert_eq!(staleness("1").count(), 0, "nothing was published: the age is unknown");

    #[allow(clippy::disallowed_methods)] // What a caller knows of the wall clock.
    let now = SystemTime::now();
    exposure.publish(now - Duration::from_secs(60));
    exposure.read();
    let read = staleness("1");
    assert_eq!(read.count(), 1);
    let bucket = read.buckets.iter().find(|bucket| bucket.count > 0).expect("it is in a bucket");
    assert_eq!(bucket.le, 90.0, "60 s and a little");

    let second = authorize.enter();
    exposure.publish(now + Duration::from_secs(3_600));
    exposure.read();
    let read = staleness("2");
    assert_eq!(read.count(), 1);
    assert!(read.sum < 1.0, "an hour ahead is as fresh as can be: {}", read.sum);
    assert_eq!(value(&registry, "concurrency_clock_skew", []), Some(1.0));
    drop((call, second));
}

#[test]
fn a_snapshot_without_a_band_has_no_such_label() {
    let registry = Registry::new();
    let exposure = FreshnessProbe::named_in(&registry, "exposure");
    exposure.publish(SystemTime::UNIX_EPOCH + Duration::from_secs(7));
    exposure.read();
    let labels = [("source", "exposure")];
    assert_eq!(histogram(&registry, "concurrency_snapshot_staleness_seconds", labels).count(), 1);
    let as_of = value(&registry, "concurrency_snapshot_as_of_timestamp_seconds", labels);
    assert_eq!(as_of, Some(7.0));
}

#[test]
fn an_unknown_lag_is_absent() {
    let registry = Registry::new();
    let labels = [("group", "billing"), ("topic", "orders"), ("partition", "0")];
    let lag = |family| value(&registry, family, labels);
    let probe = LagProbe::named_in(&registry, "billing", "orders", "0");
    assert_eq!(lag("concurrency_consumer_lag"), None);
    probe.position(5);
    assert_eq!(lag("concurrency_consumer_lag"), None, "the end isn't known");
    probe.end(8);
    assert_eq!(lag("concurrency_consumer_lag"), Some(3.0));
    assert!(lag("concurrency_consumer_lag_seconds").is_some_and(|behind| behind < 60.0));
    assert_eq!(lag("concurrency_messages_consumed"), Some(5.0));
    probe.event_time(SystemTime::UNIX_EPOCH + Duration::from_secs(9));
    assert_eq!(lag("concurrency_consumer_oldest_timestamp_seconds"), Some(9.0));
    probe.position(8);
    assert_eq!(lag("concurrency_consumer_lag_seconds"), Some(0.0));
    assert_eq!(lag("concurrency_consumer_oldest_timestamp_seconds"), None);
    probe.unknown();
    assert_eq!(lag("concurrency_consumer_lag"), None);
    probe.position(8);
    probe.end(8);
    assert_eq!(lag("concurrency_consumer_lag"), Some(0.0));
    drop(probe);
    assert_eq!(lag("concurrency_consumer_lag"), None);
}

#[test]
fn every_reason_is_exported_from_the_start() {
    let registry = Registry::new();
    let orders = Backpressure::named_in(&registry, "orders");
    orders.count(Reason::Shed);
    let counts = Reason::ALL.map(|reason| {
        let labels = [("source", "orders"), ("reason", reason.name())];
        value(&registry, "concurrency_backpressure", labels)
    });
    assert_eq!(counts, [0.0, 1.0, 0.0, 0.0, 0.0].map(Some));
}

#[test]
fn a_runtime_shows_its_workers_as_long_as_it_is_probed() {
    let registry = Registry::new();
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().expect("a runtime");
    let probe = RuntimeProbe::named_in(&registry, "main", runtime.handle());
    let workers = || value(&registry, "concurrency_runtime_workers", [("runtime", "main")]);
    assert_eq!(workers(), Some(2.0));
    let depth = [("runtime", "main"), ("queue", "global")];
    assert_eq!(value(&registry, "concurrency_runtime_queue_depth", depth), Some(0.0));
    for worker in ["0", "1"] {
        let labels = [("runtime", "main"), ("worker", worker)];
        assert!(value(&registry, "concurrency_runtime_busy_seconds", labels).is_some());
    }
    drop(probe);
    assert_eq!(workers(), None);
}
