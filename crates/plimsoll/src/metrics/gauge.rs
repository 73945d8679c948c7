use super::metric::{Metric, Series, private};
use crate::instrument::Value;
use plimsoll_model::{Labels, Signal};
use plimsoll_record::Registry;
use std::sync::Arc;

/// A value of a service's own that is set: a version, a ratio, a timestamp.
///
/// What is entered and left is no gauge but a [`Level`](super::Level), of which no peak is missed.
///
/// `gauge(name = "cache.fill", unit = "1")` with the prefix `shop` records, as a ratio:
///
/// | series | what |
/// |---|---|
/// | gauge `shop_cache_fill_ratio` | the value that was set last; absent until one is, and while it is unknown |
///
/// # Cost
/// One relaxed store.
///
/// # Cancellation
/// There is nothing to cancel: a value is set at once.
///
/// # Reading it
/// ```promql
/// avg_over_time(shop_cache_fill_ratio[5m])
/// ```
pub type Gauge<L = ()> = Metric<GaugeSeries, L>;

/// One series of a [`Gauge`].
// Each thread keeps an `Arc` of its own, so that threads that clone theirs don't contend.
#[derive(Clone, Debug)]
pub struct GaugeSeries(Arc<Value>);

impl private::Sealed for GaugeSeries {}

impl Series for GaugeSeries {
    type Details = ();

    fn made(registry: &Registry, signal: &'static Signal, (): (), labels: Labels) -> Self {
        Self(Arc::new(Value::new(registry, signal, labels)))
    }
}

impl GaugeSeries {
    /// Sets the value; `None`, or one that isn't finite, is unknown and absent from the export.
    pub fn set(&self, value: impl Into<Option<f64>>) {
        self.0.set(value.into());
    }
}

impl Gauge {
    /// Sets the value; `None`, or one that isn't finite, is unknown and absent from the export.
    pub fn set(&self, value: impl Into<Option<f64>>) {
        self.with(|series| series.set(value));
    }
}
