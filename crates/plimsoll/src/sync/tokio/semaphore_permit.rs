use super::Semaphore;
use crate::pool::Lease;
use crate::who::task_or_root;
use plimsoll_record::waits::Who;
use std::panic::Location;
use std::sync::Arc;
use tokio::sync;

/// Permits of [`Semaphore::acquire`] and its siblings; they go back when it is dropped.
#[derive(Debug)]
#[must_use = "dropping the permit gives it back at once"]
pub struct SemaphorePermit<'a> {
    // The fields are dropped in this order: permits leave the level before another can take them.
    pub(super) lease: Lease,
    pub(super) inner: sync::SemaphorePermit<'a>,
    pub(super) semaphore: &'a Semaphore,
}

impl SemaphorePermit<'_> {
    /// Drops the permits without giving them back; the limit sinks with them.
    pub fn forget(self) {
        let Self { lease, inner, semaphore } = self;
        drop(lease);
        let forgotten = inner.num_permits();
        inner.forget();
        semaphore.resize(|permits| permits.saturating_sub(forgotten));
    }

    /// Takes the other's permits over; their time in use begins anew.
    ///
    /// # Panics
    /// The other is of another semaphore, as in the original.
    #[track_caller]
    pub fn merge(&mut self, other: Self) {
        let Self { lease, inner, .. } = other;
        self.inner.merge(inner);
        drop(lease);
        self.recount();
    }

    /// Parts `count` permits off, if it is as many; their time in use begins anew.
    #[track_caller]
    pub fn split(&mut self, count: usize) -> Option<Self> {
        let inner = self.inner.split(count)?;
        self.recount();
        let many = u32::try_from(count).unwrap_or(u32::MAX);
        let lease = self.semaphore.pool.lease(many, task_or_root(), Location::caller());
        Some(Self { lease, inner, semaphore: self.semaphore })
    }

    /// Returns how many permits it is.
    pub fn num_permits(&self) -> usize {
        self.inner.num_permits()
    }

    /// Returns the semaphore that it came from.
    pub fn semaphore(&self) -> &Semaphore {
        self.semaphore
    }

    fn recount(&mut self) {
        let count = u32::try_from(self.inner.num_permits()).unwrap_or(u32::MAX);
        self.semaphore.pool.recount(&mut self.lease, count);
    }
}

/// Permits of [`Semaphore::acquire_owned`] and its siblings; they go back when it is dropped.
///
/// It may be handed to another task, so nobody knows who holds it until somebody uses it: calls one of
/// its methods.
#[derive(Debug)]
#[must_use = "dropping the permit gives it back at once"]
pub struct OwnedSemaphorePermit {
    // The fields are dropped in this order: permits leave the level before another can take them.
    pub(super) lease: Lease,
    pub(super) inner: sync::OwnedSemaphorePermit,
    pub(super) semaphore: Arc<Semaphore>,
}

impl OwnedSemaphorePermit {
    /// Drops the permits without giving them back; the limit sinks with them.
    pub fn forget(self) {
        let Self { lease, inner, semaphore } = self;
        drop(lease);
        let forgotten = inner.num_permits();
        inner.forget();
        semaphore.resize(|permits| permits.saturating_sub(forgotten));
    }

    /// Takes the other's permits over; their time in use begins anew.
    ///
    /// # Panics
    /// The other is of another semaphore, as in the original.
    #[track_caller]
    pub fn merge(&mut self, other: Self) {
        let Self { lease, inner, .. } = other;
        self.inner.merge(inner);
        drop(lease);
        self.recount();
    }

    /// Parts `count` permits off, if it is as many; their time in use begins anew.
    #[track_caller]
    pub fn split(&mut self, count: usize) -> Option<Self> {
        let inner = self.inner.split(count)?;
        self.recount();
        let many = u32::try_from(count).unwrap_or(u32::MAX);
        let lease = self.semaphore.pool.lease(many, Who::UNKNOWN, Location::caller());
        Some(Self { lease, inner, semaphore: Arc::clone(&self.semaphore) })
    }

    /// Returns how many permits it is; whoever asks counts as their holder from now on.
    pub fn num_permits(&self) -> usize {
        self.lease.note_use();
        self.inner.num_permits()
    }

    /// Returns the semaphore that it came from; whoever asks counts as their holder from now on.
    pub fn semaphore(&self) -> &Arc<Semaphore> {
        self.lease.note_use();
        &self.semaphore
    }

    fn recount(&mut self) {
        let count = u32::try_from(self.inner.num_permits()).unwrap_or(u32::MAX);
        self.semaphore.pool.recount(&mut self.lease, count);
    }
}
