use opentelemetry::Value;
use pin_project_lite::pin_project;
use plimsoll::{InFlight, InFlightFuture, Operation};
use plimsoll_model::{Signal, catalog};
use plimsoll_record::clock::now_ns;
use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use tracing_opentelemetry::OpenTelemetrySpanExt;

/// An operation whose calls say on their spans what they met.
///
/// | attribute | what |
/// |---|---|
/// | `concurrency.in_flight` | how many calls were in flight when this one began, itself included |
/// | `concurrency.queue.time` | seconds in a queue before it began, if the caller knows |
/// | `concurrency.lock.wait` | seconds that it waited for locks in all, of those asked through [`lock_wait`] |
///
/// They are the names of the signals, so that a span is found from a metric. Clone it, keep it in the
/// application's state; clones count together.
///
/// # Cost
/// Beside the operation's own two edges, an addition to a shared counter at each end, which a call
/// that has a span won't notice.
///
/// # Cancellation
/// A call that is dropped is no longer in flight, and its span has what it met until then.
///
/// ```
/// use plimsoll::Operation;
/// use plimsoll_otel::{Traced, lock_wait};
/// use tracing::Instrument;
///
/// # async fn doc(ledger: &plimsoll::sync::tokio::Mutex<u64>) {
/// let orders = Traced::new(Operation::named("place_order"));
/// let call = orders.run(async {
///     let mut ledger = lock_wait(ledger.lock()).await;
///     *ledger += 1;
/// });
/// call.instrument(tracing::info_span!("place_order")).await;
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Traced {
    operation: Operation,
    in_flight: Arc<AtomicU64>,
}

impl Traced {
    /// Makes the calls of `operation` say what they met.
    pub fn new(operation: Operation) -> Self {
        Self { operation, in_flight: Arc::default() }
    }

    /// Runs `future` as one call of the operation, and writes what it met on the span that is current
    /// where it is polled.
    pub fn run<F: Future>(&self, future: F) -> TracedFuture<InFlightFuture<F>> {
        self.around(future.in_flight(&self.operation))
    }

    /// Does what [`Traced::run`] does for a result, of which an `Err` is an error.
    pub fn run_result<F, T, E>(&self, future: F) -> TracedFuture<InFlightFuture<F>>
    where
        F: Future<Output = Result<T, E>>,
    {
        self.around(future.in_flight_result(&self.operation))
    }

    fn around<F>(&self, future: F) -> TracedFuture<F> {
        let in_flight = Arc::clone(&self.in_flight);
        let met = Met { in_flight, entered: false, queue_time: None, waited_ns: 0 };
        TracedFuture { future: Some(future), met, span: None }
    }
}

pin_project! {
    /// The future of [`Traced`].
    #[must_use = "futures do nothing unless polled"]
    pub struct TracedFuture<F> {
        // None once it is done.
        #[pin]
        future: Option<F>,
        met: Met,
        span: Option<tracing::Span>,
    }

    impl<F> PinnedDrop for TracedFuture<F> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            if let Some(span) = this.span.take() {
                // What it waited for when it was dropped is its own as well.
                let scope = Scope::begin();
                this.future.set(None);
                this.met.waited_ns += scope.waited_ns();
                this.met.leave(&span);
            }
        }
    }
}

impl<F> TracedFuture<F> {
    /// Says how long the call was in a queue before it began.
    pub fn queued_for(mut self, queue_time: Duration) -> Self {
        self.met.queue_time = Some(queue_time);
        self
    }
}

impl<F: Future> Future for TracedFuture<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let mut this = self.project();
        let Some(future) = this.future.as_mut().as_pin_mut() else {
            // As of every future that has given its output, nothing more comes.
            return Poll::Pending;
        };
        let span = this.span.get_or_insert_with(tracing::Span::current);
        this.met.enter(span);
        let scope = Scope::begin();
        let polled = future.poll(context);
        this.met.waited_ns += scope.waited_ns();
        drop(scope);
        if polled.is_ready()
            && let Some(span) = this.span.take()
        {
            this.future.set(None);
            this.met.leave(&span);
        }
        polled
    }
}

/// What a call has met so far.
struct Met {
    in_flight: Arc<AtomicU64>,
    entered: bool,
    queue_time: Option<Duration>,
    waited_ns: u64,
}

impl Met {
    fn enter(&mut self, span: &tracing::Span) {
        if self.entered {
            return;
        }
        self.entered = true;
        let in_flight = self.in_flight.fetch_add(1, Ordering::Relaxed) + 1;
        set(span, &catalog::IN_FLIGHT, i64::try_from(in_flight).unwrap_or(i64::MAX));
        if let Some(queue_time) = self.queue_time {
            set(span, &catalog::QUEUE_TIME, queue_time.as_secs_f64());
        }
    }

    fn leave(&mut self, span: &tracing::Span) {
        if !std::mem::take(&mut self.entered) {
            return;
        }
        self.in_flight.fetch_sub(1, Ordering::Relaxed);
        set(span, &catalog::LOCK_WAIT, self.waited_ns as f64 / 1e9);
    }
}

fn set(span: &tracing::Span, signal: &'static Signal, value: impl Into<Value>) {
    span.set_attribute(signal.otel_name, value);
}

thread_local! {
    /// Nanoseconds of waits that ended on this thread within the innermost call that it polls.
    static WAITED_NS: Cell<u64> = const { Cell::new(0) };
}

/// A stretch of polling one call. A call within a call counts for both.
struct Scope {
    outer_ns: u64,
}

impl Scope {
    fn begin() -> Self {
        Self { outer_ns: WAITED_NS.try_with(|waited| waited.replace(0)).unwrap_or(0) }
    }

    /// Returns what was waited since it began.
    fn waited_ns(&self) -> u64 {
        // A thread that is being torn down keeps no account.
        WAITED_NS.try_with(Cell::get).unwrap_or(0)
    }
}

impl Drop for Scope {
    fn drop(&mut self) {
        let _ = WAITED_NS.try_with(|waited| waited.set(self.outer_ns + waited.get()));
    }
}

/// Asks for a lock, and charges the wait to the call that asks: see [`Traced`].
///
/// It takes any future that is ready once the lock is held. One that is ready at once costs no clock
/// read.
pub fn lock_wait<F: Future>(lock: F) -> WaitFuture<F> {
    WaitFuture { lock, since_ns: None }
}

pin_project! {
    /// The future of [`lock_wait`].
    #[must_use = "futures do nothing unless polled"]
    pub struct WaitFuture<F> {
        #[pin]
        lock: F,
        since_ns: Option<u64>,
    }

    impl<F> PinnedDrop for WaitFuture<F> {
        fn drop(this: Pin<&mut Self>) {
            charge(this.project().since_ns.take());
        }
    }
}

impl<F: Future> Future for WaitFuture<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let polled = this.lock.poll(context);
        if polled.is_ready() {
            charge(this.since_ns.take());
        } else {
            this.since_ns.get_or_insert_with(now_ns);
        }
        polled
    }
}

fn charge(since_ns: Option<u64>) {
    if let Some(since_ns) = since_ns {
        let waited_ns = now_ns().saturating_sub(since_ns);
        // A thread that is being torn down keeps no account.
        let _ = WAITED_NS.try_with(|waited| waited.set(waited.get() + waited_ns));
    }
}
