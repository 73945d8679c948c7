//! One request being measured, from its arrival to the last byte of its response.

use http::StatusCode;
use http::request::Parts;
use plimsoll::{Labels, Operation, OperationGuard, Outcome, Registry};
use plimsoll_model::catalog;
use plimsoll_record::clock::now_ns;
use plimsoll_record::{Histogram, HistogramSpec};
use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

/// A request in flight. Dropped, it is recorded as what it had come to.
#[derive(Debug)]
pub(crate) struct Measured {
    // An option only so that it can be ended with an outcome in `drop`.
    guard: Option<OperationGuard>,
    durations: Arc<Durations>,
    since_ns: u64,
    attributes: Attributes,
    end: End,
}

/// How far a request came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// It isn't over: whoever drops it now has given up.
    Open,
    /// It is over.
    Closed,
    /// The service or its body failed.
    Failed,
}

impl Measured {
    pub(crate) fn begin(
        operation: &Operation,
        durations: Arc<Durations>,
        parts: &Parts,
        route: &(dyn for<'a> Fn(&'a Parts) -> Option<&'a str> + Send + Sync),
    ) -> Self {
        let attributes = Attributes {
            method: method(&parts.method),
            scheme: if parts.uri.scheme_str() == Some("https") { "https" } else { "http" },
            route: route(parts).map(Arc::from),
            status: None,
            failure: None,
        };
        Self {
            guard: Some(operation.enter()),
            durations,
            since_ns: now_ns(),
            attributes,
            end: End::Open,
        }
    }

    /// The head of the response is there.
    pub(crate) fn responded(&mut self, status: StatusCode) {
        self.attributes.status = Some(status);
    }

    /// The last byte is out.
    pub(crate) fn close(&mut self) {
        if self.end == End::Open {
            self.end = End::Closed;
        }
    }

    /// The service or its body gave an error.
    pub(crate) fn fail(&mut self) {
        self.end = End::Failed;
    }

    /// Says whether the response has no body to wait for, whatever its type says.
    pub(crate) fn is_bodiless(&self) -> bool {
        let without = |status: StatusCode| {
            status.is_informational()
                || status == StatusCode::NO_CONTENT
                || status == StatusCode::NOT_MODIFIED
        };
        self.attributes.method == "HEAD" || self.attributes.status.is_some_and(without)
    }

    fn outcome(&self) -> Outcome {
        match self.end {
            End::Open if std::thread::panicking() => Outcome::Panicked,
            End::Open => Outcome::Cancelled,
            End::Failed => Outcome::Error,
            End::Closed => match self.attributes.status {
                Some(status) if status.is_server_error() => Outcome::Error,
                _ => Outcome::Ok,
            },
        }
    }
}

impl Drop for Measured {
    fn drop(&mut self) {
        let outcome = self.outcome();
        self.attributes.failure = match self.end {
            End::Closed => None,
            End::Failed => Some("service_error"),
            End::Open => Some(outcome.name()),
        };
        let took_ns = now_ns().saturating_sub(self.since_ns);
        if let Some(guard) = self.guard.take() {
            guard.finish(outcome);
        }
        self.durations.observe(&self.attributes, took_ns);
    }
}

/// What a request is told apart by.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Attributes {
    method: &'static str,
    scheme: &'static str,
    route: Option<Arc<str>>,
    status: Option<StatusCode>,
    /// Why there is no whole response, if there is none.
    failure: Option<&'static str>,
}

impl Attributes {
    fn labels(&self) -> Labels {
        let mut pairs = vec![("http_request_method", self.method), ("url_scheme", self.scheme)];
        if let Some(status) = &self.status {
            pairs.push(("http_response_status_code", status.as_str()));
        }
        if let Some(route) = &self.route {
            pairs.push(("http_route", route));
        }
        // The convention names a failed status by its number.
        let failed_status = self.status.as_ref().filter(|status| status.is_server_error());
        if let Some(error) = self.failure.or(failed_status.map(StatusCode::as_str)) {
            pairs.push(("error_type", error));
        }
        // The names are valid and differ.
        Labels::new(pairs).unwrap_or_default()
    }
}

/// The convention's histogram of each set of attributes that was seen.
#[derive(Debug)]
pub(crate) struct Durations {
    pub(crate) registry: Registry,
    edges_ns: Vec<u64>,
    known: RwLock<HashMap<Attributes, Option<Histogram>>>,
}

/// Sets of attributes that are remembered; past it, each request asks the registry.
const KNOWN_MAX: usize = 4_096;

/// Bounds that the convention advises and that aren't there by default.
const ADVISED_EDGES_NS: [u64; 3] = [75_000_000, 750_000_000, 7_500_000_000];

impl Durations {
    pub(crate) fn new(registry: Registry, edges: &[Duration]) -> Self {
        let edges = edges.iter().map(|edge| u64::try_from(edge.as_nanos()).unwrap_or(u64::MAX));
        let edges_ns = ADVISED_EDGES_NS.into_iter().chain(edges).collect();
        Self { registry, edges_ns, known: RwLock::default() }
    }

    fn observe(&self, attributes: &Attributes, took_ns: u64) {
        if let Some(histogram) = self.of(attributes) {
            histogram.observe(took_ns);
        }
    }

    fn of(&self, attributes: &Attributes) -> Option<Histogram> {
        // A map is whole after a panic: its only change is one insertion.
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(histogram) = known.get(attributes) {
            return *histogram;
        }
        drop(known);
        let spec = HistogramSpec::new(&catalog::HTTP_SERVER_REQUEST_DURATION, attributes.labels())
            .edges(&self.edges_ns);
        let histogram = self.registry.histogram(spec).ok();
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() < KNOWN_MAX {
            known.insert(attributes.clone(), histogram);
        }
        histogram
    }
}

/// The method if the convention knows it: a client may send any word.
fn method(method: &http::Method) -> &'static str {
    const KNOWN: [&str; 10] =
        ["GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH", "CONNECT", "TRACE", "QUERY"];
    KNOWN.into_iter().find(|known| *known == method.as_str()).unwrap_or("_OTHER")
}
