use crate::sync::called::Called;
use crate::{Name, QueueProbe, Queued};
use plimsoll_record::Registry;
use std::panic::Location;
use std::task::{Context, Poll, ready};
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::{SendError, TryRecvError};

/// Makes an unbounded channel that is called after the caller's place in the source, and records in the global
/// registry.
#[track_caller]
pub fn unbounded_channel<T>() -> (UnboundedSender<T>, UnboundedReceiver<T>) {
    made_unbounded_channel(&Called::after(Location::caller()))
}

/// Makes an unbounded channel that records in the global registry.
#[track_caller]
pub fn unbounded_channel_named<T>(
    name: impl Into<Name>,
) -> (UnboundedSender<T>, UnboundedReceiver<T>) {
    unbounded_channel_named_in(Registry::global(), name)
}

/// Makes an unbounded channel that records in `registry`.
#[track_caller]
pub fn unbounded_channel_named_in<T>(
    registry: &Registry,
    name: impl Into<Name>,
) -> (UnboundedSender<T>, UnboundedReceiver<T>) {
    made_unbounded_channel(&Called::by(registry, name, Location::caller()))
}

fn made_unbounded_channel<T>(called: &Called<'_>) -> (UnboundedSender<T>, UnboundedReceiver<T>) {
    let (sender, receiver) = mpsc::unbounded_channel();
    let depth = called.shared(|registry, name| QueueProbe::made(registry, name, None));
    (UnboundedSender { inner: sender, depth }, UnboundedReceiver { inner: receiver })
}

/// The sending half of [`unbounded_channel`].
#[derive(Debug)]
pub struct UnboundedSender<T> {
    inner: mpsc::UnboundedSender<Queued<T>>,
    depth: QueueProbe,
}

impl<T> Clone for UnboundedSender<T> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), depth: self.depth }
    }
}

impl<T> UnboundedSender<T> {
    /// Sends a message; there is always room.
    ///
    /// # Errors
    /// The receiver is gone or closed; it gives the message back.
    pub fn send(&self, message: T) -> Result<(), SendError<T>> {
        let sent = self.inner.send(self.depth.queued(message));
        sent.map_err(|SendError(queued)| SendError(queued.taken()))
    }

    /// Waits until the receiver is gone or closed.
    pub async fn closed(&self) {
        self.inner.closed().await;
    }

    /// Says whether the receiver is gone or closed.
    pub fn is_closed(&self) -> bool {
        self.inner.is_closed()
    }

    /// Says whether both send into the same channel.
    pub fn same_channel(&self, other: &Self) -> bool {
        self.inner.same_channel(&other.inner)
    }

    /// Makes a sender that doesn't keep the channel open.
    pub fn downgrade(&self) -> WeakUnboundedSender<T> {
        WeakUnboundedSender { inner: self.inner.downgrade(), depth: self.depth }
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
pub struct WeakUnboundedSender<T> {
    inner: mpsc::WeakUnboundedSender<Queued<T>>,
    depth: QueueProbe,
}

impl<T> Clone for WeakUnboundedSender<T> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), depth: self.depth }
    }
}

impl<T> WeakUnboundedSender<T> {
    /// Makes a sender, if any other is left.
    pub fn upgrade(&self) -> Option<UnboundedSender<T>> {
        Some(UnboundedSender { inner: self.inner.upgrade()?, depth: self.depth })
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

/// The receiving half of [`unbounded_channel`].
#[derive(Debug)]
pub struct UnboundedReceiver<T> {
    inner: mpsc::UnboundedReceiver<Queued<T>>,
}

impl<T> UnboundedReceiver<T> {
    /// Receives the next message; `None` when all senders are gone and nothing is left.
    pub async fn recv(&mut self) -> Option<T> {
        self.inner.recv().await.map(Queued::taken)
    }

    /// Receives up to `limit` messages into `buffer`, and says how many: 0 when there are no more.
    pub async fn recv_many(&mut self, buffer: &mut Vec<T>, limit: usize) -> usize {
        std::future::poll_fn(|context| self.poll_recv_many(context, buffer, limit)).await
    }

    /// Receives up to `limit` messages into `buffer` on a thread that may block, and says how many.
    ///
    /// # Panics
    /// Within an asynchronous context, as the original does.
    pub fn blocking_recv_many(&mut self, buffer: &mut Vec<T>, limit: usize) -> usize {
        if limit == 0 {
            return 0;
        }
        let Some(first) = self.blocking_recv() else { return 0 };
        self.fill(buffer, first, limit)
    }

    /// Polls for up to `limit` messages.
    pub fn poll_recv_many(
        &mut self,
        context: &mut Context<'_>,
        buffer: &mut Vec<T>,
        limit: usize,
    ) -> Poll<usize> {
        if limit == 0 {
            return Poll::Ready(0);
        }
        let Some(first) = ready!(self.poll_recv(context)) else { return Poll::Ready(0) };
        Poll::Ready(self.fill(buffer, first, limit))
    }

    fn fill(&mut self, buffer: &mut Vec<T>, first: T, limit: usize) -> usize {
        let before = buffer.len();
        buffer.push(first);
        buffer.extend(std::iter::from_fn(|| self.try_recv().ok()).take(limit - 1));
        buffer.len() - before
    }

    /// Receives a message that is there.
    ///
    /// # Errors
    /// There is none, or there never will be.
    pub fn try_recv(&mut self) -> Result<T, TryRecvError> {
        self.inner.try_recv().map(Queued::taken)
    }

    /// Receives on a thread that may block.
    ///
    /// # Panics
    /// Within an asynchronous context, as the original does.
    pub fn blocking_recv(&mut self) -> Option<T> {
        self.inner.blocking_recv().map(Queued::taken)
    }

    /// Polls for the next message.
    pub fn poll_recv(&mut self, context: &mut Context<'_>) -> Poll<Option<T>> {
        self.inner.poll_recv(context).map(|queued| queued.map(Queued::taken))
    }

    /// Lets no more messages in; those that are there can still be received.
    pub fn close(&mut self) {
        self.inner.close();
    }

    /// Says whether the channel is closed.
    pub fn is_closed(&self) -> bool {
        self.inner.is_closed()
    }

    /// Returns how many senders keep the channel open.
    pub fn sender_strong_count(&self) -> usize {
        self.inner.sender_strong_count()
    }

    /// Returns how many senders there are that don't keep the channel open.
    pub fn sender_weak_count(&self) -> usize {
        self.inner.sender_weak_count()
    }

    /// Returns how many messages there are.
    pub fn len(&self) -> usize {
        self.inner.len()
    }

    /// Says whether there is no message.
    pub fn is_empty(&self) -> bool {
        self.inner.is_empty()
    }
}
