use crate::clock::{now_ns, unix_seconds, wall};
use crate::instrument::{Count, Distribution, Value};
use crate::{Name, Operation};
use plimsoll_model::{Labels, catalog};
use plimsoll_record::{HistogramSpec, Registry, Split};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::SystemTime;

/// Records how old a snapshot is whenever it is read (C1).
///
/// | series | what |
/// |---|---|
/// | histogram `concurrency_snapshot_staleness_seconds{source,band}` | the snapshot's age at each read; `band` is how many of an operation were in flight then |
/// | gauge `concurrency_snapshot_as_of_timestamp_seconds{source}` | the time that the content stands for |
///
/// Whoever refreshes the snapshot calls [`publish`](Self::publish); whoever uses it calls
/// [`read`](Self::read). An age is measured by the monotonic clock from the publication on, so that a
/// step of the wall clock makes nothing older or younger. Before the first publication a read records
/// nothing: unknown is no number.
///
/// # Cost
/// A read is a clock read and an observation; with a band, also a log edge.
///
/// # Cancellation
/// There is nothing to cancel: both calls are over at once.
///
/// # Reading it
/// ```promql
/// histogram_quantile(0.99, sum by (le) (rate(concurrency_snapshot_staleness_seconds_bucket{source="exposure",band=~"64|128|256"}[5m])))
/// time() - concurrency_snapshot_as_of_timestamp_seconds
/// ```
///
/// # Example
/// ```
/// use plimsoll::{FreshnessProbe, Operation};
/// use std::time::SystemTime;
///
/// let authorize = Operation::named("authorize");
/// let exposure = FreshnessProbe::banded("exposure", &authorize);
/// exposure.publish(SystemTime::UNIX_EPOCH); // the time that the loaded content stands for
/// exposure.read();
/// ```
#[derive(Clone, Debug)]
pub struct FreshnessProbe(Arc<Snapshot>);

#[derive(Debug)]
struct Snapshot {
    staleness: Distribution,
    as_of: Value,
    skewed: Count,
    /// When the content was true, on the recorder's clock; [`NEVER`] before the first publication.
    as_of_ns: AtomicI64,
}

const NEVER: i64 = i64::MIN;

impl FreshnessProbe {
    /// Makes a probe without bands in the global registry.
    pub fn named(source: impl Into<Name>) -> Self {
        Self::named_in(Registry::global(), source)
    }

    /// Makes a probe without bands in `registry`.
    pub fn named_in(registry: &Registry, source: impl Into<Name>) -> Self {
        Self::made(registry, &source.into(), Split::None)
    }

    /// Makes a probe in the global registry whose reads are told apart by how many of `operation` are
    /// in flight.
    pub fn banded(source: impl Into<Name>, operation: &Operation) -> Self {
        Self::banded_in(Registry::global(), source, operation)
    }

    /// Makes a probe in `registry` whose reads are told apart by how many of `operation` are in flight.
    pub fn banded_in(registry: &Registry, source: impl Into<Name>, operation: &Operation) -> Self {
        let split = operation.activity().map_or(Split::None, Split::Band);
        Self::made(registry, &source.into(), split)
    }

    fn made(registry: &Registry, source: &Name, split: Split) -> Self {
        let labels = source.under("source");
        let spec = HistogramSpec::new(&catalog::SNAPSHOT_STALENESS, labels.clone()).split(split);
        Self(Arc::new(Snapshot {
            staleness: Distribution::new(registry, spec.edges(&source.edges_ns)),
            as_of: Value::new(registry, &catalog::SNAPSHOT_AS_OF_TIMESTAMP, labels),
            skewed: Count::new(registry, &catalog::CLOCK_SKEW, Labels::default()),
            as_of_ns: AtomicI64::new(NEVER),
        }))
    }

    /// Says that from now on readers see what was true at `as_of`.
    ///
    /// A time in the future, from a host whose clock is ahead, counts as now and in
    /// `concurrency_clock_skew_total`.
    pub fn publish(&self, as_of: SystemTime) {
        let age_ns = wall().duration_since(as_of).map_or_else(
            |_| {
                self.0.skewed.increment();
                0
            },
            |age| i64::try_from(age.as_nanos()).unwrap_or(i64::MAX),
        );
        let as_of_ns = signed(now_ns()).saturating_sub(age_ns).max(NEVER + 1);
        self.0.as_of_ns.store(as_of_ns, Ordering::Relaxed);
        self.0.as_of.set(Some(unix_seconds(as_of)));
    }

    /// Records that the snapshot was used just now.
    pub fn read(&self) {
        let as_of_ns = self.0.as_of_ns.load(Ordering::Relaxed);
        if as_of_ns != NEVER {
            let age_ns = signed(now_ns()).saturating_sub(as_of_ns);
            self.0.staleness.observe(u64::try_from(age_ns).unwrap_or(0));
        }
    }
}

fn signed(ns: u64) -> i64 {
    i64::try_from(ns).unwrap_or(i64::MAX)
}
