use crate::Queued;
use crate::sync::channel::Channel;
use crossbeam_channel::{self as original, RecvError, RecvTimeoutError, TryRecvError};
use std::iter::FusedIterator;
use std::ops::Deref;
use std::panic::{Location, RefUnwindSafe, UnwindSafe};
use std::time::{Duration, Instant};

/// The receiving half of a channel. It derefs to the original's, for [`Select`](super::Select).
pub struct Receiver<T> {
    inner: original::Receiver<Queued<T>>,
    signals: Channel,
}

impl<T> Receiver<T> {
    pub(super) fn new(inner: original::Receiver<Queued<T>>, signals: Channel) -> Self {
        Self { inner, signals }
    }

    /// Receives the next message, waiting for it.
    ///
    /// # Errors
    /// The channel is empty and the senders are gone.
    #[track_caller]
    pub fn recv(&self) -> Result<T, RecvError> {
        self.signals.note_one_receiver(Location::caller());
        self.inner.recv().map(Queued::taken)
    }

    /// Receives a message that is there.
    ///
    /// # Errors
    /// There is none, or there never will be.
    #[track_caller]
    pub fn try_recv(&self) -> Result<T, TryRecvError> {
        self.signals.note_one_receiver(Location::caller());
        self.inner.try_recv().map(Queued::taken)
    }

    /// Receives the next message, waiting for it no longer than `timeout`.
    ///
    /// # Errors
    /// The time ran out, or the channel is empty and the senders are gone.
    #[track_caller]
    pub fn recv_timeout(&self, timeout: Duration) -> Result<T, RecvTimeoutError> {
        self.signals.note_one_receiver(Location::caller());
        self.inner.recv_timeout(timeout).map(Queued::taken)
    }

    /// Receives the next message, waiting for it until `deadline`.
    ///
    /// # Errors
    /// The time ran out, or the channel is empty and the senders are gone.
    #[track_caller]
    pub fn recv_deadline(&self, deadline: Instant) -> Result<T, RecvTimeoutError> {
        self.signals.note_one_receiver(Location::caller());
        self.inner.recv_deadline(deadline).map(Queued::taken)
    }

    /// Returns an iterator that waits for each message, and ends with the last sender.
    #[track_caller]
    pub fn iter(&self) -> Iter<'_, T> {
        self.signals.note_one_receiver(Location::caller());
        Iter { inner: self.inner.iter() }
    }

    /// Returns an iterator over the messages that are there.
    #[track_caller]
    pub fn try_iter(&self) -> TryIter<'_, T> {
        self.signals.note_one_receiver(Location::caller());
        TryIter { inner: self.inner.try_iter() }
    }

    /// Says whether both receive from the same channel.
    pub fn same_channel(&self, other: &Self) -> bool {
        self.inner.same_channel(&other.inner)
    }
}

impl<T> Clone for Receiver<T> {
    fn clone(&self) -> Self {
        self.signals.note_more_receivers();
        Self { inner: self.inner.clone(), signals: self.signals.clone() }
    }
}

impl<T> Deref for Receiver<T> {
    type Target = original::Receiver<Queued<T>>;

    fn deref(&self) -> &Self::Target {
        // Whoever has the original may receive without a word.
        self.signals.note_more_receivers();
        &self.inner
    }
}

impl<T> UnwindSafe for Receiver<T> {}
impl<T> RefUnwindSafe for Receiver<T> {}

impl<T> std::fmt::Debug for Receiver<T> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.inner.fmt(out)
    }
}

impl<'a, T> IntoIterator for &'a Receiver<T> {
    type Item = T;
    type IntoIter = Iter<'a, T>;

    #[track_caller]
    fn into_iter(self) -> Iter<'a, T> {
        self.iter()
    }
}

impl<T> IntoIterator for Receiver<T> {
    type Item = T;
    type IntoIter = IntoIter<T>;

    #[track_caller]
    fn into_iter(self) -> IntoIter<T> {
        self.signals.note_one_receiver(Location::caller());
        IntoIter { inner: self.inner.into_iter() }
    }
}

/// The iterator of [`Receiver::iter`].
#[derive(Debug)]
pub struct Iter<'a, T> {
    inner: original::Iter<'a, Queued<T>>,
}

impl<T> Iterator for Iter<'_, T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        self.inner.next().map(Queued::taken)
    }
}

impl<T> FusedIterator for Iter<'_, T> {}

/// The iterator of [`Receiver::try_iter`].
#[derive(Debug)]
pub struct TryIter<'a, T> {
    inner: original::TryIter<'a, Queued<T>>,
}

impl<T> Iterator for TryIter<'_, T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        self.inner.next().map(Queued::taken)
    }
}

/// The iterator that a [`Receiver`] becomes.
#[derive(Debug)]
pub struct IntoIter<T> {
    inner: original::IntoIter<Queued<T>>,
}

impl<T> Iterator for IntoIter<T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        self.inner.next().map(Queued::taken)
    }
}

impl<T> FusedIterator for IntoIter<T> {}
