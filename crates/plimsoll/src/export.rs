use plimsoll_exposition::encode::{self, Exposed};
use plimsoll_record::Registry;
use prometheus_client::collector::Collector;

/// Returns the global registry as a collector, to be registered where a service has a
/// `prometheus-client` registry already.
///
/// ```
/// let mut metrics = prometheus_client::registry::Registry::default();
/// metrics.register_collector(Box::new(plimsoll::collector()));
///
/// plimsoll::backpressure!("orders", reason = full);
/// let mut body = String::new();
/// prometheus_client::encoding::text::encode(&mut body, &metrics)?;
/// assert!(body.contains(r#"concurrency_backpressure_total{reason="full",source="orders"} 1"#));
/// # Ok::<(), std::fmt::Error>(())
/// ```
pub fn collector() -> impl Collector {
    collector_of(Registry::global())
}

/// Returns `registry` as a collector.
pub fn collector_of(registry: &Registry) -> impl Collector + use<> {
    let registry = registry.clone();
    Exposed(move || registry.snapshot())
}

/// Writes the global registry in the Prometheus text format 0.0.4.
///
/// Serve it with the content type `text/plain; version=0.0.4`.
pub fn text() -> String {
    text_of(Registry::global())
}

/// Writes `registry` in the Prometheus text format 0.0.4.
pub fn text_of(registry: &Registry) -> String {
    encode::text(&registry.snapshot())
}
