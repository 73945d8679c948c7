use crate::sync::channel::Channel;
use crate::{Queued, Reason};
use crossbeam_channel::{
    self as original, Select, SelectTimeoutError, SelectedOperation, SendError, SendTimeoutError,
    TrySendError,
};
use std::ops::Deref;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::time::{Duration, Instant};

/// The sending half of a channel. It derefs to the original's, for [`Select`].
pub struct Sender<T> {
    inner: original::Sender<Queued<T>>,
    signals: Channel,
}

impl<T> Sender<T> {
    pub(super) fn new(inner: original::Sender<Queued<T>>, signals: Channel) -> Self {
        Self { inner, signals }
    }

    /// Wraps a message for a send that [`Select`] makes. It is in the depth from here on.
    pub fn queued(&self, message: T) -> Queued<T> {
        self.signals.depth.queued(message)
    }

    /// Sends a message, waiting for room.
    ///
    /// # Errors
    /// The receivers are gone; it gives the message back.
    pub fn send(&self, message: T) -> Result<(), SendError<T>> {
        let message = match self.send_now(message) {
            Ok(()) => return Ok(()),
            Err(TrySendError::Disconnected(message)) => return Err(SendError(message)),
            Err(TrySendError::Full(message)) => message,
        };
        let waiting = self.signals.wait_for_room();
        let mut room = Select::new();
        room.send(&self.inner);
        let room = room.select();
        drop(waiting);
        self.fill(room, message)
    }

    /// Sends a message if there is room, or a receiver that waits; if not, that counts as
    /// back-pressure.
    ///
    /// # Errors
    /// The channel is full, or the receivers are gone; it gives the message back.
    pub fn try_send(&self, message: T) -> Result<(), TrySendError<T>> {
        let sent = self.send_now(message);
        if let Err(TrySendError::Full(_)) = &sent {
            self.signals.pushed_back.count(Reason::Full);
        }
        sent
    }

    /// Sends a message, waiting for room no longer than `timeout`; running out of it counts as
    /// back-pressure.
    ///
    /// # Errors
    /// The time ran out, or the receivers are gone; it gives the message back.
    pub fn send_timeout(&self, message: T, timeout: Duration) -> Result<(), SendTimeoutError<T>> {
        self.send_within(message, |room| room.select_timeout(timeout))
    }

    /// Sends a message, waiting for room until `deadline`; running out of time counts as back-pressure.
    ///
    /// # Errors
    /// The time ran out, or the receivers are gone; it gives the message back.
    pub fn send_deadline(&self, message: T, deadline: Instant) -> Result<(), SendTimeoutError<T>> {
        self.send_within(message, |room| room.select_deadline(deadline))
    }

    /// Says whether both send into the same channel.
    pub fn same_channel(&self, other: &Self) -> bool {
        self.inner.same_channel(&other.inner)
    }

    /// Sends a message that needn't wait.
    fn send_now(&self, message: T) -> Result<(), TrySendError<T>> {
        if self.inner.is_full() {
            // Asked for room before the message is counted: a channel of no capacity has some just
            // while a receiver waits.
            let mut room = Select::new();
            room.send(&self.inner);
            return match room.try_select() {
                Ok(room) => {
                    let sent = self.fill(room, message);
                    sent.map_err(|SendError(message)| TrySendError::Disconnected(message))
                }
                Err(_) => Err(TrySendError::Full(message)),
            };
        }
        self.inner.try_send(self.queued(message)).map_err(|error| match error {
            TrySendError::Full(queued) => TrySendError::Full(queued.taken()),
            TrySendError::Disconnected(queued) => TrySendError::Disconnected(queued.taken()),
        })
    }

    fn send_within<'a>(
        &'a self,
        message: T,
        select: impl FnOnce(&mut Select<'a>) -> Result<SelectedOperation<'a>, SelectTimeoutError>,
    ) -> Result<(), SendTimeoutError<T>> {
        let message = match self.send_now(message) {
            Ok(()) => return Ok(()),
            Err(TrySendError::Disconnected(message)) => {
                return Err(SendTimeoutError::Disconnected(message));
            }
            Err(TrySendError::Full(message)) => message,
        };
        let waiting = self.signals.wait_for_room();
        let mut room = Select::new();
        room.send(&self.inner);
        let Ok(room) = select(&mut room) else {
            waiting.timed_out();
            return Err(SendTimeoutError::Timeout(message));
        };
        drop(waiting);
        let sent = self.fill(room, message);
        sent.map_err(|SendError(message)| SendTimeoutError::Disconnected(message))
    }

    /// Puts a message where there is room.
    fn fill(&self, room: SelectedOperation<'_>, message: T) -> Result<(), SendError<T>> {
        let sent = room.send(&self.inner, self.queued(message));
        sent.map_err(|SendError(queued)| SendError(queued.taken()))
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), signals: self.signals.clone() }
    }
}

impl<T> Deref for Sender<T> {
    type Target = original::Sender<Queued<T>>;

    fn deref(&self) -> &Self::Target {
        &self.inner
    }
}

impl<T> UnwindSafe for Sender<T> {}
impl<T> RefUnwindSafe for Sender<T> {}

impl<T> std::fmt::Debug for Sender<T> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.inner.fmt(out)
    }
}
