use super::metric::{Metric, Series, private};
use crate::clock::now_ns;
use crate::instrument::Distribution;
use crate::name::ns;
use plimsoll_model::{Labels, Signal};
use plimsoll_record::{HistogramSpec, Registry};

/// How long something of a service's own takes.
///
/// `duration(name = "payment.time", edges = [5ms, 250ms])` with the prefix `shop` records, in seconds:
///
/// | series | what |
/// |---|---|
/// | histogram `shop_payment_time_seconds` | each duration, within 3.2 %, and exactly on which side of each edge |
///
/// The edges are the thresholds of SLOs, in `ns`, `us`, `ms` or `s`; there are default ones besides.
///
/// # Cost
/// An observation to the thread's own memory; a [`Timer`] also reads the clock twice.
///
/// # Cancellation
/// A [`Timer`] observes when it is dropped, so what is cancelled or panics counts with the time it had.
///
/// # Reading it
/// ```promql
/// histogram_quantile(0.99, sum by (le) (rate(shop_payment_time_seconds_bucket[5m])))
/// sum(rate(shop_payment_time_seconds_bucket{le="0.25"}[5m])) / sum(rate(shop_payment_time_seconds_count[5m]))
/// ```
pub type Duration<L = ()> = Metric<DurationSeries, L>;

/// One series of a [`Duration`].
#[derive(Clone, Copy, Debug)]
pub struct DurationSeries(Distribution);

impl private::Sealed for DurationSeries {}

impl Series for DurationSeries {
    /// The edges, in nanoseconds.
    type Details = &'static [u64];

    fn made(
        registry: &Registry,
        signal: &'static Signal,
        edges_ns: &'static [u64],
        labels: Labels,
    ) -> Self {
        Self(Distribution::new(registry, HistogramSpec::new(signal, labels).edges(edges_ns)))
    }
}

impl DurationSeries {
    /// Records that it took `duration`.
    pub fn observe(&self, duration: std::time::Duration) {
        self.0.observe(ns(duration));
    }

    /// Begins to time; the timer observes when it is dropped.
    pub fn start(&self) -> Timer {
        Timer { series: *self, since_ns: now_ns() }
    }
}

impl Duration {
    /// Records that it took `duration`.
    pub fn observe(&self, duration: std::time::Duration) {
        self.with(|series| series.observe(duration));
    }

    /// Begins to time; the timer observes when it is dropped.
    pub fn start(&self) -> Timer {
        self.with(DurationSeries::start)
    }
}

/// Times until it is dropped.
#[derive(Debug)]
#[must_use = "dropping the timer observes at once"]
pub struct Timer {
    series: DurationSeries,
    since_ns: u64,
}

impl Drop for Timer {
    fn drop(&mut self) {
        self.series.0.observe(now_ns().saturating_sub(self.since_ns));
    }
}
