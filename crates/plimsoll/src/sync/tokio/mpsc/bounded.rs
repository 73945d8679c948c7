use super::permit::{OwnedPermit, Permit};
use crate::{Backpressure, Name, QueueProbe, Queued, Reason};
use plimsoll_record::Registry;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::sync::mpsc::error::{SendError, SendTimeoutError, TryRecvError, TrySendError};
use tokio::sync::{Notify, Semaphore, TryAcquireError, mpsc};

/// Makes a channel of `capacity` messages that records in the global registry.
///
/// # Panics
/// With a capacity of 0, as the original does.
pub fn channel<T>(name: impl Into<Name>, capacity: usize) -> (Sender<T>, Receiver<T>) {
    channel_in(Registry::global(), name, capacity)
}

/// Makes a channel of `capacity` messages that records in `registry`.
///
/// # Panics
/// With a capacity of 0, as the original does.
pub fn channel_in<T>(
    registry: &Registry,
    name: impl Into<Name>,
    capacity: usize,
) -> (Sender<T>, Receiver<T>) {
    assert!(capacity > 0, "a channel needs room for one message at least");
    let name = name.into();
    let gate = Arc::new(Gate {
        slots: Semaphore::new(capacity),
        capacity,
        depth: QueueProbe::made(registry, &name, Some(capacity as u64)),
        refused: Backpressure::named_in(registry, name),
        closed: Notify::new(),
    });
    let (sender, receiver) = mpsc::unbounded_channel();
    (Sender { list: sender, gate: Arc::clone(&gate) }, Receiver { list: receiver, gate })
}

/// What stands before the list and bounds it.
#[derive(Debug)]
struct Gate {
    /// Free slots. One is taken before a message enters the list and freed after it has left it.
    slots: Semaphore,
    capacity: usize,
    depth: QueueProbe,
    refused: Backpressure,
    closed: Notify,
}

impl Gate {
    /// Says that nothing can come any more: the gate is shut, and no slot is reserved or in use.
    fn is_drained(&self) -> bool {
        self.slots.is_closed() && self.slots.available_permits() == self.capacity
    }

    fn close(&self) {
        self.slots.close();
        self.closed.notify_waiters();
    }
}

/// A place in the list: a message, or a nudge that a reserved slot was freed after the close.
type Place<T> = Option<Queued<T>>;

/// The sending half of [`channel`].
#[derive(Debug)]
pub struct Sender<T> {
    list: mpsc::UnboundedSender<Place<T>>,
    gate: Arc<Gate>,
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        Self { list: self.list.clone(), gate: Arc::clone(&self.gate) }
    }
}

impl<T> Sender<T> {
    /// Sends a message, waiting for room: see [`tokio::sync::mpsc::Sender::send`].
    ///
    /// # Errors
    /// The receiver is gone or closed; it gives the message back.
    pub async fn send(&self, message: T) -> Result<(), SendError<T>> {
        match self.gate.slots.acquire().await {
            Ok(slot) => {
                slot.forget();
                self.push(message)
            }
            Err(_) => Err(SendError(message)),
        }
    }

    /// Sends a message if there is room; if there is none, that counts as back-pressure.
    ///
    /// # Errors
    /// The channel is full, or the receiver is gone or closed; it gives the message back.
    pub fn try_send(&self, message: T) -> Result<(), TrySendError<T>> {
        match self.take_slot() {
            Ok(()) => {
                self.push(message).map_err(|SendError(message)| TrySendError::Closed(message))
            }
            Err(TrySendError::Full(())) => Err(TrySendError::Full(message)),
            Err(TrySendError::Closed(())) => Err(TrySendError::Closed(message)),
        }
    }

    /// Sends a message, waiting for room no longer than `timeout`; running out of it counts as
    /// back-pressure.
    ///
    /// # Errors
    /// The time ran out, or the receiver is gone or closed; it gives the message back.
    ///
    /// # Panics
    /// Outside a tokio runtime with its timer, as the original does.
    pub async fn send_timeout(
        &self,
        message: T,
        timeout: Duration,
    ) -> Result<(), SendTimeoutError<T>> {
        match tokio::time::timeout(timeout, self.gate.slots.acquire()).await {
            Ok(Ok(slot)) => {
                slot.forget();
                let sent = self.push(message);
                sent.map_err(|SendError(message)| SendTimeoutError::Closed(message))
            }
            Ok(Err(_)) => Err(SendTimeoutError::Closed(message)),
            Err(_) => {
                self.gate.refused.count(Reason::Timeout);
                Err(SendTimeoutError::Timeout(message))
            }
        }
    }

