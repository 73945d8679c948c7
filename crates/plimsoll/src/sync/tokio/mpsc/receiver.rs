use super::bounded::{Gate, Place};
use crate::Queued;
use crate::who::task_or_root;
use plimsoll_record::waits::Site;
use std::panic::Location;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TryRecvError;

/// The receiving half of [`channel`](super::channel).
#[derive(Debug)]
pub struct Receiver<T> {
    list: mpsc::UnboundedReceiver<Place<T>>,
    gate: Arc<Gate>,
}

impl<T> Receiver<T> {
    pub(super) fn new(list: mpsc::UnboundedReceiver<Place<T>>, gate: Arc<Gate>) -> Self {
        Self { list, gate }
    }

    /// Receives the next message; `None` when nothing is left and nothing can come.
    #[track_caller]
    pub fn recv(&mut self) -> impl Future<Output = Option<T>> {
        let site = Location::caller();
        std::future::poll_fn(move |context| self.poll_recv_at(context, site))
    }

    /// Receives up to `limit` messages into `buffer`, and says how many: 0 when there are no more.
    #[track_caller]
    pub fn recv_many(&mut self, buffer: &mut Vec<T>, limit: usize) -> impl Future<Output = usize> {
        let site = Location::caller();
        std::future::poll_fn(move |context| self.poll_recv_many_at(context, buffer, limit, site))
    }

    /// Receives up to `limit` messages into `buffer` on a thread that may block, and says how many.
    ///
    /// # Panics
    /// Within an asynchronous context, as the original does.
    #[track_caller]
    pub fn blocking_recv_many(&mut self, buffer: &mut Vec<T>, limit: usize) -> usize {
        if limit == 0 {
            return 0;
        }
        let Some(first) = self.blocking_recv() else { return 0 };
        self.fill(buffer, first, limit)
    }

    /// Polls for up to `limit` messages.
    #[track_caller]
    pub fn poll_recv_many(
        &mut self,
        context: &mut Context<'_>,
        buffer: &mut Vec<T>,
        limit: usize,
    ) -> Poll<usize> {
        self.poll_recv_many_at(context, buffer, limit, Location::caller())
    }

    fn poll_recv_many_at(
        &mut self,
        context: &mut Context<'_>,
        buffer: &mut Vec<T>,
        limit: usize,
        site: Site,
    ) -> Poll<usize> {
        if limit == 0 {
            return Poll::Ready(0);
        }
        let first = ready!(self.poll_recv_at(context, site));
        let Some(first) = first else { return Poll::Ready(0) };
        Poll::Ready(self.fill(buffer, first, limit))
    }

    fn fill(&mut self, buffer: &mut Vec<T>, first: T, limit: usize) -> usize {
        let before = buffer.len();
        buffer.push(first);
        buffer.extend(std::iter::from_fn(|| self.try_recv().ok()).take(limit - 1));
        buffer.len() - before
    }

    /// Receives a message that is there.
    ///
    /// # Errors
    /// There is none, or there never will be.
    #[track_caller]
    pub fn try_recv(&mut self) -> Result<T, TryRecvError> {
        self.gate.signals.note_receiver(task_or_root(), Location::caller());
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
    #[track_caller]
    pub fn blocking_recv(&mut self) -> Option<T> {
        self.gate.signals.note_receiver(task_or_root(), Location::caller());
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
    #[track_caller]
    pub fn poll_recv(&mut self, context: &mut Context<'_>) -> Poll<Option<T>> {
        self.poll_recv_at(context, Location::caller())
    }

    fn poll_recv_at(&mut self, context: &mut Context<'_>, site: Site) -> Poll<Option<T>> {
        self.gate.signals.note_receiver(task_or_root().strand(context.waker()), site);
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

    /// Returns how many senders keep the channel open.
    pub fn sender_strong_count(&self) -> usize {
        self.list.sender_strong_count()
    }

    /// Returns how many senders there are that don't keep the channel open.
    pub fn sender_weak_count(&self) -> usize {
        self.list.sender_weak_count()
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
