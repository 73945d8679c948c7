//! Channels: depth, time in the queue, back-pressure, and the ways in which a message gets lost.

#![allow(clippy::expect_used)] // A test that finds nothing has failed.

mod crossbeam;
#[path = "../reading/mod.rs"]
mod reading;
mod tokio_broadcast;
mod tokio_mpsc;
mod tokio_oneshot;
mod tokio_watch;

use plimsoll::Registry;
use reading::{histogram, value};
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

/// The depth of the queue `orders`.
fn depth(registry: &Registry) -> f64 {
    value(registry, "concurrency_queue_depth", [("queue", "orders")]).expect("it is registered")
}

/// How many have left the queue `orders`.
fn queued(registry: &Registry) -> u64 {
    histogram(registry, "concurrency_queue_time_seconds", [("queue", "orders")]).count()
}

fn pushed_back(registry: &Registry, reason: &str) -> f64 {
    let labels = [("source", "orders"), ("reason", reason)];
    value(registry, "concurrency_backpressure", labels).expect("it is registered")
}

fn poll<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}
