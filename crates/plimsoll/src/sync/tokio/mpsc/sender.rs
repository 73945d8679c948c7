use super::bounded::{Gate, Place};
use super::permit::{OwnedPermit, Permit, PermitIterator};
use crate::Reason;
use crate::who::{awaiting, blocking, part};
use plimsoll_record::waits::{By, Site};
use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::error::{SendError, SendTimeoutError, TrySendError};
use tokio::sync::{AcquireError, TryAcquireError, mpsc};
use tokio::task::coop;

/// The sending half of [`channel`](super::channel).
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
    pub(super) fn new(list: mpsc::UnboundedSender<Place<T>>, gate: Arc<Gate>) -> Self {
        Self { list, gate }
    }

    /// Sends a message, waiting for room: see [`tokio::sync::mpsc::Sender::send`].
    ///
    /// # Errors
    /// The receiver is gone or closed; it gives the message back.
    #[track_caller]
    pub fn send(&self, message: T) -> impl Future<Output = Result<(), SendError<T>>> {
        let site = Location::caller();
        async move {
            match self.wait_for_slots(1, site).await {
                Ok(()) => self.push(message),
                Err(_) => Err(SendError(message)),
            }
        }
    }

    /// Sends a message if there is room; if there is none, that counts as back-pressure.
    ///
    /// # Errors
    /// The channel is full, or the receiver is gone or closed; it gives the message back.
    pub fn try_send(&self, message: T) -> Result<(), TrySendError<T>> {
        match self.take_slots(1) {
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
    #[track_caller]
    pub fn send_timeout(
        &self,
        message: T,
        timeout: Duration,
    ) -> impl Future<Output = Result<(), SendTimeoutError<T>>> {
        let site = Location::caller();
        async move {
            if !self.try_slots(1).await {
                let by = By { gives_up: true, ..awaiting(part().await, site) };
                let waiting = self.gate.signals.wait_for_room(by);
                match tokio::time::timeout(timeout, self.gate.slots.acquire()).await {
                    Ok(Ok(slot)) => slot.forget(),
                    Ok(Err(_)) => return Err(SendTimeoutError::Closed(message)),
                    Err(_) => {
                        waiting.timed_out();
                        return Err(SendTimeoutError::Timeout(message));
                    }
                }
            }
            self.push(message).map_err(|SendError(message)| SendTimeoutError::Closed(message))
        }
    }

    /// Sends a message from a thread that may block.
    ///
    /// # Errors
    /// The receiver is gone or closed; it gives the message back.
    ///
    /// # Panics
    /// Within an asynchronous context, as the original does.
    #[track_caller]
    pub fn blocking_send(&self, message: T) -> Result<(), SendError<T>> {
        match self.gate.try_take(1) {
            Ok(()) => self.push(message),
            Err(TryAcquireError::Closed) => Err(SendError(message)),
            Err(TryAcquireError::NoPermits) => {
                let by = blocking(Location::caller());
                let waiting = self.gate.signals.wait_for_room(by);
                let Ok(slot) = self.gate.slots.blocking_acquire() else {
                    return Err(SendError(message));
                };
                slot.forget();
                drop(waiting);
                self.push(message)
            }
        }
    }

    /// Waits for room and reserves it. A reserved slot isn't a message: the depth doesn't count it.
    ///
    /// # Errors
    /// The receiver is gone or closed.
    #[track_caller]
    pub fn reserve(&self) -> impl Future<Output = Result<Permit<'_, T>, SendError<()>>> {
        let site = Location::caller();
        async move {
            self.wait_for_slots(1, site).await.map_err(|_| SendError(()))?;
            Ok(Permit::new(self))
        }
    }

    /// Waits for room for `count` messages and reserves it.
    ///
    /// # Errors
    /// The receiver is gone or closed, or the channel is smaller than that.
    #[track_caller]
    pub fn reserve_many(
        &self,
        count: usize,
    ) -> impl Future<Output = Result<PermitIterator<'_, T>, SendError<()>>> {
        let site = Location::caller();
        async move {
            if count > self.max_capacity() {
                return Err(SendError(()));
            }
            self.wait_for_slots(count, site).await.map_err(|_| SendError(()))?;
            Ok(PermitIterator::new(self, count))
        }
    }

    /// Waits for room and reserves it for a permit that owns this sender.
    ///
    /// # Errors
    /// The receiver is gone or closed.
    #[track_caller]
    pub fn reserve_owned(self) -> impl Future<Output = Result<OwnedPermit<T>, SendError<()>>> {
        let site = Location::caller();
        async move {
            self.wait_for_slots(1, site).await.map_err(|_| SendError(()))?;
            Ok(OwnedPermit::new(self))
        }
    }

    /// Reserves room if there is any; if there is none, that counts as back-pressure.
    ///
    /// # Errors
    /// The channel is full, or the receiver is gone or closed.
    pub fn try_reserve(&self) -> Result<Permit<'_, T>, TrySendError<()>> {
        self.take_slots(1)?;
        Ok(Permit::new(self))
    }

    /// Reserves room for `count` messages if there is as much; if not, that counts as back-pressure.
    ///
    /// # Errors
    /// The channel is too full or too small, or the receiver is gone or closed.
    pub fn try_reserve_many(
        &self,
        count: usize,
    ) -> Result<PermitIterator<'_, T>, TrySendError<()>> {
        self.take_slots(count)?;
        Ok(PermitIterator::new(self, count))
    }

    /// Reserves room, if there is any, for a permit that owns this sender.
    ///
    /// # Errors
    /// The channel is full, or the receiver is gone or closed; it gives the sender back.
    pub fn try_reserve_owned(self) -> Result<OwnedPermit<T>, TrySendError<Self>> {
        match self.take_slots(1) {
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
        let pushed = self.list.send(Some(self.gate.signals.depth.queued(message)));
        match pushed {
            Err(SendError(Some(queued))) => Err(SendError(queued.taken())),
            Ok(()) | Err(SendError(None)) => Ok(()),
        }
    }

    /// Frees slots that were taken for messages that won't come.
    pub(super) fn give_back(&self, count: usize) {
        self.gate.slots.add_permits(count);
        if self.is_closed() {
            // The receiver may be waiting for just this slot. Without one nobody needs the nudge.
            let _ = self.list.send(None);
        }
    }

    /// Takes slots as soon as there are as many.
    async fn wait_for_slots(&self, count: usize, site: Site) -> Result<(), AcquireError> {
        if self.try_slots(count).await {
            return Ok(());
        }
        let _waiting = self.gate.signals.wait_for_room(awaiting(part().await, site));
        // No channel is larger than a semaphore, whose permits a `u32` counts when taken at once.
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        self.gate.slots.acquire_many(count).await?.forget();
        Ok(())
    }

    /// Takes slots if there are as many, and a share of the task's budget as the original does.
    async fn try_slots(&self, count: usize) -> bool {
        coop::consume_budget().await;
        self.gate.try_take(count).is_ok()
    }

    fn take_slots(&self, count: usize) -> Result<(), TrySendError<()>> {
        match self.gate.try_take(count) {
            Ok(()) => Ok(()),
            Err(TryAcquireError::NoPermits) => {
                self.gate.signals.pushed_back.count(Reason::Full);
                Err(TrySendError::Full(()))
            }
            Err(TryAcquireError::Closed) => Err(TrySendError::Closed(())),
        }
    }

    /// Returns how many senders keep the channel open.
    pub fn strong_count(&self) -> usize {
        self.list.strong_count()
    }

    /// Returns how many senders there are that don't keep the channel open.
    pub fn weak_count(&self) -> usize {
        self.list.weak_count()
    }
}

/// A sender that doesn't keep the channel open.
#[derive(Debug)]
pub struct WeakSender<T> {
    list: mpsc::WeakUnboundedSender<Place<T>>,
    gate: Arc<Gate>,
}

impl<T> Clone for WeakSender<T> {
    fn clone(&self) -> Self {
        Self { list: self.list.clone(), gate: Arc::clone(&self.gate) }
    }
}

impl<T> WeakSender<T> {
    /// Makes a sender, if any other is left.
    pub fn upgrade(&self) -> Option<Sender<T>> {
        Some(Sender { list: self.list.upgrade()?, gate: Arc::clone(&self.gate) })
    }

    /// Returns how many senders keep the channel open.
    pub fn strong_count(&self) -> usize {
        self.list.strong_count()
    }

    /// Returns how many senders there are that don't keep the channel open.
    pub fn weak_count(&self) -> usize {
        self.list.weak_count()
    }
}
