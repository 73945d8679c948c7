//! Threads that wait for each other, in locks of all makes. Those that are deadlocked stay behind: nothing
//! can end them.

use super::{cycles_of, kinds_of, waits_of};
use plimsoll::sync::{crossbeam, parking_lot, std as mirror, tokio as tasks};
use plimsoll::{Registry, Workers};
use std::sync::{Arc, Barrier};
use std::thread;

fn until_waiting(test: &str, count: usize) {
    while waits_of(test).len() < count {
        thread::yield_now();
    }
}

/// Runs both on threads of their own, with a meeting between what each does first and then.
fn meet(
    one: impl FnOnce(&Barrier) + Send + 'static,
    other: impl FnOnce(&Barrier) + Send + 'static,
) {
    let ready = Arc::new(Barrier::new(2));
    let also = Arc::clone(&ready);
    thread::Builder::new().name("one".into()).spawn(move || one(&ready)).expect("started");
    thread::Builder::new().name("other".into()).spawn(move || other(&also)).expect("started");
}

#[test]
fn standard_locks_taken_in_opposite_order() {
    let lock = |name| Arc::new(mirror::Mutex::named_in(&Registry::new(), name, ()));
    let (a, b) = (lock("std-a"), lock("std-b"));
    let (a2, b2) = (Arc::clone(&a), Arc::clone(&b));
    meet(
        move |ready| {
            let _first = a.lock();
            ready.wait();
            let _then = b.lock();
        },
        move |ready| {
            let _first = b2.lock();
            ready.wait();
            let _then = a2.lock();
        },
    );
    until_waiting("std", 2);
    let cycles = cycles_of("std");
    assert_eq!(cycles.len(), 1);
    let mut names: Vec<_> = cycles[0].waits.iter().map(|wait| wait.by.who.to_string()).collect();
    names.sort_unstable();
    assert_eq!(names, ["thread one", "thread other"]);
    let holders = cycles[0].waits.iter().map(|wait| wait.resource.holders().0[0]);
    let mut held_at: Vec<u32> =
        holders.map(|holder| holder.site.expect("through the mirror").line()).collect();
    let mut waits_at: Vec<u32> = cycles[0].waits.iter().map(|wait| wait.by.site.line()).collect();
    held_at.sort_unstable();
    waits_at.sort_unstable();
    let two_lines_on: Vec<u32> = held_at.iter().map(|line| line + 2).collect();
    assert_eq!(waits_at, two_lines_on, "the meeting lies between the locks");
}

/// One graph over all makes: a lock of parking_lot, one of the standard library, one of tokio.
#[test]
fn three_makes_of_lock_in_a_ring() {
    let registry = Registry::new();
    let a = Arc::new(parking_lot::Mutex::named_in(&registry, "makes-a", ()));
    let b = Arc::new(mirror::RwLock::named_in(&registry, "makes-b", ()));
    let c = Arc::new(tasks::Mutex::named_in(&registry, "makes-c", ()));
    let ready = Arc::new(Barrier::new(3));
    let (a1, b1, r1) = (Arc::clone(&a), Arc::clone(&b), Arc::clone(&ready));
    thread::spawn(move || {
        let _first = a1.lock();
        r1.wait();
        let _then = b1.write();
    });
    let (b2, c2, r2) = (Arc::clone(&b), Arc::clone(&c), Arc::clone(&ready));
    thread::spawn(move || {
        let _first = b2.read();
        r2.wait();
        let _then = c2.blocking_lock();
    });
    thread::spawn(move || {
        let _first = c.blocking_lock();
        ready.wait();
        let _then = a.lock();
    });
    until_waiting("makes", 3);
    assert_eq!(kinds_of("makes"), [("lock", 3)]);
}

/// A task that blocks its thread on what a task of another thread holds, which awaits what it holds.
#[test]
fn a_blocked_thread_and_a_waiting_task() {
    let registry = Registry::new();
    let blocking = Arc::new(parking_lot::Mutex::named_in(&registry, "both-blocking", ()));
    let awaited = Arc::new(tasks::Mutex::named_in(&registry, "both-awaited", ()));
    let (blocking2, awaited2) = (Arc::clone(&blocking), Arc::clone(&awaited));
    let (held, is_held) = std::sync::mpsc::channel();
    meet(
        move |ready| {
            let runtime = tokio::runtime::Builder::new_current_thread().build().expect("built");
            let task = runtime.spawn(async move {
                let _first = awaited.lock().await;
                held.send(()).expect("it is awaited");
                let _then = blocking.lock();
            });
            ready.wait();
            runtime.block_on(task).expect("it never ends");
        },
        move |ready| {
            let _first = blocking2.lock();
            ready.wait();
            is_held.recv().expect("it will be");
            let _then = awaited2.blocking_lock();
        },
    );
    until_waiting("both", 2);
    assert_eq!(kinds_of("both"), [("lock", 2)]);
}