    /// Sends a message from a thread that may block.
    ///
    /// # Errors
    /// The receiver is gone or closed; it gives the message back.
    ///
    /// # Panics
    /// Within an asynchronous context, as the original does.
    pub fn blocking_send(&self, message: T) -> Result<(), SendError<T>> {
        match self.gate.slots.blocking_acquire() {
            Ok(slot) => {
                slot.forget();
                self.push(message)
            }
            Err(_) => Err(SendError(message)),
        }
    }

    /// Waits for room and reserves it. A reserved slot isn't a message: the depth doesn't count it.
    ///
    /// # Errors
    /// The receiver is gone or closed.
    pub async fn reserve(&self) -> Result<Permit<'_, T>, SendError<()>> {
        let slot = self.gate.slots.acquire().await.map_err(|_| SendError(()))?;
        slot.forget();
        Ok(Permit::new(self))
    }

    /// Waits for room and reserves it for a permit that owns this sender.
    ///
    /// # Errors
    /// The receiver is gone or closed.
    pub async fn reserve_owned(self) -> Result<OwnedPermit<T>, SendError<()>> {
        self.gate.slots.acquire().await.map_err(|_| SendError(()))?.forget();
        Ok(OwnedPermit::new(self))
    }

    /// Reserves room if there is any; if there is none, that counts as back-pressure.
    ///
    /// # Errors
    /// The channel is full, or the receiver is gone or closed.
    pub fn try_reserve(&self) -> Result<Permit<'_, T>, TrySendError<()>> {
        self.take_slot()?;
        Ok(Permit::new(self))
    }

    /// Reserves room, if there is any, for a permit that owns this sender.
    ///
    /// # Errors
    /// The channel is full, or the receiver is gone or closed; it gives the sender back.
    pub fn try_reserve_owned(self) -> Result<OwnedPermit<T>, TrySendError<Self>> {
        match self.take_slot() {
            Ok(()) => Ok(OwnedPermit::new(self)),
            Err(TrySendError::Full(())) => Err(TrySendError::Full(self)),
            Err(TrySendError::Closed(())) => Err(TrySendError::Closed(self)),
        }
    }

    /// Waits until the receiver is gone or closed.
    pub async fn closed(&self) {
        // Made before the question, so that a close in between isn't missed.
        let closed = self.gate.closed.notified();
        if !self.is_closed() {
            closed.await;
        }
    }

    /// Says whether the receiver is gone or closed.
    pub fn is_closed(&self) -> bool {
        self.gate.slots.is_closed()
    }

    /// Returns how many slots are free.
    pub fn capacity(&self) -> usize {
        self.gate.slots.available_permits()
    }

    /// Returns how many slots there are.
    pub fn max_capacity(&self) -> usize {
        self.gate.capacity
    }

    /// Says whether both send into the same channel.
    pub fn same_channel(&self, other: &Self) -> bool {
        self.list.same_channel(&other.list)
    }

    /// Makes a sender that doesn't keep the channel open.
    pub fn downgrade(&self) -> WeakSender<T> {
        WeakSender { list: self.list.downgrade(), gate: Arc::clone(&self.gate) }
    }

    /// Puts a message into the list, in a slot that the caller has taken.
    pub(super) fn push(&self, message: T) -> Result<(), SendError<T>> {
        let pushed = self.list.send(Some(self.gate.depth.queued(message)));
        match pushed {
            Err(SendError(Some(queued))) => Err(SendError(queued.taken())),
            Ok(()) | Err(SendError(None)) => Ok(()),
        }
    }

    /// Frees a slot that was taken for a message that won't come.
    pub(super) fn give_back(&self) {
        self.gate.slots.add_permits(1);
        if self.is_closed() {
            // The receiver may be waiting for just this slot. Without one nobody needs the nudge.
            let _ = self.list.send(None);
        }
    }

    fn take_slot(&self) -> Result<(), TrySendError<()>> {
        match self.gate.slots.try_acquire() {
            Ok(slot) => {
                slot.forget();
                Ok(())
            }
            Err(TryAcquireError::NoPermits) => {
                self.gate.refused.count(Reason::Full);
                Err(TrySendError::Full(()))
            }
            Err(TryAcquireError::Closed) => Err(TrySendError::Closed(())),
        }
    }
}

