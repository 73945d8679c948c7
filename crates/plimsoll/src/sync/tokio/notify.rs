use crate::Name;
use crate::instrument::Stay;
use crate::sync::parked::Parked;
use pin_project_lite::pin_project;
use plimsoll_record::Registry;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::sync;

/// A [`tokio::sync::Notify`] that records who waits for it (M4).
///
/// | series | what |
/// |---|---|
/// | level `concurrency_lock_waiters{lock}` | how many tasks wait for a notification, and for how long the oldest has |
///
/// Nobody keeps them waiting by holding something, so no wait for a lock is recorded and nobody is
/// blamed.
///
/// # Cost
/// Nothing for a notification that is there already; two clock reads and two log edges for a wait.
///
/// # Cancellation
/// As in the original, a [`Notified`] that is dropped gives up its place in the queue; it no longer
/// counts as waiting.
///
/// # Reading it
/// ```promql
/// rate(concurrency_lock_waiters_time_seconds_total{lock="has_orders"}[5m]) # mean number of idle tasks
/// ```
#[derive(Debug)]
pub struct Notify {
    parked: Parked,
    inner: sync::Notify,
}

impl Default for Notify {
    #[track_caller]
    fn default() -> Self {
        Self::new()
    }
}

impl Notify {
    /// Makes one that is called after the caller's place in the source.
    #[track_caller]
    pub const fn new() -> Self {
        Self { parked: Parked::unnamed(Location::caller()), inner: sync::Notify::const_new() }
    }

    /// Makes one that is called after the caller's place in the source: [`Notify::new`], under the
    /// original's name for constants.
    #[track_caller]
    pub const fn const_new() -> Self {
        Self::new()
    }

    /// Makes one that records in the global registry.
    #[track_caller]
    pub fn named(name: impl Into<Name>) -> Self {
        Self::named_in(Registry::global(), name)
    }

    /// Makes one that records in `registry`.
    #[track_caller]
    pub fn named_in(registry: &Registry, name: impl Into<Name>) -> Self {
        let parked = Parked::named(registry, &name.into(), Location::caller());
        Self { parked, inner: sync::Notify::new() }
    }

    /// Waits for a notification.
    pub fn notified(&self) -> Notified<'_> {
        Notified { stay: None, parked: &self.parked, inner: self.inner.notified() }
    }

    /// Notifies the task that has waited longest, or the next one that will.
    pub fn notify_one(&self) {
        self.inner.notify_one();
    }

    /// Notifies the task that has waited shortest, or the next one that will.
    pub fn notify_last(&self) {
        self.inner.notify_last();
    }

    /// Notifies all tasks that wait.
    pub fn notify_waiters(&self) {
        self.inner.notify_waiters();
    }
}

pin_project! {
    /// The future of [`Notify::notified`].
    #[derive(Debug)]
    #[must_use = "futures do nothing unless polled"]
    pub struct Notified<'a> {
        stay: Option<Stay>,
        parked: &'a Parked,
        #[pin]
        inner: sync::futures::Notified<'a>,
    }
}

impl Notified<'_> {
    /// Takes its place in the queue before it is polled, and says whether it is notified already.
    pub fn enable(self: Pin<&mut Self>) -> bool {
        let this = self.project();
        let is_notified = this.inner.enable();
        if !is_notified && this.stay.is_none() {
            *this.stay = Some(this.parked.park());
        }
        is_notified
    }
}

impl Future for Notified<'_> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let this = self.project();
        let polled = this.inner.poll(context);
        if polled.is_ready() {
            *this.stay = None;
        } else if this.stay.is_none() {
            *this.stay = Some(this.parked.park());
        }
        polled
    }
}
