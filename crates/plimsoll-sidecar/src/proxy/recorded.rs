//! What is recorded of each request, and of each connection that only carries bytes.

use super::method::Method;
use super::request::Refusal;
use crate::World;
use plimsoll::{Admitted, Backpressure, LimiterProbe, Operation, OperationGuard, Outcome, Reason};
use plimsoll_model::{Labels, TraceContext, catalog};
use plimsoll_record::clock::now_ns;
use plimsoll_record::{Counter, Histogram, HistogramSpec, Registry, exemplar};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Bounds that the convention advises and that aren't there by default.
const ADVISED_EDGES_NS: [u64; 3] = [75_000_000, 750_000_000, 7_500_000_000];

thread_local! {
    /// The trace of what is being recorded.
    static TRACE: Cell<Option<TraceContext>> = const { Cell::new(None) };
    /// The histogram of each set of attributes that the thread has seen: methods and statuses are few.
    static KNOWN: RefCell<HashMap<(u64, Attributes), Option<Histogram>>> = RefCell::default();
}

/// The signals of a proxy.
pub(crate) struct Signals {
    /// Where durations of requests are: by what was asked for, of all proxies together.
    requests: Registry,
    /// Tells the proxies of a thread apart.
    number: u64,
    operation: Operation,
    limiter: Option<Limiter>,
    full: Backpressure,
    refused: [Option<Counter>; REFUSED.len()],
}

/// The values of the label `reason` of requests that were no requests.
const REFUSED: [&str; 4] = ["malformed", "too_large", "slow", "unsupported"];

/// A limit on what is in flight.
struct Limiter {
    probe: LimiterProbe,
    limit: u64,
    in_flight: Arc<AtomicU64>,
}

/// Leave to be in flight.
#[derive(Debug)]
pub(crate) struct Permit {
    _admitted: Admitted,
    in_flight: Arc<AtomicU64>,
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Signals {
    pub(crate) fn new(world: &World, limit: Option<u64>) -> Self {
        static NUMBERS: AtomicU64 = AtomicU64::new(0);
        exemplar::trace_by(|| TRACE.get());
        let (registry, operation) = (&world.own, &*world.name);
        let name = || operation.to_owned();
        let limiter = limit.map(|limit| Limiter {
            probe: LimiterProbe::named_in(registry, name(), limit),
            limit,
            in_flight: Arc::default(),
        });
        let refused = REFUSED.map(|reason| {
            let labels = Labels::new([("proxy", operation), ("reason", reason)]).ok()?;
            registry.counter(&catalog::PROXY_REFUSED, labels).ok()
        });
        Self {
            requests: world.registry.clone(),
            number: NUMBERS.fetch_add(1, Ordering::Relaxed),
            operation: match limit {
                Some(limit) => Operation::limited_in(registry, name(), limit),
                None => Operation::named_in(registry, name()),
            },
            limiter,
            full: Backpressure::named_in(registry, name()),
            refused,
        }
    }

    /// Lets something in, unless the limit is reached.
    pub(crate) fn admit(&self) -> Result<Option<Permit>, Shed> {
        let Some(Limiter { probe, limit, in_flight }) = &self.limiter else { return Ok(None) };
        if in_flight.fetch_add(1, Ordering::Relaxed) >= *limit {
            in_flight.fetch_sub(1, Ordering::Relaxed);
            probe.refuse(Reason::Shed);
            return Err(Shed);
        }
        Ok(Some(Permit { _admitted: probe.admit(), in_flight: in_flight.clone() }))
    }

    /// Counts a connection for which there was no room.
    pub(crate) fn full(&self) {
        self.full.count(Reason::Full);
    }

    /// Counts a request that was none.
    pub(crate) fn refused(&self, refusal: Refusal) {
        let index = match refusal {
            Refusal::Malformed(_) => 0,
            Refusal::TooLarge => 1,
            Refusal::Slow => 2,
            Refusal::Unsupported(_) => 3,
        };
        if let Some(Some(counter)) = self.refused.get(index) {
            counter.increment();
        }
    }

    fn observe(&self, attributes: Attributes, took_ns: u64) {
        let histogram = KNOWN.with_borrow_mut(|known| {
            *known.entry((self.number, attributes)).or_insert_with(|| {
                let signal = &catalog::HTTP_SERVER_REQUEST_DURATION;
                let spec = HistogramSpec::new(signal, attributes.labels());
                self.requests.histogram(spec.edges(&ADVISED_EDGES_NS)).ok()
            })
        });
        if let Some(histogram) = histogram {
            histogram.observe(took_ns);
        }
    }
}

/// The limit was reached.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shed;

/// How far something came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// It isn't over: whoever lets it go now has lost its client.
    Open,
    /// Its last byte was handed over.
    Closed,
    /// The target failed.
    Failed,
    /// Nothing has moved for too long.
    Late,
}

