use crate::{Operation, OperationGuard};
use futures_core::Stream;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;
use plimsoll_record::Outcome;
use std::pin::Pin;
use std::task::{Context, Poll};

impl Operation {
    /// Counts a stream as one call, from now on until its last item is out or it is dropped. Ended, it is
    /// `ok`; dropped before, `cancelled`.
    pub fn stream<S: Stream>(&self, stream: S) -> InFlightStream<S> {
        self.judged_stream(stream, |_| false)
    }

    /// Counts a stream of results as [`Operation::stream`] does; one that has given an `Err` is `error`,
    /// however it ends.
    pub fn try_stream<T, E, S>(&self, stream: S) -> InFlightStream<S>
    where
        S: Stream<Item = Result<T, E>>,
    {
        self.judged_stream(stream, Result::is_err)
    }

    /// Counts a stream as [`Operation::stream`] does; one of whose items fails is `error`.
    pub(crate) fn judged_stream<S: Stream>(
        &self,
        stream: S,
        fails: fn(&S::Item) -> bool,
    ) -> InFlightStream<S> {
        InFlightStream { guard: Some(self.enter()), fails, has_failed: false, stream }
    }

    /// Counts a body as one call, from now on until its last byte is out or it is dropped. Ended, it is
    /// `ok`; after an error, `error`; dropped before, `cancelled`.
    ///
    /// An HTTP service's own responses are counted by `ConcurrencyLayer` of the crate `plimsoll-tower`.
    pub fn body<B: Body>(&self, body: B) -> InFlightBody<B> {
        let mut in_flight = InFlightBody { guard: Some(self.enter()), body };
        if in_flight.body.is_end_stream() {
            end(&mut in_flight.guard, Outcome::Ok);
        }
        in_flight
    }
}

fn end(guard: &mut Option<OperationGuard>, outcome: Outcome) {
    if let Some(guard) = guard.take() {
        guard.finish(outcome);
    }
}

pin_project! {
    /// The stream of [`Operation::stream`] and [`Operation::try_stream`].
    #[must_use = "streams do nothing unless polled"]
    pub struct InFlightStream<S: Stream> {
        // Empty once the last item is out. Dropped before the stream, so that what its destructors do
        // no longer counts as in flight.
        guard: Option<OperationGuard>,
        fails: fn(&S::Item) -> bool,
        has_failed: bool,
        #[pin]
        stream: S,
    }
}

impl<S: Stream> Stream for InFlightStream<S> {
    type Item = S::Item;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<S::Item>> {
        let this = self.project();
        // The guard is a local while the stream runs, so that a panic drops it as it unwinds.
        let mut guard = this.guard.take();
        let polled = this.stream.poll_next(context);
        match &polled {
            Poll::Pending => {}
            Poll::Ready(Some(item)) => {
                if (this.fails)(item) && !*this.has_failed {
                    *this.has_failed = true;
                    guard.iter_mut().for_each(|guard| guard.set_outcome(Outcome::Error));
                }
            }
            Poll::Ready(None) if *this.has_failed => drop(guard.take()),
            Poll::Ready(None) => end(&mut guard, Outcome::Ok),
        }
        *this.guard = guard;
        polled
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.stream.size_hint()
    }
}

pin_project! {
    /// The body of [`Operation::body`].
    pub struct InFlightBody<B> {
        // Empty once the last byte is out.
        guard: Option<OperationGuard>,
        #[pin]
        body: B,
    }
}

impl<B: Body> Body for InFlightBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let mut this = self.project();
        let mut guard = this.guard.take();
        let polled = this.body.as_mut().poll_frame(context);
        match &polled {
            Poll::Pending => {}
            Poll::Ready(Some(Err(_))) => end(&mut guard, Outcome::Error),
            Poll::Ready(None) => end(&mut guard, Outcome::Ok),
            // Whoever sends it may drop a body that is sent whole without asking for its end.
            Poll::Ready(Some(Ok(_))) if this.body.is_end_stream() => end(&mut guard, Outcome::Ok),
            Poll::Ready(Some(Ok(_))) => {}
        }
        *this.guard = guard;
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
