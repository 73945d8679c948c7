//! Mirror of `std::sync::mpsc`: queues that are recorded (M2, and M8 when they are full).
//!
//! It records what [`crossbeam::channel`](crate::sync::crossbeam::channel) does, which the standard
//! library's own channels are made of.
//!
//! # Cost
//! Two clock reads and two log edges a message; a bounded send reserves its room first.
//!
//! # Cancellation
//! A blocking call can't be cancelled; a receive whose time runs out has received nothing. Messages
//! that nobody will receive leave the depth when the channel is dropped.
//!
//! # Reading it
//! See [`QueueProbe`](crate::QueueProbe).

use crate::Name;
use crate::sync::crossbeam::channel as queue;
use plimsoll_record::Registry;
use std::cell::Cell;
use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

pub use std::sync::mpsc::{RecvError, RecvTimeoutError, SendError, TryRecvError, TrySendError};

/// Makes an unbounded channel that is called after the caller's place in the source, and records in
/// the global registry.
#[track_caller]
pub fn channel<T>() -> (Sender<T>, Receiver<T>) {
    halves(queue::unbounded(), |inner| Sender { inner })
}

/// Makes an unbounded channel that records in the global registry.
#[track_caller]
pub fn channel_named<T>(name: impl Into<Name>) -> (Sender<T>, Receiver<T>) {
    channel_named_in(Registry::global(), name)
}

/// Makes an unbounded channel that records in `registry`.
#[track_caller]
pub fn channel_named_in<T>(registry: &Registry, name: impl Into<Name>) -> (Sender<T>, Receiver<T>) {
    halves(queue::unbounded_named_in(registry, name), |inner| Sender { inner })
}

/// Makes a channel of `capacity` messages that is called after the caller's place in the source, and
/// records in the global registry. Of a capacity of 0 each send waits for its receiver.
#[track_caller]
pub fn sync_channel<T>(capacity: usize) -> (SyncSender<T>, Receiver<T>) {
    halves(queue::bounded(capacity), |inner| SyncSender { inner })
}

/// Makes a channel of `capacity` messages that records in the global registry.
#[track_caller]
pub fn sync_channel_named<T>(
    name: impl Into<Name>,
    capacity: usize,
) -> (SyncSender<T>, Receiver<T>) {
    sync_channel_named_in(Registry::global(), name, capacity)
}

/// Makes a channel of `capacity` messages that records in `registry`.
#[track_caller]
pub fn sync_channel_named_in<T>(
    registry: &Registry,
    name: impl Into<Name>,
    capacity: usize,
) -> (SyncSender<T>, Receiver<T>) {
    halves(queue::bounded_named_in(registry, name, capacity), |inner| SyncSender { inner })
}

fn halves<T, S>(
    (sender, receiver): (queue::Sender<T>, queue::Receiver<T>),
    sending: impl FnOnce(queue::Sender<T>) -> S,
) -> (S, Receiver<T>) {
    (sending(sender), Receiver::new(receiver))
}

/// The sending half of [`channel`].
pub struct Sender<T> {
    inner: queue::Sender<T>,
}

impl<T> Sender<T> {
    /// Sends a message; there is always room.
    ///
    /// # Errors
    /// The receiver is gone; it gives the message back.
    pub fn send(&self, message: T) -> Result<(), SendError<T>> {
        self.inner.send(message).map_err(|queue::SendError(message)| SendError(message))
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone() }
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Sender").finish_non_exhaustive()
    }
}

/// The sending half of [`sync_channel`].
pub struct SyncSender<T> {
    inner: queue::Sender<T>,
}

impl<T> SyncSender<T> {
    /// Sends a message, waiting for room.
    ///
    /// # Errors
    /// The receiver is gone; it gives the message back.
    #[track_caller]
    pub fn send(&self, message: T) -> Result<(), SendError<T>> {
        self.inner.send(message).map_err(|queue::SendError(message)| SendError(message))
    }

