use crate::ResponseFuture;
use crate::request::{Durations, Measured};
use http::Request;
use http::request::Parts;
use plimsoll::{Name, Operation, Registry};
use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tower_layer::Layer;
use tower_service::Service;

/// Counts requests as one operation, each until the last byte of its response's body.
///
/// | series | what |
/// |---|---|
/// | level `concurrency_in_flight{operation}` | requests in flight, with limit, peak, integral, saturated time and age of the oldest |
/// | `concurrency_operations_total{operation,outcome,band}` | requests that ended |
/// | histogram `concurrency_operation_duration_seconds{operation,outcome}` | how long they took |
/// | histogram `http_server_request_duration_seconds` | the same by OpenTelemetry's stable convention: `http_request_method`, `url_scheme`, `http_response_status_code`, `http_route`, `error_type` |
///
/// # Cost
/// The operation's two log edges, and for the convention's histogram one look-up under a read lock.
///
/// # Cancellation
/// The request ends when its response's body does, or when either is dropped. A status of 500 and above is `error`, as is an error of the service or of the body. A request whose
/// future or body is dropped before its end, because the client went away, is `cancelled`; one whose
/// handler panics is `panicked`. Every other one is `ok`: a status of 400 is the client's fault.
///
/// # Reading it
/// ```promql
/// rate(concurrency_in_flight_time_seconds_total{operation="http"}[5m])  # exact mean in flight
/// histogram_quantile(0.99, sum by (http_route, le) (rate(http_server_request_duration_seconds_bucket[5m])))
/// sum by (band) (rate(concurrency_operations_total{operation="http",outcome="error"}[5m]))
/// ```
#[derive(Clone)]
pub struct ConcurrencyLayer {
    operation: Operation,
    durations: Arc<Durations>,
    route: Route,
}

/// Finds the template of a request's route.
pub(crate) type Route = Arc<dyn for<'a> Fn(&'a Parts) -> Option<&'a str> + Send + Sync>;

impl ConcurrencyLayer {
    /// Makes the layer, which records in the global registry.
    pub fn named(name: impl Into<Name>) -> Self {
        Self::named_in(Registry::global(), name)
    }

    /// Makes the layer, which records in `registry`.
    pub fn named_in(registry: &Registry, name: impl Into<Name>) -> Self {
        Self::of(Operation::named_in(registry, name), registry)
    }

    /// Makes the layer of an operation that there is already, for a probe that is banded by it. The
    /// convention's histogram is in `registry`.
    pub fn of(operation: Operation, registry: &Registry) -> Self {
        let durations = Arc::new(Durations::new(registry.clone(), &[]));
        Self { operation, durations, route: Arc::new(|_| None) }
    }

    /// Says how many requests may be in flight. It isn't enforced here: time at it or above counts as
    /// saturated.
    #[must_use]
    pub fn limit(self, limit: u64) -> Self {
        self.operation.set_limit(Some(limit));
        self
    }

    /// Makes the convention's histogram exact at these durations, the thresholds of SLOs, besides the
    /// bounds that the convention advises.
    #[must_use]
    pub fn edges(mut self, edges: &[Duration]) -> Self {
        self.durations = Arc::new(Durations::new(self.durations.registry.clone(), edges));
        self
    }

    /// Says how the template of a request's route is found, for the label `http_route`. Give a template
    /// (`/users/{id}`), never a path.
    #[must_use]
    pub fn route(
        mut self,
        route: impl for<'a> Fn(&'a Parts) -> Option<&'a str> + Send + Sync + 'static,
    ) -> Self {
        self.route = Arc::new(route);
        self
    }
}

impl fmt::Debug for ConcurrencyLayer {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("ConcurrencyLayer")
            .field("operation", &self.operation)
            .finish_non_exhaustive()
    }
}

impl<S> Layer<S> for ConcurrencyLayer {
    type Service = Concurrency<S>;

    fn layer(&self, inner: S) -> Concurrency<S> {
        Concurrency { inner, layer: self.clone() }
    }
}

/// The service of [`ConcurrencyLayer`].
#[derive(Clone, Debug)]
pub struct Concurrency<S> {
    inner: S,
    layer: ConcurrencyLayer,
}

impl<S, B, C> Service<Request<B>> for Concurrency<S>
where
    S: Service<Request<B>, Response = http::Response<C>>,
    C: http_body::Body,
{
    type Response = http::Response<crate::ResponseBody<C>>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let (parts, body) = request.into_parts();
        let ConcurrencyLayer { operation, durations, route } = &self.layer;
        // Armed before the service sees the request: what it panics with is counted.
        let measured = Measured::begin(operation, Arc::clone(durations), &parts, &**route);
        ResponseFuture::new(measured, self.inner.call(Request::from_parts(parts, body)))
    }
}
