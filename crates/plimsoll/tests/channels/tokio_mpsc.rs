//! `tokio::sync::mpsc`.

use crate::reading::value;
use crate::{depth, poll, pushed_back, queued};
use plimsoll::Registry;
use plimsoll::sync::tokio::mpsc::error::{SendTimeoutError, TryRecvError, TrySendError};
use plimsoll::sync::tokio::mpsc::{
    Receiver, Sender, channel, channel_named_in, unbounded_channel_named_in,
};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

fn orders(registry: &Registry, capacity: usize) -> (Sender<u32>, Receiver<u32>) {
    channel_named_in(registry, "orders", capacity)
}

#[tokio::test]
async fn messages_come_in_order_and_the_depth_follows_them() {
    let registry = Registry::new();
    let (sender, mut receiver) = orders(&registry, 3);
    for order in 0..3 {
        sender.send(order).await.expect("open");
    }
    assert_eq!((depth(&registry), receiver.len(), sender.capacity()), (3.0, 3, 0));
    let limit = value(&registry, "concurrency_queue_depth_limit", [("queue", "orders")]);
    assert_eq!(limit, Some(3.0));
    assert_eq!(receiver.recv().await, Some(0));
    let mut rest = Vec::new();
    assert_eq!(receiver.recv_many(&mut rest, 10).await, 2);
    assert_eq!(rest, [1, 2]);
    assert_eq!((depth(&registry), queued(&registry), sender.capacity()), (0.0, 3, 3));
    assert!(matches!(receiver.try_recv(), Err(TryRecvError::Empty)));
    drop(sender);
    assert_eq!(receiver.recv().await, None);
    assert!(matches!(receiver.try_recv(), Err(TryRecvError::Disconnected)));
}

#[tokio::test(start_paused = true)]
async fn a_full_channel_pushes_back() {
    let registry = Registry::new();
    let (sender, mut receiver) = orders(&registry, 1);
    sender.try_send(1).expect("room");
    assert!(matches!(sender.try_send(2), Err(TrySendError::Full(2))));
    assert!(sender.try_reserve().is_err());
    assert_eq!(pushed_back(&registry, "full"), 2.0);
    let timed_out = sender.send_timeout(3, Duration::from_millis(5)).await;
    assert!(matches!(timed_out, Err(SendTimeoutError::Timeout(3))));
    assert_eq!(pushed_back(&registry, "timeout"), 1.0);
    {
        let mut waiting = pin!(sender.send(4));
        assert!(poll(waiting.as_mut()).is_pending());
        assert_eq!(depth(&registry), 1.0, "what waits outside isn't in the queue");
    }
    assert_eq!(pushed_back(&registry, "full"), 3.0, "it found no room");
    assert_eq!(receiver.recv().await, Some(1));
    assert_eq!(sender.capacity(), 1, "the cancelled send left its place");
    sender.send(5).await.expect("room");
    assert_eq!(receiver.recv().await, Some(5));
}

#[tokio::test]
async fn messages_that_nobody_receives_leave_with_the_channel() {
    let registry = Registry::new();
    let (sender, receiver) = orders(&registry, 4);
    sender.send(1).await.expect("open");
    sender.send(2).await.expect("open");
    drop(receiver);
    assert!(sender.is_closed());
    sender.closed().await;
    assert!(sender.send(3).await.is_err_and(|error| error.0 == 3));
    drop(sender);
    assert_eq!((depth(&registry), queued(&registry)), (0.0, 2));
}

#[tokio::test]
async fn a_reserved_slot_outlives_the_close() {
    let registry = Registry::new();
    let (sender, mut receiver) = orders(&registry, 2);
    let used = sender.reserve().await.expect("room");
    let unused = sender.clone().reserve_owned().await.expect("room");
    assert_eq!(depth(&registry), 0.0, "a reserved slot is no message");
    receiver.close();
    assert!(matches!(sender.try_send(9), Err(TrySendError::Closed(9))));
    assert!(matches!(receiver.try_recv(), Err(TryRecvError::Empty)));
    used.send(1);
    assert_eq!(receiver.recv().await, Some(1));
    let mut end = pin!(receiver.recv());
    assert!(poll(end.as_mut()).is_pending(), "a slot is still reserved");
    drop(unused);
    assert_eq!(poll(end), Poll::Ready(None));
}

