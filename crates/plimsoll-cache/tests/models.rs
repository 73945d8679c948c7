//! Models of the single-flight that ships, which loom runs through every order of its steps: this file
//! compiles `src/flight.rs` anew, with loom's lock in place of the standard library's.

#![allow(clippy::expect_used)] // A model fails by it.
#![allow(dead_code)] // Models use a part of it.

#[path = "../src/flight.rs"]
mod flight;

mod sync {
    pub(crate) use loom::sync::{Mutex, MutexGuard};

    pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
        mutex.lock().expect("a model doesn't go on after a panic")
    }
}

use flight::{Flights, Joined};
use loom::future::block_on;
use loom::thread;
use std::future::Future;
use std::sync::Arc;

fn model(body: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(body);
}

fn flights() -> (Arc<Flights<u32>>, Arc<str>) {
    (Arc::new(Flights::new(8)), Arc::from("key"))
}

/// Says whether nothing is under way for `key`, so that it could begin.
fn is_over(flights: &Arc<Flights<u32>>, key: &Arc<str>) -> bool {
    flights.lead(key).is_some()
}

/// Joins, lands `value` if it leads, and returns whether it led and what it got.
fn call(flights: &Arc<Flights<u32>>, key: &Arc<str>, value: u32) -> (bool, Option<u32>) {
    let Joined { waiter, leader } = flights.join(key).expect("there is room");
    let is_leader = leader.is_some();
    if let Some(leader) = leader {
        leader.land(value);
    }
    (is_leader, block_on(waiter))
}

#[test]
fn everyone_gets_what_some_leader_landed() {
    model(|| {
        let (flights, key) = flights();
        let others: Vec<_> = [1, 2]
            .map(|value| {
                let (flights, key) = (flights.clone(), key.clone());
                thread::spawn(move || call(&flights, &key, value))
            })
            .into();
        let mut calls = vec![call(&flights, &key, 3)];
        calls.extend(others.into_iter().map(|other| other.join().expect("it gets a value")));
        let led: Vec<_> = calls.iter().filter(|(led, _)| *led).map(|(_, got)| *got).collect();
        assert!(!led.is_empty(), "someone leads");
        assert!(calls.iter().all(|(_, got)| got.is_some() && led.contains(got)), "{calls:?}");
        assert!(is_over(&flights, &key));
    });
}

#[test]
fn a_leader_that_is_dropped_leaves_nobody_waiting() {
    model(|| {
        let (flights, key) = flights();
        let Joined { waiter, leader } = flights.join(&key).expect("there is room");
        let dropper = thread::spawn(move || drop(leader));
        let other = call(&flights, &key, 7);
        assert!(other == (true, Some(7)) || other == (false, None), "{other:?}");
        assert_eq!(block_on(waiter), None);
        dropper.join().expect("it drops");
        assert!(is_over(&flights, &key));
    });
}

#[test]
fn who_gives_up_takes_no_wake_up_from_the_others() {
    model(|| {
        let (flights, key) = flights();
        let Joined { waiter, leader } = flights.join(&key).expect("there is room");
        let impatient = {
            let Joined { waiter, leader } = flights.join(&key).expect("there is room");
            assert!(leader.is_none());
            thread::spawn(move || {
                let mut waiter = Box::pin(waiter);
                let polled = poll_once(waiter.as_mut());
                drop(waiter);
                polled
            })
        };
        let lander = thread::spawn(move || leader.expect("it was first").land(5));
        assert_eq!(block_on(waiter), Some(5));
        let polled = impatient.join().expect("it ends");
        assert!(polled.is_none() || polled == Some(Some(5)));
        lander.join().expect("it lands");
    });
}

#[test]
fn a_detached_flight_takes_no_newer_one_with_it() {
    model(|| {
        let (flights, key) = flights();
        let Joined { waiter, leader } = flights.join(&key).expect("there is room");
        let lander = thread::spawn(move || leader.expect("it was first").land(1));
        flights.detach(&key);
        let Joined { waiter: newer, leader } = flights.join(&key).expect("there is room");
        let leader = leader.expect("the old one isn't joined after it was detached");
        assert_eq!(block_on(waiter), Some(1));
        lander.join().expect("it lands");
        assert!(!is_over(&flights, &key), "the newer one stays");
        leader.land(2);
        assert!(block_on(newer) == Some(2) && is_over(&flights, &key));
    });
}

#[test]
fn no_more_begin_than_may() {
    model(|| {
        let flights = Arc::new(Flights::<u32>::new(1));
        let begun: Vec<_> = ["a", "b"]
            .map(|key| {
                let flights = flights.clone();
                thread::spawn(move || {
                    flights.lead(&Arc::from(key)).is_some_and(|leader| {
                        // It is under way until it lands.
                        assert!(flights.lead(&Arc::from("c")).is_none());
                        leader.land(0);
                        true
                    })
                })
            })
            .into_iter()
            .map(|thread| thread.join().expect("it ends"))
            .collect();
        assert!(begun.contains(&true), "{begun:?}");
        assert!(flights.lead(&Arc::from("c")).is_some(), "there is room again");
    });
}

/// Polls once with a waker that does nothing.
fn poll_once<F: Future>(future: std::pin::Pin<&mut F>) -> Option<F::Output> {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match future.poll(&mut context) {
        std::task::Poll::Ready(output) => Some(output),
        std::task::Poll::Pending => None,
    }
}
