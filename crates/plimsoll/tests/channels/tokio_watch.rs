//! `tokio::sync::watch`.

use crate::{depth, pushed_back, queued};
use plimsoll::Registry;
use plimsoll::sync::tokio::watch::channel_named_in;

#[tokio::test]
async fn a_value_is_in_the_queue_until_someone_looks_at_it() {
    let registry = Registry::new();
    let (sender, mut receiver) = channel_named_in(&registry, "orders", 0);
    assert_eq!(*receiver.borrow(), 0);
    assert_eq!((depth(&registry), queued(&registry)), (0.0, 0), "it begins as seen");
    sender.send(1).expect("a receiver");
    receiver.changed().await.expect("open");
    assert_eq!(*sender.borrow(), 1);
    assert_eq!(depth(&registry), 1.0, "nobody has looked at it");
    assert_eq!(*receiver.borrow_and_update(), 1);
    assert_eq!(*receiver.borrow(), 1);
    assert_eq!((depth(&registry), queued(&registry)), (0.0, 1));
    assert!(!receiver.has_changed().expect("open"));
}

#[tokio::test]
async fn a_value_that_nobody_saw_is_shed() {
    let registry = Registry::new();
    let (sender, mut receiver) = channel_named_in(&registry, "orders", 0);
    sender.send_modify(|order| *order += 1);
    assert_eq!(sender.send_replace(5), 1);
    assert!(!sender.send_if_modified(|_| false));
    assert!(sender.send_if_modified(|order| {
        *order += 1;
        true
    }));
    assert_eq!((pushed_back(&registry, "shed"), depth(&registry)), (2.0, 1.0));
    assert_eq!(*receiver.wait_for(|order| *order == 6).await.expect("open"), 6);
    assert_eq!((depth(&registry), queued(&registry)), (0.0, 3));
    sender.send(7).expect("a receiver");
    drop(receiver);
    assert!(sender.send(8).is_err_and(|error| error.0 == 8));
    drop(sender);
    assert_eq!((depth(&registry), queued(&registry)), (0.0, 4));
    assert_eq!(pushed_back(&registry, "shed"), 2.0);
}
