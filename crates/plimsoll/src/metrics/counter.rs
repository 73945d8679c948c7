use super::metric::{Metric, Series, private};
use crate::instrument::Count;
use plimsoll_model::{Labels, Signal};
use plimsoll_record::Registry;
use std::sync::Arc;

/// Events of a service's own, or bytes, that only add up.
///
/// `counter(name = "orders.refused", unit = "{order}")` with the prefix `shop` records, in `{order}`:
///
/// | series | what |
/// |---|---|
/// | `shop_orders_refused_total` | how many there were |
///
/// # Cost
/// One relaxed addition to a line that the thread has for itself.
///
/// # Cancellation
/// There is nothing to cancel: a count is over at once.
///
/// # Reading it
/// ```promql
/// rate(shop_orders_refused_total[5m])
/// ```
pub type Counter<L = ()> = Metric<CounterSeries, L>;

/// One series of a [`Counter`].
// Each thread keeps an `Arc` of its own, so that threads that clone theirs don't contend.
#[derive(Clone, Debug)]
pub struct CounterSeries(Arc<Count>);

impl private::Sealed for CounterSeries {}

impl Series for CounterSeries {
    type Details = ();

    fn made(registry: &Registry, signal: &'static Signal, (): (), labels: Labels) -> Self {
        Self(Arc::new(Count::new(registry, signal, labels)))
    }
}

impl CounterSeries {
    /// Adds one.
    pub fn increment(&self) {
        self.0.increment();
    }

    /// Adds `amount`.
    pub fn add(&self, amount: u64) {
        self.0.add(amount);
    }
}

impl Counter {
    /// Adds one.
    pub fn increment(&self) {
        self.with(CounterSeries::increment);
    }

    /// Adds `amount`.
    pub fn add(&self, amount: u64) {
        self.with(|series| series.add(amount));
    }
}