/// What an HTTP request is told apart by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Attributes {
    method: Method,
    status: Option<u16>,
    /// Why there is no whole response, if there is none.
    failure: Option<&'static str>,
}

impl Attributes {
    fn labels(&self) -> Labels {
        let status = self.status.map(|status| status.to_string());
        let mut pairs = vec![("http_request_method", self.method.name()), ("url_scheme", "http")];
        if let Some(status) = &status {
            pairs.push(("http_response_status_code", status));
        }
        // The convention names a failed status by its number.
        let failed = status.as_deref().filter(|_| self.status >= Some(500));
        if let Some(error) = self.failure.or(failed) {
            pairs.push(("error_type", error));
        }
        Labels::new(pairs).unwrap_or_default()
    }
}

/// Something in flight. Dropped, it is recorded as what it has come to.
pub(crate) struct Measured {
    // An option only so that it can be ended with an outcome in `drop`.
    guard: Option<OperationGuard>,
    _permit: Option<Permit>,
    signals: Arc<Signals>,
    since_ns: u64,
    /// What it asked for, if it is an HTTP request.
    method: Option<Method>,
    status: Option<u16>,
    trace: Option<TraceContext>,
    end: End,
}

impl Measured {
    /// Begins an HTTP request.
    pub(crate) fn request(
        signals: Arc<Signals>,
        permit: Option<Permit>,
        method: Method,
        trace: Option<TraceContext>,
    ) -> Self {
        let mut measured = Self::connection(signals, permit);
        (measured.method, measured.trace) = (Some(method), trace);
        measured
    }

    /// Begins a connection that only carries bytes.
    pub(crate) fn connection(signals: Arc<Signals>, permit: Option<Permit>) -> Self {
        Self {
            guard: Some(signals.operation.enter()),
            _permit: permit,
            signals,
            since_ns: now_ns(),
            method: None,
            status: None,
            trace: None,
            end: End::Open,
        }
    }

    /// The head of the response is there.
    pub(crate) fn responded(&mut self, status: u16) {
        self.status = Some(status);
    }

    /// The last byte was handed over.
    pub(crate) fn close(mut self) {
        self.end = End::Closed;
    }

    /// The target failed.
    pub(crate) fn fail(mut self) {
        self.end = End::Failed;
    }

    /// Nothing has moved for too long.
    pub(crate) fn time_out(mut self) {
        self.end = End::Late;
    }

    fn outcome(&self) -> Outcome {
        match self.end {
            End::Open if std::thread::panicking() => Outcome::Panicked,
            End::Open => Outcome::Cancelled,
            End::Failed => Outcome::Error,
            End::Late => Outcome::TimedOut,
            End::Closed if self.status >= Some(500) => Outcome::Error,
            End::Closed => Outcome::Ok,
        }
    }
}

impl Drop for Measured {
    fn drop(&mut self) {
        let outcome = self.outcome();
        let took_ns = now_ns().saturating_sub(self.since_ns);
        TRACE.set(self.trace);
        if let Some(guard) = self.guard.take() {
            guard.finish(outcome);
        }
        if let Some(method) = self.method {
            let failure = match self.end {
                End::Closed => None,
                End::Failed => Some("target_error"),
                End::Late => Some("timeout"),
                End::Open => Some(outcome.name()),
            };
            let attributes = Attributes { method, status: self.status, failure };
            self.signals.observe(attributes, took_ns);
        }
        TRACE.set(None);
    }
}
