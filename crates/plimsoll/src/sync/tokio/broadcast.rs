//! Mirror of `tokio::sync::broadcast`: a ring that every receiver reads (M2, and M8 when one lags).
//!
//! | series | what |
//! |---|---|
//! | level `concurrency_queue_depth{queue}` | messages that not every receiver has had, with the ring's capacity as limit and the age of the oldest |
//! | histogram `concurrency_queue_time_seconds{queue}` | how long each took to reach the last receiver, or until it was overwritten |
//! | gauge `concurrency_queue_wait_min_seconds{queue}` | the shortest of these within the last 60 s |
//! | `concurrency_backpressure_total{source,reason="full"}` | messages that a receiver missed because it lagged, added up over the receivers |
//!
//! # Cost
//! Two clock reads and two log edges a message, however many receive it.
//!
//! # Cancellation
//! A `recv` that is dropped has received nothing. Messages that nobody will receive leave the depth
//! when the channel is dropped.
//!
//! # Reading it
//! ```promql
//! rate(concurrency_backpressure_total{source="prices",reason="full"}[5m])  # messages missed a second
//! concurrency_queue_depth_oldest_age_seconds{queue="prices"}               # how far the slowest is behind
//! ```

use crate::instrument::Stay;
use crate::sync::called::Called;
use crate::sync::channel::Channel;
use crate::{Name, Reason};
use plimsoll_record::Registry;
use std::panic::Location;
use tokio::sync::broadcast;

pub use tokio::sync::broadcast::error;

use error::{RecvError, SendError, TryRecvError};

/// Makes a channel of `capacity` messages that is called after the caller's place in the source, and records in the global
/// registry.
///
/// # Panics
/// With a capacity of 0 or one beyond `usize::MAX / 2`, as the original does.
#[track_caller]
pub fn channel<T: Clone>(capacity: usize) -> (Sender<T>, Receiver<T>) {
    made_channel(&Called::after(Location::caller()), capacity)
}

/// Makes a channel of `capacity` messages that records in the global registry.
///
/// # Panics
/// With a capacity of 0 or one beyond `usize::MAX / 2`, as the original does.
#[track_caller]
pub fn channel_named<T: Clone>(name: impl Into<Name>, capacity: usize) -> (Sender<T>, Receiver<T>) {
    channel_named_in(Registry::global(), name, capacity)
}

/// Makes a channel of `capacity` messages that records in `registry`.
///
/// # Panics
/// With a capacity of 0 or one beyond `usize::MAX / 2`, as the original does.
#[track_caller]
pub fn channel_named_in<T: Clone>(
    registry: &Registry,
    name: impl Into<Name>,
    capacity: usize,
) -> (Sender<T>, Receiver<T>) {
    made_channel(&Called::by(registry, name, Location::caller()), capacity)
}

#[track_caller]
fn made_channel<T: Clone>(called: &Called<'_>, capacity: usize) -> (Sender<T>, Receiver<T>) {
    let (sender, receiver) = broadcast::channel(capacity);
    let signals = Channel::new(called, Some(capacity));
    (Sender { inner: sender, signals: signals.clone() }, Receiver { inner: receiver, signals })
}

/// A message in the ring. It leaves the depth when the ring drops it: when the last receiver has it,
/// or when it is overwritten. Receivers get clones, which are in no queue.
#[derive(Debug)]
struct Placed<T> {
    message: T,
    _stay: Option<Stay>,
}

impl<T: Clone> Clone for Placed<T> {
    fn clone(&self) -> Self {
        Self { message: self.message.clone(), _stay: None }
    }
}

/// The sending half of [`channel`].
#[derive(Debug)]
pub struct Sender<T> {
    inner: broadcast::Sender<Placed<T>>,
    signals: Channel,
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), signals: self.signals.clone() }
    }
}

impl<T> Sender<T> {
    /// Makes a sender without a receiver, as [`channel`] makes the two.
    ///
    /// # Panics
    /// With a capacity of 0 or one beyond `usize::MAX / 2`, as the original does.
    #[track_caller]
    pub fn new(capacity: usize) -> Self {
        let signals = Channel::new(&Called::after(Location::caller()), Some(capacity));
        Self { inner: broadcast::Sender::new(capacity), signals }
    }

    /// Sends a message to all receivers, and says how many there are.
    ///
    /// # Errors
    /// There is none; it gives the message back.
    pub fn send(&self, message: T) -> Result<usize, SendError<T>> {
        if self.inner.receiver_count() == 0 {
            return Err(SendError(message)); // It was in no queue.
        }
        let stay = Some(self.signals.depth.enter());
        let sent = self.inner.send(Placed { message, _stay: stay });
        sent.map_err(|SendError(placed)| SendError(placed.message))
    }

