//! `crossbeam_channel`, and `std::sync::mpsc`, which is made of it.

use crate::reading::value;
use crate::{depth, pushed_back, queued};
use plimsoll::sync::crossbeam::channel::{
    Select, SendTimeoutError, TrySendError, bounded_named_in, select, unbounded_named_in,
};
use plimsoll::sync::std::mpsc;
use plimsoll::{Queued, Registry};
use std::sync::mpsc::{RecvTimeoutError, TryRecvError};
use std::thread;
use std::time::Duration;

const SOON: Duration = Duration::from_millis(1);

#[test]
fn a_full_channel_pushes_back() {
    let registry = Registry::new();
    let (sender, receiver) = bounded_named_in(&registry, "orders", 1);
    sender.send(1).expect("room");
    assert_eq!(sender.try_send(2), Err(TrySendError::Full(2)));
    assert_eq!(sender.send_timeout(3, SOON), Err(SendTimeoutError::Timeout(3)));
    assert_eq!((pushed_back(&registry, "full"), pushed_back(&registry, "timeout")), (1.0, 1.0));
    assert_eq!((depth(&registry), queued(&registry)), (1.0, 0), "what stays outside isn't in it");
    let waiting = thread::spawn({
        let sender = sender.clone();
        move || sender.send(4)
    });
    assert_eq!((receiver.recv(), receiver.recv()), (Ok(1), Ok(4)));
    assert_eq!(waiting.join().expect("no panic"), Ok(()));
    assert_eq!((depth(&registry), queued(&registry)), (0.0, 2));
    drop(receiver);
    assert_eq!(sender.try_send(5), Err(TrySendError::Disconnected(5)));
}

#[test]
fn without_capacity_a_message_is_handed_over() {
    let registry = Registry::new();
    let (sender, receiver) = bounded_named_in(&registry, "orders", 0);
    assert_eq!(sender.try_send(0), Err(TrySendError::Full(0)), "nobody takes it");
    let receiving = thread::spawn(move || receiver.iter().collect::<Vec<_>>());
    for order in 0..100 {
        sender.send(order).expect("a receiver");
    }
    drop(sender);
    assert_eq!(receiving.join().expect("no panic"), (0..100).collect::<Vec<_>>());
    assert_eq!((depth(&registry), queued(&registry)), (0.0, 100));
}

#[test]
fn both_halves_can_be_selected() {
    let registry = Registry::new();
    let (sender, receiver) = bounded_named_in(&registry, "orders", 1);
    select! {
        send(sender, sender.queued(1)) -> sent => assert!(sent.is_ok()),
        recv(receiver) -> order => panic!("it was empty: {order:?}"),
    }
    assert_eq!(depth(&registry), 1.0);
    select! {
        recv(receiver) -> order => assert_eq!(order.map(Queued::taken), Ok(1)),
        default => panic!("there is one"),
    }
    assert_eq!((depth(&registry), queued(&registry)), (0.0, 1));
    let (other, silent) = unbounded_named_in::<u32>(&registry, "others");
    let mut either = Select::new();
    either.recv(&receiver);
    either.recv(&silent);
    assert!(either.try_select().is_err());
    other.send(7).expect("a receiver");
    let ready = either.select();
    assert_eq!(ready.index(), 1);
    assert_eq!(ready.recv(&silent).map(|order| *order), Ok(7));
    assert_eq!(value(&registry, "concurrency_queue_depth", [("queue", "others")]), Some(0.0));
}

/// A receiver that has freed a slot may not have left the depth yet: by so many it may be passed. A
/// round in which the recorder says that it wasn't exact proves nothing.
#[test]
fn the_depth_passes_the_capacity_by_no_more_than_the_receivers() {
    let inexact = |registry: &Registry| value(registry, "concurrency_inexact_seconds", []);
    let exact_rounds = (0..20).filter(|_| {
        let registry = Registry::new();
        let before = inexact(&registry);
        let peak = peak_of_two_and_two(&registry);
        let is_exact = inexact(&registry) == before;
        assert!(!is_exact || (1.0..=6.0).contains(&peak), "{peak}");
        is_exact
    });
    assert!(exact_rounds.count() > 0, "the recorder was never exact");
}

/// Two threads send through a channel of four to two that receive.
fn peak_of_two_and_two(registry: &Registry) -> f64 {
    let (sender, receiver) = bounded_named_in(registry, "orders", 4);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| (0..500).for_each(|order| sender.send(order).expect("open")));
            scope.spawn(|| {
                for _ in 0..500 {
                    receiver.recv().expect("open");
                }
                registry.merge(); // As the admin thread does, so that no log fills.
            });
        }
    });
    assert_eq!((depth(registry), queued(registry)), (0.0, 1_000));
    value(registry, "concurrency_queue_depth_peak", [("queue", "orders")]).expect("registered")
}

#[test]
fn the_standard_channels_are_queues_too() {
    let registry = Registry::new();
    let (sender, receiver) = mpsc::channel_named_in(&registry, "orders");
    sender.send(1).expect("a receiver");
    sender.clone().send(2).expect("a receiver");
    assert_eq!(depth(&registry), 2.0);
    assert_eq!(receiver.try_iter().collect::<Vec<_>>(), [1, 2]);
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
    assert_eq!(receiver.recv_timeout(SOON), Err(RecvTimeoutError::Timeout));
    drop(sender);
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Disconnected));
    assert!(receiver.recv().is_err());
    let (sender, receiver) = mpsc::sync_channel_named_in(&registry, "orders", 1);
    sender.send(3).expect("room");
    assert_eq!(sender.try_send(4), Err(mpsc::TrySendError::Full(4)));
    assert_eq!(pushed_back(&registry, "full"), 1.0);
    drop(receiver);
    assert!(sender.send(5).is_err_and(|error| error.0 == 5));
    drop(sender);
    assert_eq!(depth(&registry), 0.0);
}