/// A sender that doesn't keep the channel open.
#[derive(Debug)]
pub struct WeakSender<T> {
    list: mpsc::WeakUnboundedSender<Place<T>>,
    gate: Arc<Gate>,
}

impl<T> WeakSender<T> {
    /// Makes a sender, if any other is left.
    pub fn upgrade(&self) -> Option<Sender<T>> {
        Some(Sender { list: self.list.upgrade()?, gate: Arc::clone(&self.gate) })
    }
}

/// The receiving half of [`channel`].
#[derive(Debug)]
pub struct Receiver<T> {
    list: mpsc::UnboundedReceiver<Place<T>>,
    gate: Arc<Gate>,
}

impl<T> Receiver<T> {
    /// Receives the next message; `None` when nothing is left and nothing can come.
    pub async fn recv(&mut self) -> Option<T> {
        std::future::poll_fn(|context| self.poll_recv(context)).await
    }

    /// Receives up to `limit` messages into `buffer`, and says how many: 0 when there are no more.
    pub async fn recv_many(&mut self, buffer: &mut Vec<T>, limit: usize) -> usize {
        std::future::poll_fn(|context| {
            if limit == 0 {
                return Poll::Ready(0);
            }
            let Some(first) = ready!(self.poll_recv(context)) else { return Poll::Ready(0) };
            let before = buffer.len();
            buffer.push(first);
            buffer.extend(std::iter::from_fn(|| self.try_recv().ok()).take(limit - 1));
            Poll::Ready(buffer.len() - before)
        })
        .await
    }

    /// Receives a message that is there.
    ///
    /// # Errors
    /// There is none, or there never will be.
    pub fn try_recv(&mut self) -> Result<T, TryRecvError> {
        loop {
            match self.list.try_recv() {
                Ok(Some(queued)) => return Ok(self.take(queued)),
                Ok(None) => {}
                Err(TryRecvError::Empty) if self.gate.is_drained() => {
                    return Err(TryRecvError::Disconnected);
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Receives on a thread that may block.
    ///
    /// # Panics
    /// Within an asynchronous context, as the original does.
    pub fn blocking_recv(&mut self) -> Option<T> {
        loop {
            if self.list.is_empty() && self.gate.is_drained() {
                return None;
            }
            if let Some(queued) = self.list.blocking_recv()? {
                return Some(self.take(queued));
            }
        }
    }

    /// Polls for the next message.
    pub fn poll_recv(&mut self, context: &mut Context<'_>) -> Poll<Option<T>> {
        loop {
            match self.list.poll_recv(context) {
                Poll::Ready(Some(Some(queued))) => return Poll::Ready(Some(self.take(queued))),
                Poll::Ready(Some(None)) => {}
                Poll::Ready(None) => return Poll::Ready(None),
                Poll::Pending if self.gate.is_drained() => return Poll::Ready(None),
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    /// Lets no more messages in. Those that are there can still be received, and slots that are
    /// reserved can still be used.
    pub fn close(&mut self) {
        self.gate.close();
    }

    /// Says whether the channel is closed.
    pub fn is_closed(&self) -> bool {
        self.gate.slots.is_closed() || self.list.is_closed()
    }

    /// Returns how many messages there are.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Says whether there is no message.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Returns how many slots are free.
    pub fn capacity(&self) -> usize {
        self.gate.slots.available_permits()
    }

    /// Returns how many slots there are.
    pub fn max_capacity(&self) -> usize {
        self.gate.capacity
    }

    /// Takes a message out of the depth, and only then frees its slot.
    fn take(&self, queued: Queued<T>) -> T {
        let message = queued.taken();
        self.gate.slots.add_permits(1);
        message
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        self.gate.close();
    }
}