    /// Makes a receiver of the messages that are sent from now on.
    pub fn subscribe(&self) -> Receiver<T> {
        Receiver { inner: self.inner.subscribe(), signals: self.signals.clone() }
    }

    /// Makes a sender that doesn't keep the channel open.
    pub fn downgrade(&self) -> WeakSender<T> {
        WeakSender { inner: self.inner.downgrade(), signals: self.signals.clone() }
    }

    /// Returns how many messages not every receiver has had.
    pub fn len(&self) -> usize {
        self.inner.len()
    }

    /// Says whether every receiver has had every message.
    pub fn is_empty(&self) -> bool {
        self.inner.is_empty()
    }

    /// Returns how many receivers there are.
    pub fn receiver_count(&self) -> usize {
        self.inner.receiver_count()
    }

    /// Says whether both send into the same channel.
    pub fn same_channel(&self, other: &Self) -> bool {
        self.inner.same_channel(&other.inner)
    }

    /// Waits until there is no receiver.
    pub async fn closed(&self) {
        self.inner.closed().await;
    }

    /// Returns how many senders keep the channel open.
    pub fn strong_count(&self) -> usize {
        self.inner.strong_count()
    }

    /// Returns how many senders there are that don't keep the channel open.
    pub fn weak_count(&self) -> usize {
        self.inner.weak_count()
    }
}

/// A sender that doesn't keep the channel open.
#[derive(Debug)]
pub struct WeakSender<T> {
    inner: broadcast::WeakSender<Placed<T>>,
    signals: Channel,
}

impl<T> Clone for WeakSender<T> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), signals: self.signals.clone() }
    }
}

impl<T> WeakSender<T> {
    /// Makes a sender, if any other is left.
    pub fn upgrade(&self) -> Option<Sender<T>> {
        Some(Sender { inner: self.inner.upgrade()?, signals: self.signals.clone() })
    }

    /// Returns how many senders keep the channel open.
    pub fn strong_count(&self) -> usize {
        self.inner.strong_count()
    }

    /// Returns how many senders there are that don't keep the channel open.
    pub fn weak_count(&self) -> usize {
        self.inner.weak_count()
    }
}

/// The receiving half of [`channel`]. Every receiver gets every message.
#[derive(Debug)]
pub struct Receiver<T> {
    inner: broadcast::Receiver<Placed<T>>,
    signals: Channel,
}

impl<T> Receiver<T> {
    /// Returns how many messages this receiver hasn't had.
    pub fn len(&self) -> usize {
        self.inner.len()
    }

    /// Says whether this receiver has had every message.
    pub fn is_empty(&self) -> bool {
        self.inner.is_empty()
    }

    /// Says whether both receive from the same channel.
    pub fn same_channel(&self, other: &Self) -> bool {
        self.inner.same_channel(&other.inner)
    }

    /// Returns how many senders keep the channel open.
    pub fn sender_strong_count(&self) -> usize {
        self.inner.sender_strong_count()
    }

    /// Returns how many senders there are that don't keep the channel open.
    pub fn sender_weak_count(&self) -> usize {
        self.inner.sender_weak_count()
    }

    /// Says whether no message can come any more.
    pub fn is_closed(&self) -> bool {
        self.inner.is_closed()
    }

    fn missed(&self, messages: u64) {
        self.signals.pushed_back.count_n(Reason::Full, messages);
    }
}

impl<T: Clone> Receiver<T> {
    /// Makes a receiver of the messages that are sent from now on.
    #[must_use]
    pub fn resubscribe(&self) -> Self {
        Self { inner: self.inner.resubscribe(), signals: self.signals.clone() }
    }

    /// Receives the next message.
    ///
    /// # Errors
    /// No message can come any more, or this receiver lagged so far behind that some were overwritten,
    /// which counts as back-pressure.
    pub async fn recv(&mut self) -> Result<T, RecvError> {
        let received = self.inner.recv().await;
        self.received(received)
    }

    /// Receives a message that is there.
    ///
    /// # Errors
    /// There is none, or as of [`Receiver::recv`].
    pub fn try_recv(&mut self) -> Result<T, TryRecvError> {
        let received = self.inner.try_recv();
        if let Err(TryRecvError::Lagged(messages)) = &received {
            self.missed(*messages);
        }
        received.map(|placed| placed.message)
    }

    /// Receives on a thread that may block.
    ///
    /// # Errors
    /// As of [`Receiver::recv`].
    ///
    /// # Panics
    /// Within an asynchronous context, as the original does.
    pub fn blocking_recv(&mut self) -> Result<T, RecvError> {
        let received = self.inner.blocking_recv();
        self.received(received)
    }

    fn received(&self, received: Result<Placed<T>, RecvError>) -> Result<T, RecvError> {
        if let Err(RecvError::Lagged(messages)) = &received {
            self.missed(*messages);
        }
        received.map(|placed| placed.message)
    }
}
