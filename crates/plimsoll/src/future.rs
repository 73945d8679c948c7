use crate::{Operation, OperationGuard};
use pin_project_lite::pin_project;
use plimsoll_record::Outcome;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

/// Counts a future as one call of an operation.
pub trait InFlight: Future + Sized {
    /// Counts this future as one call of `operation`, from its first poll until it is done or
    /// dropped. What it gives is `ok`; see [`InFlight::in_flight_result`] for results.
    ///
    /// A future that is dropped before its first poll has done nothing and counts nothing.
    fn in_flight(self, operation: &Operation) -> InFlightFuture<Self> {
        InFlightFuture { future: self, operation: *operation, guard: None, judge: |_| Outcome::Ok }
    }

    /// Counts this future as [`InFlight::in_flight`] does; an `Err` is [`Outcome::Error`].
    fn in_flight_result<T, E>(self, operation: &Operation) -> InFlightFuture<Self>
    where
        Self: Future<Output = Result<T, E>>,
    {
        let judge = |result: &Result<T, E>| match result {
            Ok(_) => Outcome::Ok,
            Err(_) => Outcome::Error,
        };
        InFlightFuture { future: self, operation: *operation, guard: None, judge }
    }
}

impl<F: Future> InFlight for F {}

pin_project! {
    /// The future of [`InFlight`].
    #[must_use = "futures do nothing unless polled"]
    pub struct InFlightFuture<F: Future> {
        // Dropped before the future, so that what its destructors do no longer counts as in flight.
        guard: Option<OperationGuard>,
        operation: Operation,
        judge: fn(&F::Output) -> Outcome,
        #[pin]
        future: F,
    }
}

impl<F: Future> Future for InFlightFuture<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        // The guard is a local while the future runs, so that a panic drops it as it unwinds.
        let guard = this.guard.take().unwrap_or_else(|| this.operation.enter());
        match this.future.poll(context) {
            Poll::Pending => {
                *this.guard = Some(guard);
                Poll::Pending
            }
            Poll::Ready(output) => {
                guard.finish((this.judge)(&output));
                Poll::Ready(output)
            }
        }
    }
}
