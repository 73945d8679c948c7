use super::Sender;
use std::fmt;
use std::iter::FusedIterator;

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
            self.sender.give_back(1);
        }
    }
}

impl<T> fmt::Debug for Permit<'_, T> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Permit").finish_non_exhaustive()
    }
}

/// Slots of the channel for some messages, of [`Sender::reserve_many`]. Those that aren't taken out of
/// it are free again when it is dropped.
#[must_use = "dropping the permits frees the slots at once"]
pub struct PermitIterator<'a, T> {
    sender: &'a Sender<T>,
    left: usize,
}

impl<'a, T> PermitIterator<'a, T> {
    pub(super) fn new(sender: &'a Sender<T>, count: usize) -> Self {
        Self { sender, left: count }
    }
}

impl<'a, T> Iterator for PermitIterator<'a, T> {
    type Item = Permit<'a, T>;

    fn next(&mut self) -> Option<Permit<'a, T>> {
        self.left = self.left.checked_sub(1)?;
        Some(Permit::new(self.sender))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl<T> ExactSizeIterator for PermitIterator<'_, T> {}
impl<T> FusedIterator for PermitIterator<'_, T> {}

impl<T> Drop for PermitIterator<'_, T> {
    fn drop(&mut self) {
        if self.left > 0 {
            self.sender.give_back(self.left);
        }
    }
}

impl<T> fmt::Debug for PermitIterator<'_, T> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("PermitIterator").field("left", &self.left).finish_non_exhaustive()
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
        sender.give_back(1);
        sender
    }

    /// Says whether both permits are for the same channel.
    pub fn same_channel(&self, other: &Self) -> bool {
        match &other.sender {
            Some(sender) => self.same_channel_as_sender(sender),
            None => false,
        }
    }

    /// Says whether the permit is for the channel that `sender` sends into.
    pub fn same_channel_as_sender(&self, sender: &Sender<T>) -> bool {
        self.sender.as_ref().is_some_and(|own| own.same_channel(sender))
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
            sender.give_back(1);
        }
    }
}

impl<T> fmt::Debug for OwnedPermit<T> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("OwnedPermit").finish_non_exhaustive()
    }
}
