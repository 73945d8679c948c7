//! What a proxy counts beside the signals of every service.

use crate::{Kind, Signal};

/// Connections that a proxy has open.
pub const PROXY_CONNECTIONS: Signal = Signal {
    otel_name: "concurrency.proxy.connections",
    unit: "{connection}",
    name: "concurrency_proxy_connections",
    kind: Kind::Gauge,
    labels: &["proxy", "side"],
    help: "Connections that a proxy has open, by side: client, target (idle ones too).",
};

/// Requests that a proxy didn't take for requests.
pub const PROXY_REFUSED: Signal = Signal {
    otel_name: "concurrency.proxy.refused",
    unit: "{request}",
    name: "concurrency_proxy_refused",
    kind: Kind::Counter,
    labels: &["proxy", "reason"],
    help: "Requests that a proxy refused, by reason: malformed, too_large, slow, unsupported.",
};