    /// Sends a message if there is room, or the receiver waits; if not, that counts as back-pressure.
    ///
    /// # Errors
    /// The channel is full, or the receiver is gone; it gives the message back.
    pub fn try_send(&self, message: T) -> Result<(), TrySendError<T>> {
        self.inner.try_send(message).map_err(|error| match error {
            queue::TrySendError::Full(message) => TrySendError::Full(message),
            queue::TrySendError::Disconnected(message) => TrySendError::Disconnected(message),
        })
    }
}

impl<T> Clone for SyncSender<T> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone() }
    }
}

impl<T> fmt::Debug for SyncSender<T> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("SyncSender").finish_non_exhaustive()
    }
}

/// The receiving half of [`channel`] and [`sync_channel`]. As the original it stays with one thread at
/// a time.
pub struct Receiver<T> {
    inner: queue::Receiver<T>,
    not_shared: PhantomData<Cell<()>>,
}

impl<T> Receiver<T> {
    fn new(inner: queue::Receiver<T>) -> Self {
        Self { inner, not_shared: PhantomData }
    }

    /// Receives the next message, waiting for it.
    ///
    /// # Errors
    /// The channel is empty and the senders are gone.
    #[track_caller]
    pub fn recv(&self) -> Result<T, RecvError> {
        self.inner.recv().map_err(|queue::RecvError| RecvError)
    }

    /// Receives a message that is there.
    ///
    /// # Errors
    /// There is none, or there never will be.
    #[track_caller]
    pub fn try_recv(&self) -> Result<T, TryRecvError> {
        self.inner.try_recv().map_err(|error| match error {
            queue::TryRecvError::Empty => TryRecvError::Empty,
            queue::TryRecvError::Disconnected => TryRecvError::Disconnected,
        })
    }

    /// Receives the next message, waiting for it no longer than `timeout`.
    ///
    /// # Errors
    /// The time ran out, or the channel is empty and the senders are gone.
    #[track_caller]
    pub fn recv_timeout(&self, timeout: Duration) -> Result<T, RecvTimeoutError> {
        self.inner.recv_timeout(timeout).map_err(|error| match error {
            queue::RecvTimeoutError::Timeout => RecvTimeoutError::Timeout,
            queue::RecvTimeoutError::Disconnected => RecvTimeoutError::Disconnected,
        })
    }

    /// Returns an iterator that waits for each message, and ends with the last sender.
    #[track_caller]
    pub fn iter(&self) -> Iter<'_, T> {
        Iter { inner: self.inner.iter() }
    }

    /// Returns an iterator over the messages that are there.
    #[track_caller]
    pub fn try_iter(&self) -> TryIter<'_, T> {
        TryIter { inner: self.inner.try_iter() }
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Receiver").finish_non_exhaustive()
    }
}

impl<'a, T> IntoIterator for &'a Receiver<T> {
    type Item = T;
    type IntoIter = Iter<'a, T>;

    fn into_iter(self) -> Iter<'a, T> {
        self.iter()
    }
}

impl<T> IntoIterator for Receiver<T> {
    type Item = T;
    type IntoIter = IntoIter<T>;

    fn into_iter(self) -> IntoIter<T> {
        IntoIter { inner: self.inner.into_iter() }
    }
}

/// The iterator of [`Receiver::iter`].
#[derive(Debug)]
pub struct Iter<'a, T> {
    inner: queue::Iter<'a, T>,
}

impl<T> Iterator for Iter<'_, T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        self.inner.next()
    }
}

/// The iterator of [`Receiver::try_iter`].
#[derive(Debug)]
pub struct TryIter<'a, T> {
    inner: queue::TryIter<'a, T>,
}

impl<T> Iterator for TryIter<'_, T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        self.inner.next()
    }
}

/// The iterator that a [`Receiver`] becomes.
#[derive(Debug)]
pub struct IntoIter<T> {
    inner: queue::IntoIter<T>,
}

impl<T> Iterator for IntoIter<T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        self.inner.next()
    }
}
