//! `tokio::sync::oneshot`.

use crate::{depth, poll, queued};
use plimsoll::Registry;
use plimsoll::sync::tokio::oneshot::channel_named_in;
use plimsoll::sync::tokio::oneshot::error::TryRecvError;

#[tokio::test]
async fn a_message_is_in_the_queue_until_it_is_received() {
    let registry = Registry::new();
    let (sender, receiver) = channel_named_in(&registry, "orders");
    let (other, mut slow) = channel_named_in(&registry, "orders");
    assert_eq!(slow.try_recv(), Err(TryRecvError::Empty));
    sender.send(1).expect("open");
    other.send(2).expect("open");
    assert_eq!(depth(&registry), 2.0, "channels of one name share the depth");
    assert_eq!(receiver.await, Ok(1));
    assert_eq!((depth(&registry), queued(&registry)), (1.0, 1));
    drop(slow);
    assert_eq!((depth(&registry), queued(&registry)), (0.0, 2));
}

#[tokio::test]
async fn either_half_may_go_first() {
    let registry = Registry::new();
    let (sender, mut receiver) = channel_named_in::<u32>(&registry, "orders");
    assert!(poll(std::pin::Pin::new(&mut receiver)).is_pending());
    drop(sender);
    assert!(receiver.await.is_err());
    let (mut sender, receiver) = channel_named_in(&registry, "orders");
    drop(receiver);
    sender.closed().await;
    assert_eq!(sender.send(3), Err(3));
    assert_eq!((depth(&registry), queued(&registry)), (0.0, 0));
}
