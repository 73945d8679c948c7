//! `tokio::sync::broadcast`.

use crate::{depth, pushed_back, queued};
use plimsoll::Registry;
use plimsoll::sync::tokio::broadcast::channel_named_in;
use plimsoll::sync::tokio::broadcast::error::{RecvError, TryRecvError};

#[tokio::test]
async fn a_message_is_in_the_queue_until_the_last_receiver_has_it() {
    let registry = Registry::new();
    let (sender, mut first) = channel_named_in(&registry, "orders", 4);
    let mut second = sender.subscribe();
    assert_eq!(sender.send("tea").expect("two receivers"), 2);
    assert_eq!(depth(&registry), 1.0);
    assert_eq!(first.recv().await, Ok("tea"));
    assert_eq!((depth(&registry), queued(&registry)), (1.0, 0));
    assert_eq!(second.recv().await, Ok("tea"));
    assert_eq!((depth(&registry), queued(&registry)), (0.0, 1));
    assert_eq!(second.try_recv(), Err(TryRecvError::Empty));
}

#[tokio::test]
async fn what_a_receiver_misses_is_back_pressure() {
    let registry = Registry::new();
    let (sender, mut slow) = channel_named_in(&registry, "orders", 2);
    for order in 0..5 {
        sender.send(order).expect("a receiver");
    }
    assert_eq!((depth(&registry), queued(&registry)), (2.0, 3), "three were overwritten");
    assert_eq!(slow.recv().await, Err(RecvError::Lagged(3)));
    assert_eq!(pushed_back(&registry, "full"), 3.0);
    assert_eq!((slow.recv().await, slow.recv().await), (Ok(3), Ok(4)));
    assert_eq!(depth(&registry), 0.0);
}

#[tokio::test]
async fn a_receiver_that_goes_takes_what_only_it_needed() {
    let registry = Registry::new();
    let (sender, receiver) = channel_named_in(&registry, "orders", 4);
    sender.send(1).expect("a receiver");
    let waiting = tokio::spawn({
        let mut receiver = receiver.resubscribe();
        async move { receiver.recv().await }
    });
    tokio::task::yield_now().await;
    waiting.abort();
    assert!(waiting.await.is_err_and(|error| error.is_cancelled()));
    assert_eq!(depth(&registry), 1.0, "the other still needs it");
    drop(receiver);
    assert_eq!(depth(&registry), 0.0);
    assert!(sender.send(2).is_err_and(|error| error.0 == 2));
    assert_eq!(queued(&registry), 1, "what nobody can receive was in no queue");
}
