//! Channels.

use crate::{REGISTRY, operations, programs};
use plimsoll::sync::{crossbeam, std as standard, tokio as mirror};
use proptest::prelude::*;

/// Writes a program on a bounded channel of tokio.
macro_rules! on_mpsc {
    ($name:ident, $channel:expr) => {
        fn $name(operations: &[(u8, u8)]) -> Vec<String> {
            let (sender, mut receiver) = $channel;
            let mut senders = vec![sender];
            let mut said = Vec::new();
            for (which, of) in operations {
                let Some(sender) = senders.last().cloned() else { break };
                said.push(match which {
                    0..=2 => format!("{:?}", sender.try_send(*of)),
                    3..=4 => format!("{:?}", receiver.try_recv()),
                    5 => match sender.try_reserve() {
                        Ok(slot) if of % 2 == 0 => {
                            slot.send(*of);
                            "used".to_owned()
                        }
                        Ok(_) => "freed".to_owned(),
                        Err(error) => format!("{error:?}"),
                    },
                    6 => match sender.try_reserve_many(usize::from(of % 5)) {
                        Ok(mut slots) => {
                            slots.by_ref().take(2).for_each(|slot| slot.send(*of));
                            format!("{}", slots.len())
                        }
                        Err(error) => format!("{error:?}"),
                    },
                    7 => format!("{}", sender.downgrade().upgrade().is_some()),
                    8 if *of < 8 => {
                        receiver.close();
                        "closed".to_owned()
                    }
                    9 if *of < 64 => {
                        drop(sender.clone());
                        senders.push(sender.clone());
                        format!("{}", sender.same_channel(&senders[0]))
                    }
                    10 if *of < 16 => format!("{}", senders.pop().is_some()),
                    _ => String::new(),
                });
                drop(sender);
                said.push(format!(
                    "{} {} {} {} {}",
                    receiver.len(),
                    receiver.is_empty(),
                    receiver.capacity(),
                    receiver.is_closed(),
                    receiver.sender_strong_count(),
                ));
            }
            drop(senders);
            said.extend(
                std::iter::from_fn(|| receiver.try_recv().ok()).map(|left| left.to_string()),
            );
            said.push(format!("{:?}", receiver.try_recv()));
            said
        }
    };
}

on_mpsc!(original_mpsc, tokio::sync::mpsc::channel::<u8>(3));
on_mpsc!(mirrored_mpsc, mirror::mpsc::channel_named_in::<u8>(&REGISTRY, "orders", 3));

/// Writes a program on a channel of threads.
macro_rules! on_threads {
    ($name:ident, $channel:expr) => {
        fn $name(operations: &[(u8, u8)]) -> Vec<String> {
            let (sender, receiver) = $channel;
            let mut said = Vec::new();
            for (which, of) in operations {
                said.push(match which {
                    0..=6 => format!("{:?}", sender.try_send(*of)),
                    7..=9 => format!("{:?}", receiver.try_recv()),
                    10 => format!("{:?}", receiver.recv_timeout(std::time::Duration::ZERO)),
                    _ => format!("{:?}", receiver.try_iter().take(2).collect::<Vec<_>>()),
                });
            }
            drop(sender);
            said.push(format!("{:?}", receiver.iter().collect::<Vec<_>>()));
            said.push(format!("{:?}", receiver.recv()));
            said
        }
    };
}

on_threads!(original_std, std::sync::mpsc::sync_channel::<u8>(2));
on_threads!(mirrored_std, standard::mpsc::sync_channel_named_in::<u8>(&REGISTRY, "orders", 2));
on_threads!(original_crossbeam, crossbeam_channel::bounded::<u8>(2));
on_threads!(mirrored_crossbeam, crossbeam::channel::bounded_named_in::<u8>(&REGISTRY, "orders", 2));
on_threads!(original_handed_over, crossbeam_channel::bounded::<u8>(0));
on_threads!(
    mirrored_handed_over,
    crossbeam::channel::bounded_named_in::<u8>(&REGISTRY, "orders", 0)
);

