//! nginx, asked from outside.

use crate::{Kind, Signal};

/// Connections by state: reading a request, writing an answer, waiting for the next request.
pub const NGINX_CONNECTIONS: Signal = Signal {
    otel_name: "concurrency.nginx.connections",
    unit: "{connection}",
    name: "concurrency_nginx_connections",
    kind: Kind::Gauge,
    labels: &["server", "state"],
    help: "Connections by state: reading a request, writing an answer, waiting for the next request.",
};

/// Connections that nginx accepted.
pub const NGINX_ACCEPTED: Signal = Signal {
    otel_name: "concurrency.nginx.accepted",
    unit: "{connection}",
    name: "concurrency_nginx_accepted",
    kind: Kind::Counter,
    labels: &["server"],
    help: "Connections that nginx accepted.",
};

/// Requests that nginx took.
pub const NGINX_REQUESTS: Signal = Signal {
    otel_name: "concurrency.nginx.requests",
    unit: "{request}",
    name: "concurrency_nginx_requests",
    kind: Kind::Counter,
    labels: &["server"],
    help: "Requests that nginx took.",
};