/// Each of two threads fills the other's queue while its own is full.
#[test]
fn standard_channels_that_are_full_both_ways() {
    let registry = Registry::new();
    let (to_one, one) = mirror::mpsc::sync_channel_named_in(&registry, "mail-one", 1);
    let (to_two, two) = mirror::mpsc::sync_channel_named_in(&registry, "mail-two", 1);
    to_one.send(()).expect("open");
    to_two.send(()).expect("open");
    let fills = |from: mirror::mpsc::Receiver<()>, to: mirror::mpsc::SyncSender<()>| {
        move |ready: &Barrier| {
            from.recv().expect("open");
            ready.wait();
            to.send(()).expect("it has room for one");
            ready.wait();
            // Both queues are full, and who could empty the one waits for the other.
            let _ = to.send(());
            drop(from);
        }
    };
    meet(fills(one, to_two), fills(two, to_one));
    until_waiting("mail", 2);
    assert_eq!(kinds_of("mail"), [("channel", 2)]);
}

/// A second receiver may empty the queue, so a sender isn't stuck when the first one is.
#[test]
fn a_channel_with_two_receivers_accuses_nobody() {
    let registry = Registry::new();
    let lock = Arc::new(mirror::Mutex::named_in(&registry, "pair-lock", ()));
    let (orders, queue) = crossbeam::channel::bounded_named_in(&registry, "pair-queue", 1);
    let second = queue.clone();
    let held = lock.lock().expect("sound");
    let receiver = {
        let lock = Arc::clone(&lock);
        thread::spawn(move || {
            let _ = queue.recv();
            drop(lock.lock());
        })
    };
    // The holder of the lock sends until the queue is full, and the first receiver waits for the lock.
    orders.send(()).expect("open");
    until_waiting("pair", 1);
    orders.send(()).expect("open");
    let helper = thread::spawn(move || {
        until_waiting("pair", 2);
        assert_eq!(kinds_of("pair"), []);
        second.recv().expect("open");
    });
    orders.send(()).expect("the second receiver makes room");
    drop(held);
    receiver.join().expect("it ends");
    helper.join().expect("it ends");
}

/// The one worker of a pool waits for a job that only it could run.
#[test]
fn a_job_that_waits_for_its_own_pool() {
    type Job = Box<dyn FnOnce() + Send>;
    let workers = Workers::named_in(&Registry::new(), "jobs", 1);
    let (submit, jobs) = std::sync::mpsc::channel::<Job>();
    let outer = {
        let (workers, submit) = (workers.clone(), submit.clone());
        move || {
            let (done, result) = std::sync::mpsc::channel();
            let inner: Job = Box::new(workers.job(move || done.send(()).expect("it is awaited")));
            submit.send(inner).expect("open");
            workers.wait_for(|| result.recv()).expect("it never comes");
        }
    };
    submit.send(Box::new(workers.job(outer))).expect("open");
    // From elsewhere one may wait for the pool as long as one likes.
    let elsewhere = workers.clone();
    thread::spawn(move || elsewhere.wait_for(thread::park));
    until_waiting("jobs", 1);
    assert_eq!(kinds_of("jobs"), [], "no worker is busy yet");
    thread::spawn(move || jobs.into_iter().for_each(|job| job()));
    until_waiting("jobs", 2);
    assert_eq!(kinds_of("jobs"), [("self", 1)]);
}

#[test]
fn a_parked_condvar_is_no_deadlock() {
    let registry = Registry::new();
    let state = Arc::new(mirror::Mutex::named_in(&registry, "parked", (false, false)));
    let woken = Arc::new(mirror::Condvar::new());
    let sleeper = {
        let (state, woken) = (Arc::clone(&state), Arc::clone(&woken));
        thread::spawn(move || {
            let mut state = state.lock().expect("sound");
            state.0 = true;
            while !state.1 {
                state = woken.wait(state).expect("sound");
            }
        })
    };
    // Once this sees that the other has begun, the other has parked: else it would hold the lock.
    while !state.lock().expect("sound").0 {
        thread::yield_now();
    }
    assert_eq!(kinds_of("parked"), []);
    state.lock().expect("sound").1 = true;
    woken.notify_all();
    sleeper.join().expect("it woke");
}
