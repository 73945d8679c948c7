use super::{Receiver, Sender};
use crate::sync::called::Called;
use crate::sync::channel::Channel;
use crate::{Name, Queued};
use plimsoll_record::Registry;
use std::panic::Location;
use std::sync::Arc;
use tokio::sync::{Notify, Semaphore, TryAcquireError, mpsc};

/// Makes a channel of `capacity` messages that is called after the caller's place in the source, and records in the global
/// registry.
///
/// # Panics
/// With a capacity of 0, as the original does.
#[track_caller]
pub fn channel<T>(capacity: usize) -> (Sender<T>, Receiver<T>) {
    made_channel(&Called::after(Location::caller()), capacity)
}

/// Makes a channel of `capacity` messages that records in the global registry.
///
/// # Panics
/// With a capacity of 0, as the original does.
#[track_caller]
pub fn channel_named<T>(name: impl Into<Name>, capacity: usize) -> (Sender<T>, Receiver<T>) {
    channel_named_in(Registry::global(), name, capacity)
}

/// Makes a channel of `capacity` messages that records in `registry`.
///
/// # Panics
/// With a capacity of 0, as the original does.
#[track_caller]
pub fn channel_named_in<T>(
    registry: &Registry,
    name: impl Into<Name>,
    capacity: usize,
) -> (Sender<T>, Receiver<T>) {
    made_channel(&Called::by(registry, name, Location::caller()), capacity)
}

#[track_caller]
fn made_channel<T>(called: &Called<'_>, capacity: usize) -> (Sender<T>, Receiver<T>) {
    assert!(capacity > 0, "a channel needs room for one message at least");
    let gate = Arc::new(Gate {
        slots: Semaphore::new(capacity),
        capacity,
        signals: Channel::bounded(called, capacity),
        closed: Notify::new(),
    });
    let (sender, receiver) = mpsc::unbounded_channel();
    (Sender::new(sender, Arc::clone(&gate)), Receiver::new(receiver, gate))
}

/// What stands before the list and bounds it.
#[derive(Debug)]
pub(super) struct Gate {
    /// Free slots. One is taken before a message enters the list and freed after it has left it.
    pub(super) slots: Semaphore,
    pub(super) capacity: usize,
    pub(super) signals: Channel,
    pub(super) closed: Notify,
}

impl Gate {
    /// Takes `count` slots for messages, if there are as many.
    pub(super) fn try_take(&self, count: usize) -> Result<(), TryAcquireError> {
        if count > self.capacity {
            return Err(TryAcquireError::NoPermits); // As the original says, closed or not.
        }
        let many = u32::try_from(count).map_err(|_| TryAcquireError::NoPermits)?;
        self.slots.try_acquire_many(many)?.forget();
        Ok(())
    }

    /// Says that nothing can come any more: the gate is shut, and no slot is reserved or in use.
    pub(super) fn is_drained(&self) -> bool {
        self.slots.is_closed() && self.slots.available_permits() == self.capacity
    }

    pub(super) fn close(&self) {
        self.slots.close();
        self.closed.notify_waiters();
    }
}

/// A place in the list: a message, or a nudge that a reserved slot was freed after the close.
pub(super) type Place<T> = Option<Queued<T>>;
