//! Mirror of `tokio::sync::watch`: a queue for the newest value (M2, and M8 when one is overwritten).
//!
//! | series | what |
//! |---|---|
//! | level `concurrency_queue_depth{queue}` | 1 while no receiver has looked at the newest value, else 0; its oldest age is how long that has been so |
//! | histogram `concurrency_queue_time_seconds{queue}` | how long each value took until the first receiver looked at it, or until it was overwritten |
//! | gauge `concurrency_queue_wait_min_seconds{queue}` | the shortest of these within the last 60 s |
//! | `concurrency_backpressure_total{source,reason="shed"}` | values that were overwritten before any receiver looked at them |
//!
//! A receiver looks at a value when it borrows it; [`Receiver::changed`] alone looks at nothing. The
//! value that the channel is made with counts as seen.
//!
//! # Cost
//! Two clock reads and two log edges for each value; a relaxed load for each borrow.
//!
//! # Cancellation
//! A `changed` that is dropped has seen nothing. A value that nobody will look at leaves the depth
//! when the channel is dropped.
//!
//! # Reading it
//! See [`QueueProbe`](crate::QueueProbe).

use crate::instrument::Stay;
use crate::sync::called::Called;
use crate::sync::channel::Channel;
use crate::{Name, Reason};
use plimsoll_record::{Outcome, Registry};
use std::ops::Deref;
use std::panic::Location;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use tokio::sync::watch;

pub use tokio::sync::watch::error;

use error::{RecvError, SendError};

/// Makes a channel that holds `value`, is called after the caller's place in the source, and records in the global
/// registry.
#[track_caller]
pub fn channel<T>(value: T) -> (Sender<T>, Receiver<T>) {
    made_channel(&Called::after(Location::caller()), value)
}

/// Makes a channel that holds `value` and records in the global registry.
#[track_caller]
pub fn channel_named<T>(name: impl Into<Name>, value: T) -> (Sender<T>, Receiver<T>) {
    channel_named_in(Registry::global(), name, value)
}

/// Makes a channel that holds `value` and records in `registry`.
#[track_caller]
pub fn channel_named_in<T>(
    registry: &Registry,
    name: impl Into<Name>,
    value: T,
) -> (Sender<T>, Receiver<T>) {
    made_channel(&Called::by(registry, name, Location::caller()), value)
}

fn made_channel<T>(called: &Called<'_>, value: T) -> (Sender<T>, Receiver<T>) {
    let (sender, receiver) = watch::channel(Shown::seen(value));
    let signals = Channel::new(called, None);
    (Sender { inner: sender, signals }, Receiver { inner: receiver })
}

/// A value, and its stay in the queue until someone looks at it.
#[derive(Debug)]
struct Shown<T> {
    value: T,
    /// Spares readers the lock once the stay is over.
    is_unseen: AtomicBool,
    stay: Mutex<Option<Stay>>,
}

impl<T> Shown<T> {
    fn seen(value: T) -> Self {
        Self { value, is_unseen: AtomicBool::new(false), stay: Mutex::new(None) }
    }

    /// Ends the stay if it isn't over: the caller looks at the value.
    fn look(&self) {
        if self.is_unseen.load(Ordering::Relaxed) && self.is_unseen.swap(false, Ordering::Relaxed) {
            // Only who has cleared the flag takes the lock, so it is free.
            if let Some(stay) = self.stay.try_lock().ok().and_then(|mut stay| stay.take()) {
                stay.end(Outcome::Ok);
            }
        }
    }

    /// Begins the stay of a value that was changed in its place.
    fn renew(&mut self, signals: &Channel) {
        if *self.is_unseen.get_mut() {
            signals.pushed_back.count(Reason::Shed);
        }
        // Ended first, or the depth would pass 1.
        let stay = self.stay.get_mut().unwrap_or_else(PoisonError::into_inner);
        drop(stay.take());
        *stay = Some(signals.depth.enter());
        *self.is_unseen.get_mut() = true;
    }
}

/// The sending half of [`channel`].
#[derive(Debug)]
pub struct Sender<T> {
    inner: watch::Sender<Shown<T>>,
    signals: Channel,
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), signals: self.signals.clone() }
    }
}

