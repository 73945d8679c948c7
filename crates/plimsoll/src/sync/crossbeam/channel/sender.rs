use crate::clock::now;
use crate::sync::channel::Channel;
use crate::who::blocking;
use crate::{Queued, Reason};
use crossbeam_channel::{self as original, SendError, SendTimeoutError, TrySendError, select};
use plimsoll_record::waits::By;
use std::ops::Deref;
use std::panic::{Location, RefUnwindSafe, UnwindSafe};
use std::time::{Duration, Instant};

/// The sending half of a channel. It derefs to the original's, for [`Select`](super::Select).
pub struct Sender<T> {
    inner: original::Sender<Queued<T>>,
    signals: Channel,
}

impl<T> Sender<T> {
    pub(super) fn new(inner: original::Sender<Queued<T>>, signals: Channel) -> Self {
        Self { inner, signals }
    }

    /// Wraps a message for a send that a selection makes. It is in the depth from here on.
    pub fn queued(&self, message: T) -> Queued<T> {
        self.signals.depth.queued(message)
    }

    /// Sends a message, waiting for room.
    ///
    /// # Errors
    /// The receivers are gone; it gives the message back.
    #[track_caller]
    pub fn send(&self, message: T) -> Result<(), SendError<T>> {
        let message = match self.send_now(message) {
            Ok(()) => return Ok(()),
            Err(TrySendError::Disconnected(message)) => return Err(SendError(message)),
            Err(TrySendError::Full(message)) => message,
        };
        let _waiting = self.signals.wait_for_room(blocking(Location::caller()));
        select! { send(self.inner, self.queued(message)) -> sent => taken_back(sent) }
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
    #[track_caller]
    pub fn send_timeout(&self, message: T, timeout: Duration) -> Result<(), SendTimeoutError<T>> {
        let message = match self.send_now(message) {
            Ok(()) => return Ok(()),
            Err(TrySendError::Disconnected(message)) => {
                return Err(SendTimeoutError::Disconnected(message));
            }
            Err(TrySendError::Full(message)) => message,
        };
        let by = By { gives_up: true, ..blocking(Location::caller()) };
        let waiting = self.signals.wait_for_room(by);
        select! {
            send(self.inner, self.queued(message)) -> sent => {
                taken_back(sent).map_err(|SendError(message)| SendTimeoutError::Disconnected(message))
            }
            default(timeout) => {
                waiting.timed_out();
                Err(SendTimeoutError::Timeout(message))
            }
        }
    }

    /// Sends a message, waiting for room until `deadline`; running out of time counts as back-pressure.
    ///
    /// # Errors
    /// The time ran out, or the receivers are gone; it gives the message back.
    #[track_caller]
    pub fn send_deadline(&self, message: T, deadline: Instant) -> Result<(), SendTimeoutError<T>> {
        let left = deadline.saturating_duration_since(now());
        self.send_timeout(message, left)
    }

    /// Says whether both send into the same channel.
    pub fn same_channel(&self, other: &Self) -> bool {
        self.inner.same_channel(&other.inner)
    }

    /// Sends a message that needn't wait.
    fn send_now(&self, message: T) -> Result<(), TrySendError<T>> {
        let sent = if self.inner.capacity().is_none() {
            taken_back(self.inner.send(self.queued(message)))
        } else {
            // The room is reserved before the message is counted, so none is ever counted back.
            select! {
                send(self.inner, self.queued(message)) -> sent => taken_back(sent),
                default => return Err(TrySendError::Full(message)),
            }
        };
        sent.map_err(|SendError(message)| TrySendError::Disconnected(message))
    }
}

/// Takes the message of a send that failed out of the depth.
fn taken_back<T>(sent: Result<(), SendError<Queued<T>>>) -> Result<(), SendError<T>> {
    sent.map_err(|SendError(queued)| SendError(queued.taken()))
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