/// Writes a program on a ring that several receive from.
macro_rules! on_broadcast {
    ($name:ident, $channel:expr) => {
        fn $name(operations: &[(u8, u8)]) -> Vec<String> {
            let (sender, receiver) = $channel;
            let mut receivers = vec![receiver];
            let mut said = Vec::new();
            for (which, of) in operations {
                let place = usize::from(*of) % receivers.len().max(1);
                said.push(match which {
                    0..=4 => format!("{:?}", sender.send(*of)),
                    5..=8 => format!("{:?}", receivers.get_mut(place).map(|one| one.try_recv())),
                    9 => {
                        receivers.push(sender.subscribe());
                        format!("{}", sender.receiver_count())
                    }
                    10 if !receivers.is_empty() => {
                        drop(receivers.swap_remove(place));
                        format!("{}", sender.receiver_count())
                    }
                    _ => {
                        format!("{:?}", receivers.get(place).map(|one| (one.len(), one.is_empty())))
                    }
                });
                said.push(format!("{} {}", sender.len(), sender.is_empty()));
            }
            drop(sender);
            said.extend(receivers.iter_mut().map(|one| format!("{:?}", one.try_recv())));
            said
        }
    };
}

on_broadcast!(original_broadcast, tokio::sync::broadcast::channel::<u8>(3));
on_broadcast!(
    mirrored_broadcast,
    mirror::broadcast::channel_named_in::<u8>(&REGISTRY, "orders", 3)
);

/// Writes a program on a value that is watched.
macro_rules! on_watch {
    ($name:ident, $channel:expr) => {
        fn $name(operations: &[(u8, u8)]) -> Vec<String> {
            let (sender, receiver) = $channel;
            let mut receivers = vec![receiver];
            let mut said = Vec::new();
            for (which, of) in operations {
                let place = usize::from(*of) % receivers.len().max(1);
                said.push(match (which, receivers.get_mut(place)) {
                    (0..=1, _) => format!("{:?}", sender.send(*of)),
                    (2, _) => format!("{}", sender.send_replace(*of)),
                    (3, _) => format!(
                        "{}",
                        sender.send_if_modified(|value| {
                            *value = value.wrapping_add(1);
                            *of % 2 == 0
                        })
                    ),
                    (4, _) => format!("{} {}", *sender.borrow(), sender.receiver_count()),
                    (5, Some(one)) => format!("{} {}", *one.borrow(), one.borrow().has_changed()),
                    (6, Some(one)) => format!("{}", *one.borrow_and_update()),
                    (7, Some(one)) => format!("{:?}", one.has_changed().is_ok_and(|is| is)),
                    (8, Some(one)) => {
                        one.mark_changed();
                        String::new()
                    }
                    (9, Some(one)) => {
                        one.mark_unchanged();
                        String::new()
                    }
                    (10, Some(one)) if *of < 128 => {
                        let another = one.clone();
                        receivers.push(another);
                        String::new()
                    }
                    (10, Some(_)) => {
                        drop(receivers.swap_remove(place));
                        String::new()
                    }
                    _ => {
                        receivers.push(sender.subscribe());
                        String::new()
                    }
                });
            }
            drop(sender);
            said.extend(receivers.iter().map(|one| format!("{:?}", one.has_changed().is_err())));
            said
        }
    };
}

on_watch!(original_watch, tokio::sync::watch::channel::<u8>(0));
on_watch!(mirrored_watch, mirror::watch::channel_named_in::<u8>(&REGISTRY, "orders", 0));

proptest! {
    #![proptest_config(programs())]

    #[test]
    fn channels_answer_as_the_originals(operations in operations()) {
        prop_assert_eq!(original_mpsc(&operations), mirrored_mpsc(&operations));
        prop_assert_eq!(original_std(&operations), mirrored_std(&operations));
        prop_assert_eq!(original_crossbeam(&operations), mirrored_crossbeam(&operations));
        prop_assert_eq!(original_handed_over(&operations), mirrored_handed_over(&operations));
        prop_assert_eq!(original_broadcast(&operations), mirrored_broadcast(&operations));
        prop_assert_eq!(original_watch(&operations), mirrored_watch(&operations));
    }
}
