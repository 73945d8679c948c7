use super::bounded::Sender;
use std::fmt;

/// A slot of the channel for one message, of [`Sender::reserve`]. Dropped, it is free again.
#[must_use = "dropping the permit frees the slot at once"]
pub struct Permit<'a, T> {
    sender: &'a Sender<T>,
    is_used: bool,
}

impl<'a, T> Permit<'a, T> {
    pub(super) fn new(sender: &'a Sender<T>) -> Self {
        Self { sender, is_used: false }
    }

    /// Sends a message into the slot. If the receiver is gone, the message is dropped.
    pub fn send(mut self, message: T) {
        self.is_used = true;
        drop(self.sender.push(message));
    }
}

impl<T> Drop for Permit<'_, T> {
    fn drop(&mut self) {
        if !self.is_used {
            self.sender.give_back();
        }
    }
}

impl<T> fmt::Debug for Permit<'_, T> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Permit").finish_non_exhaustive()
    }
}

/// A slot of the channel for one message that owns its sender, of [`Sender::reserve_owned`].
#[must_use = "dropping the permit frees the slot at once"]
pub struct OwnedPermit<T> {
    /// Empty only while it is taken apart.
    sender: Option<Sender<T>>,
}

impl<T> OwnedPermit<T> {
    pub(super) fn new(sender: Sender<T>) -> Self {
        Self { sender: Some(sender) }
    }

    /// Sends a message into the slot and gives the sender back. If the receiver is gone, the message
    /// is dropped.
    pub fn send(mut self, message: T) -> Sender<T> {
        let sender = self.take();
        drop(sender.push(message));
        sender
    }

    /// Frees the slot and gives the sender back.
    pub fn release(mut self) -> Sender<T> {
        let sender = self.take();
        sender.give_back();
        sender
    }

    fn take(&mut self) -> Sender<T> {
        match self.sender.take() {
            Some(sender) => sender,
            None => unreachable!("whoever takes the sender consumes the permit"),
        }
    }
}

impl<T> Drop for OwnedPermit<T> {
    fn drop(&mut self) {
        if let Some(sender) = &self.sender {
            sender.give_back();
        }
    }
}

impl<T> fmt::Debug for OwnedPermit<T> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("OwnedPermit").finish_non_exhaustive()
    }
}
