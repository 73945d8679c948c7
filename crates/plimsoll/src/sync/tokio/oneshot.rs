//! Mirror of `tokio::sync::oneshot`: a queue for one message (M2).
//!
//! | series | what |
//! |---|---|
//! | level `concurrency_queue_depth{queue}` | messages that were sent and not yet received, over all channels of the name |
//! | histogram `concurrency_queue_time_seconds{queue}` | how long each was in its channel, also one that is dropped with it |
//! | gauge `concurrency_queue_wait_min_seconds{queue}` | the shortest of these within the last 60 s |
//!
//! # Cost
//! Two clock reads and two log edges a message; each thread looks a name up once at each place that
//! makes such channels.
//!
//! # Cancellation
//! A receiver that is dropped takes its message out of the depth.
//!
//! # Reading it
//! See [`QueueProbe`].

use crate::sync::called::Called;
use crate::{Name, QueueProbe, Queued};
use plimsoll_record::Registry;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::sync::oneshot;

pub use tokio::sync::oneshot::error;

use error::{RecvError, TryRecvError};

/// Makes a channel that is called after the caller's place in the source, and records in the global
/// registry.
#[track_caller]
pub fn channel<T>() -> (Sender<T>, Receiver<T>) {
    made_channel(&Called::after(Location::caller()))
}

/// Makes a channel that records in the global registry.
#[track_caller]
pub fn channel_named<T>(name: impl Into<Name>) -> (Sender<T>, Receiver<T>) {
    channel_named_in(Registry::global(), name)
}

/// Makes a channel that records in `registry`.
#[track_caller]
pub fn channel_named_in<T>(registry: &Registry, name: impl Into<Name>) -> (Sender<T>, Receiver<T>) {
    made_channel(&Called::by(registry, name, Location::caller()))
}

fn made_channel<T>(called: &Called<'_>) -> (Sender<T>, Receiver<T>) {
    let (sender, receiver) = oneshot::channel();
    let depth = called.shared(|registry, name| QueueProbe::made(registry, name, None));
    (Sender { inner: sender, depth }, Receiver { inner: receiver })
}

/// The sending half of [`channel`].
#[derive(Debug)]
pub struct Sender<T> {
    inner: oneshot::Sender<Queued<T>>,
    depth: QueueProbe,
}

impl<T> Sender<T> {
    /// Sends the message.
    ///
    /// # Errors
    /// The receiver is gone or closed; it gives the message back.
    pub fn send(self, message: T) -> Result<(), T> {
        if self.inner.is_closed() {
            return Err(message); // It was in no queue.
        }
        self.inner.send(self.depth.queued(message)).map_err(Queued::taken)
    }

    /// Waits until the receiver is gone or closed.
    pub async fn closed(&mut self) {
        self.inner.closed().await;
    }

    /// Says whether the receiver is gone or closed.
    pub fn is_closed(&self) -> bool {
        self.inner.is_closed()
    }

    /// Polls for the receiver being gone or closed.
    pub fn poll_closed(&mut self, context: &mut Context<'_>) -> Poll<()> {
        self.inner.poll_closed(context)
    }
}

/// The receiving half of [`channel`]: a future of the message.
#[derive(Debug)]
#[must_use = "a receiver does nothing unless polled"]
pub struct Receiver<T> {
    inner: oneshot::Receiver<Queued<T>>,
}

impl<T> Receiver<T> {
    /// Lets no message in; one that is there can still be received.
    pub fn close(&mut self) {
        self.inner.close();
    }

    /// Says whether the message was received, or none can come.
    pub fn is_terminated(&self) -> bool {
        self.inner.is_terminated()
    }

    /// Says whether there is no message.
    pub fn is_empty(&self) -> bool {
        self.inner.is_empty()
    }

    /// Receives the message if it is there.
    ///
    /// # Errors
    /// It isn't there yet, or never will be.
    pub fn try_recv(&mut self) -> Result<T, TryRecvError> {
        self.inner.try_recv().map(Queued::taken)
    }

    /// Receives on a thread that may block.
    ///
    /// # Errors
    /// The sender is gone without a message.
    ///
    /// # Panics
    /// Within an asynchronous context, as the original does.
    pub fn blocking_recv(self) -> Result<T, RecvError> {
        self.inner.blocking_recv().map(Queued::taken)
    }
}

impl<T> Future for Receiver<T> {
    type Output = Result<T, RecvError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.inner).poll(context).map_ok(Queued::taken)
    }
}