impl<T: Default> Default for Sender<T> {
    #[track_caller]
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T> Sender<T> {
    /// Makes a sender without a receiver, as [`channel`] makes the two.
    #[track_caller]
    pub fn new(value: T) -> Self {
        let signals = Channel::new(&Called::after(Location::caller()), None);
        Self { inner: watch::Sender::new(Shown::seen(value)), signals }
    }

    /// Replaces the value.
    ///
    /// # Errors
    /// There is no receiver; it gives the value back.
    pub fn send(&self, value: T) -> Result<(), SendError<T>> {
        if self.inner.receiver_count() == 0 {
            return Err(SendError(value));
        }
        drop(self.send_replace(value));
        Ok(())
    }

    /// Changes the value in its place.
    pub fn send_modify(&self, modify: impl FnOnce(&mut T)) {
        self.inner.send_modify(|shown| {
            modify(&mut shown.value);
            shown.renew(&self.signals);
        });
    }

    /// Changes the value in its place, unless `modify` says that it hasn't.
    pub fn send_if_modified(&self, modify: impl FnOnce(&mut T) -> bool) -> bool {
        self.inner.send_if_modified(|shown| {
            let is_modified = modify(&mut shown.value);
            if is_modified {
                shown.renew(&self.signals);
            }
            is_modified
        })
    }

    /// Replaces the value and returns the old one.
    pub fn send_replace(&self, mut value: T) -> T {
        self.send_modify(|shown| std::mem::swap(shown, &mut value));
        value
    }

    /// Borrows the value; the sender's own look doesn't count.
    pub fn borrow(&self) -> Ref<'_, T> {
        Ref { inner: self.inner.borrow() }
    }

    /// Says whether there is no receiver.
    pub fn is_closed(&self) -> bool {
        self.inner.is_closed()
    }

    /// Waits until there is no receiver.
    pub async fn closed(&self) {
        self.inner.closed().await;
    }

    /// Makes a receiver to which the present value is known.
    pub fn subscribe(&self) -> Receiver<T> {
        Receiver { inner: self.inner.subscribe() }
    }

    /// Returns how many receivers there are.
    pub fn receiver_count(&self) -> usize {
        self.inner.receiver_count()
    }

    /// Returns how many senders there are.
    pub fn sender_count(&self) -> usize {
        self.inner.sender_count()
    }

    /// Says whether both send into the same channel.
    pub fn same_channel(&self, other: &Self) -> bool {
        self.inner.same_channel(&other.inner)
    }
}

/// The receiving half of [`channel`].
#[derive(Debug)]
pub struct Receiver<T> {
    inner: watch::Receiver<Shown<T>>,
}

impl<T> Clone for Receiver<T> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone() }
    }
}

impl<T> Receiver<T> {
    /// Looks at the value, and leaves it unknown to this receiver if it was.
    pub fn borrow(&self) -> Ref<'_, T> {
        let inner = self.inner.borrow();
        inner.look();
        Ref { inner }
    }

    /// Looks at the value, which from now on is known to this receiver.
    pub fn borrow_and_update(&mut self) -> Ref<'_, T> {
        let inner = self.inner.borrow_and_update();
        inner.look();
        Ref { inner }
    }

    /// Says whether there is a value that this receiver doesn't know.
    ///
    /// # Errors
    /// The senders are gone.
    pub fn has_changed(&self) -> Result<bool, RecvError> {
        self.inner.has_changed()
    }

    /// Says whether the senders are gone.
    pub fn is_closed(&self) -> bool {
        self.inner.is_closed()
    }

    /// Makes the present value unknown to this receiver.
    pub fn mark_changed(&mut self) {
        self.inner.mark_changed();
    }

    /// Makes the present value known to this receiver.
    pub fn mark_unchanged(&mut self) {
        self.inner.mark_unchanged();
    }

    /// Waits for a value that this receiver doesn't know, and makes it known.
    ///
    /// # Errors
    /// The senders are gone.
    pub async fn changed(&mut self) -> Result<(), RecvError> {
        self.inner.changed().await
    }

    /// Waits for a value that `condition` holds for.
    ///
    /// # Errors
    /// The senders are gone.
    pub async fn wait_for(
        &mut self,
        mut condition: impl FnMut(&T) -> bool,
    ) -> Result<Ref<'_, T>, RecvError> {
        let inner = self
            .inner
            .wait_for(|shown| {
                shown.look();
                condition(&shown.value)
            })
            .await?;
        Ok(Ref { inner })
    }

    /// Says whether both receive from the same channel.
    pub fn same_channel(&self, other: &Self) -> bool {
        self.inner.same_channel(&other.inner)
    }
}

/// A value, borrowed. As in the original it keeps senders out: don't hold it for long.
#[derive(Debug)]
pub struct Ref<'a, T> {
    inner: watch::Ref<'a, Shown<T>>,
}

impl<T> Ref<'_, T> {
    /// Says whether the value wasn't known to the receiver that borrowed it.
    pub fn has_changed(&self) -> bool {
        self.inner.has_changed()
    }
}

impl<T> Deref for Ref<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.inner.value
    }
}