#[tokio::test]
async fn freeing_the_last_slot_after_the_close_wakes_the_receiver() {
    let registry = Registry::new();
    let (sender, mut receiver) = orders(&registry, 1);
    let slot = sender.reserve_owned().await.expect("room");
    receiver.close();
    let ended = tokio::spawn(async move { receiver.recv().await });
    tokio::task::yield_now().await;
    let _sender = slot.release();
    assert_eq!(ended.await.expect("no panic"), None);
}

#[test]
fn threads_that_may_block_can_use_it() {
    let registry = Registry::new();
    let (sender, mut receiver) = orders(&registry, 1);
    let producer = std::thread::spawn(move || {
        for order in 0..1_000 {
            sender.blocking_send(order).expect("open");
        }
    });
    let mut received = Vec::new();
    while let Some(order) = receiver.blocking_recv() {
        received.push(order);
    }
    producer.join().expect("no panic");
    assert_eq!(received, (0..1_000).collect::<Vec<_>>());
    assert_eq!((depth(&registry), queued(&registry)), (0.0, 1_000));
    let peak = value(&registry, "concurrency_queue_depth_peak", [("queue", "orders")]);
    assert_eq!(peak, Some(1.0), "the depth never passes the capacity");
}

#[tokio::test]
async fn an_unbounded_channel_has_a_depth_and_no_limit() {
    let registry = Registry::new();
    let (sender, mut receiver) = unbounded_channel_named_in(&registry, "orders");
    for order in 0..5 {
        sender.send(order).expect("open");
    }
    assert_eq!(depth(&registry), 5.0);
    assert_eq!(value(&registry, "concurrency_queue_depth_limit", [("queue", "orders")]), None);
    let mut received = Vec::new();
    assert_eq!(receiver.recv_many(&mut received, 3).await, 3);
    assert_eq!((received, depth(&registry)), (vec![0, 1, 2], 2.0));
    drop(receiver);
    assert!(sender.send(9).is_err());
    assert_eq!((depth(&registry), queued(&registry)), (0.0, 6));
}

#[tokio::test]
async fn slots_are_reserved_together_and_freed_one_by_one() {
    let registry = Registry::new();
    let (sender, mut receiver) = orders(&registry, 3);
    let mut slots = sender.reserve_many(2).await.expect("room");
    assert_eq!((slots.len(), sender.capacity()), (2, 1));
    slots.next().expect("two were reserved").send(1);
    drop(slots);
    assert_eq!((sender.capacity(), depth(&registry)), (2, 1.0));
    assert!(matches!(sender.try_reserve_many(3), Err(TrySendError::Full(()))));
    assert!(sender.reserve_many(4).await.is_err(), "it never has as much room");
    let slots = sender.try_reserve_many(2).expect("room");
    receiver.close();
    assert_eq!(receiver.recv().await, Some(1));
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty), "two slots are still reserved");
    drop(slots);
    assert_eq!(receiver.recv().await, None, "the slots were freed after the close");
}

#[tokio::test]
async fn a_sender_that_is_aborted_amid_its_wait_leaves_nothing() {
    let registry = Registry::new();
    let (sender, mut receiver) = orders(&registry, 1);
    sender.send(1).await.expect("room");
    let waiting = tokio::spawn({
        let sender = sender.clone();
        async move { sender.send(2).await }
    });
    tokio::task::yield_now().await; // It runs until it waits.
    waiting.abort();
    assert!(waiting.await.is_err_and(|error| error.is_cancelled()));
    assert_eq!(pushed_back(&registry, "full"), 1.0);
    assert_eq!(receiver.recv().await, Some(1));
    assert_eq!((receiver.try_recv(), sender.capacity()), (Err(TryRecvError::Empty), 1));
    assert_eq!(depth(&registry), 0.0);
}

#[test]
fn without_a_name_it_is_called_after_its_place() {
    let channels: Vec<_> = (0..2).map(|_| channel(1)).collect();
    let line = line!() - 1;
    for (sender, _) in &channels {
        sender.try_send(1).expect("room");
    }
    let text = plimsoll::text();
    let of = format!("{{queue=\"{}:{line}\"}} ", file!());
    for told in ["concurrency_queue_depth", "concurrency_queue_depth_limit"] {
        assert!(text.contains(&format!("\n{told}{of}")), "{told}{of} of {text}");
    }
    assert!(text.contains(&format!("\nconcurrency_queue_depth{of}2\n")), "they share it");
}
