//! Mirror of `crossbeam_channel`: queues that are recorded (M2, and M8 when they are full).
//!
//! | series | what |
//! |---|---|
//! | level `concurrency_queue_depth{queue}` | messages in the channel, with its capacity as limit and the age of the oldest |
//! | histogram `concurrency_queue_time_seconds{queue}` | how long each message was in it, also one that is dropped with it |
//! | gauge `concurrency_queue_wait_min_seconds{queue}` | the shortest of these within the last 60 s |
//! | `concurrency_backpressure_total{source,reason}` | sends that found it full, those that waited for room too (`full`), or that timed out (`timeout`), each once; the source is the queue's name |
//!
//! A message is in the channel from just before it can be received until just after it was: while
//! receivers are at work the depth may pass the capacity by their number.
//!
//! # Selecting
//! [`select!`] and [`Select`] take both halves as they are. What they receive is still wrapped as
//! [`Queued`], which is used as the message and leaves the depth when it is dropped or
//! [taken](Queued::taken); what they send is wrapped by [`Sender::queued`].
//!
//! ```
//! use plimsoll::Queued;
//! use plimsoll::sync::crossbeam::channel::{bounded_named, select};
//!
//! let (orders, kitchen) = bounded_named("orders", 8);
//! orders.send("two teas")?;
//! let order = select! {
//!     recv(kitchen) -> order => order.map(Queued::taken)?,
//!     default => "nothing to do",
//! };
//! assert_eq!(order, "two teas");
//! select! {
//!     send(orders, orders.queued("a coffee")) -> sent => assert!(sent.is_ok()),
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Cost
//! Two clock reads and two log edges a message; a bounded send reserves its room first.
//!
//! # Cancellation
//! A blocking call can't be cancelled; one whose time runs out has sent, or received, nothing. Messages
//! that nobody will receive leave the depth when the channel is dropped.
//!
//! # Reading it
//! See [`QueueProbe`](crate::QueueProbe).

use crate::Name;
use crate::sync::called::Called;
use crate::sync::channel::Channel;
use plimsoll_record::Registry;
use std::panic::Location;

mod receiver;
mod sender;

pub use crossbeam_channel::{
    ReadyTimeoutError, RecvError, RecvTimeoutError, Select, SelectTimeoutError, SelectedOperation,
    SendError, SendTimeoutError, TryReadyError, TryRecvError, TrySelectError, TrySendError, after,
    at, never, select, select_biased, tick,
};
pub use receiver::{IntoIter, Iter, Receiver, TryIter};
pub use sender::Sender;

#[cfg(doc)]
use crate::Queued;

/// Makes a channel of `capacity` messages that is called after the caller's place in the source, and records in the global
/// registry.
/// Of a capacity of 0 each send waits for its receiver.
#[track_caller]
pub fn bounded<T>(capacity: usize) -> (Sender<T>, Receiver<T>) {
    made_bounded(&Called::after(Location::caller()), capacity)
}

/// Makes a channel of `capacity` messages that records in the global registry.
/// Of a capacity of 0 each send waits for its receiver.
#[track_caller]
pub fn bounded_named<T>(name: impl Into<Name>, capacity: usize) -> (Sender<T>, Receiver<T>) {
    bounded_named_in(Registry::global(), name, capacity)
}

/// Makes a channel of `capacity` messages that records in `registry`.
/// Of a capacity of 0 each send waits for its receiver.
#[track_caller]
pub fn bounded_named_in<T>(
    registry: &Registry,
    name: impl Into<Name>,
    capacity: usize,
) -> (Sender<T>, Receiver<T>) {
    made_bounded(&Called::by(registry, name, Location::caller()), capacity)
}

fn made_bounded<T>(called: &Called<'_>, capacity: usize) -> (Sender<T>, Receiver<T>) {
    let (sender, receiver) = crossbeam_channel::bounded(capacity);
    let signals = Channel::bounded(called, capacity);
    (Sender::new(sender, signals.clone()), Receiver::new(receiver, signals))
}

/// Makes an unbounded channel that is called after the caller's place in the source, and records in the global
/// registry.
#[track_caller]
pub fn unbounded<T>() -> (Sender<T>, Receiver<T>) {
    made_unbounded(&Called::after(Location::caller()))
}

/// Makes an unbounded channel that records in the global registry.
#[track_caller]
pub fn unbounded_named<T>(name: impl Into<Name>) -> (Sender<T>, Receiver<T>) {
    unbounded_named_in(Registry::global(), name)
}

/// Makes an unbounded channel that records in `registry`.
#[track_caller]
pub fn unbounded_named_in<T>(
    registry: &Registry,
    name: impl Into<Name>,
) -> (Sender<T>, Receiver<T>) {
    made_unbounded(&Called::by(registry, name, Location::caller()))
}

fn made_unbounded<T>(called: &Called<'_>) -> (Sender<T>, Receiver<T>) {
    let (sender, receiver) = crossbeam_channel::unbounded();
    let signals = Channel::new(called, None);
    (Sender::new(sender, signals.clone()), Receiver::new(receiver, signals))
}
