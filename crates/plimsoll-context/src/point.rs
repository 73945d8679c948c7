use crate::composite::Read;
use crate::decision::Decision;
use crate::keys::Sequences;
use crate::series::{Ending, Reason, Series, distribution};
use crate::time::ns;
use crate::{ConflictKey, DecisionSpec};
use plimsoll::instrument::{Distribution, Level, Value};
use plimsoll::{Clock, Name, Registry};
use plimsoll_model::catalog;
use plimsoll_record::ActivitySpec;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// A kind of decision that a service takes, as registered. Cloning shares it.
///
/// It records (C1, C3 to C5 of the catalog):
///
/// | series | what |
/// |---|---|
/// | level `concurrency_decision_in_flight{decision}` | decisions between begin and end |
/// | `concurrency_decisions_total{decision,band,outcome,verdict}` | how many ended, and how; the verdict only of committed ones |
/// | histogram `concurrency_decision_staleness_seconds{decision,band}` | upper bound of the staleness of what was read, at the commit |
/// | histogram `concurrency_decision_spread_seconds` | upper bound of how far apart the sources stood |
/// | histogram `concurrency_decision_coherence_gap_seconds` | upper bound of the least time by which the composite never existed |
/// | `concurrency_decision_staleness_unknown_total` | committed decisions whose staleness has no upper bound |
/// | histogram `concurrency_snapshot_staleness_seconds{source,band}` | the age of what was read, at each read |
/// | gauge `concurrency_snapshot_as_of_timestamp_seconds{source}` | the time that what was last read stood for |
/// | `concurrency_stale_commits_total{decision}` | commits that another had overtaken |
/// | `concurrency_conflict_excess_total{decision}` | commits beyond the first on each version of a key |
/// | `concurrency_decision_errors_total{decision,reason}` | what couldn't be judged, and why |
///
/// `band` is the lower edge of the band that the larger of the in-flight counts at begin and at the end
/// lies in, the decision itself included.
///
/// # Cost
/// About ten atomic additions and as many clock reads a decision of four readings; no lock.
///
/// # Reading it
/// ```promql
/// # share of decisions that are surely on context of at most 300 ms, with 64 or more in flight
/// sum(rate(concurrency_decision_staleness_seconds_bucket{decision="card_auth",band=~"64|128|256",le="0.3"}[5m]))
///   / sum(rate(concurrency_decisions_total{decision="card_auth",band=~"64|128|256",outcome="committed"}[5m]))
/// # its coverage: how many decisions are taken there at all
/// sum(rate(concurrency_decisions_total{decision="card_auth",band=~"64|128|256"}[5m]))
///   / sum(rate(concurrency_decisions_total{decision="card_auth"}[5m]))
/// ```
#[derive(Clone, Debug)]
pub struct DecisionPoint {
    point: Arc<Point>,
    /// Not the point's, which the registry shares.
    registry: Registry,
}

/// What all decisions of a kind share.
#[derive(Debug)]
pub(crate) struct Point {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) validity: Duration,
    pub(crate) clock_error_ns: u64,
    pub(crate) bands: Box<[u64]>,
    pub(crate) sequences: Sequences,
    pub(crate) series: Series,
    pub(crate) level: Level,
    /// Decisions in flight, which the level knows only when it is read.
    open: AtomicU64,
    edges_ns: Vec<u64>,
}

/// Something that decisions read, with the series of how old it was (C1). Cloning is cheap.
#[derive(Clone, Debug)]
pub struct Source(Arc<OfSource>);

#[derive(Debug)]
struct OfSource {
    /// Its age at each read, by band.
    staleness: Box<[Distribution]>,
    as_of: Value,
}

impl DecisionPoint {
    /// Makes what a checked specification describes.
    pub(crate) fn new(spec: DecisionSpec, registry: &Registry) -> Self {
        let labels = spec.name.under("decision");
        let level = ActivitySpec::new(&catalog::DECISION_IN_FLIGHT, labels.clone());
        let point = Point {
            level: Level::new(registry, level.bands(&spec.bands)),
            series: Series::new(&spec, registry),
            edges_ns: spec.edges_ns(),
            clock: spec.clock,
            validity: spec.validity,
            clock_error_ns: ns(spec.clock_error),
            bands: spec.bands.into(),
            sequences: Sequences::new(spec.stripes),
            open: AtomicU64::new(0),
        };
        let point = registry.shared(&catalog::DECISIONS, "decision", labels, |_| point);
        Self { point, registry: registry.clone() }
    }

    /// Registers something that decisions of this kind read, by its name.
    pub fn source(&self, name: impl Into<Name>) -> Source {
        let name = name.into();
        let edges_ns = [&self.point.edges_ns, name.edges_ns()].concat();
        let of_band = |band: &u64| {
            let labels = name.with(&[("source", name.text()), ("band", &band.to_string())]);
            distribution(&self.registry, &catalog::SNAPSHOT_STALENESS, labels, &edges_ns)
        };
        let staleness = self.point.bands.iter().map(of_band).collect();
        let signal = &catalog::SNAPSHOT_AS_OF_TIMESTAMP;
        let as_of = Value::new(&self.registry, signal, name.under("source"));
        Source(Arc::new(OfSource { staleness, as_of }))
    }

    /// Begins a decision over `keys`: what it may conflict with others over. Begin before anything of
    /// them is read; a read before isn't protected.
    pub fn begin(&self, keys: impl IntoIterator<Item = ConflictKey>) -> Decision {
        let mut decision = Decision::new(Arc::clone(&self.point));
        keys.into_iter().for_each(|key| decision.watch(key));
        decision
    }

    /// Returns how many decisions of this kind are in flight: what a prober's markers are banded by.
    pub fn in_flight(&self) -> u64 {
        self.point.in_flight()
    }
}

impl Point {
    /// Counts one more in flight; returns how many there are with it.
    pub(crate) fn enter(&self) -> u64 {
        self.open.fetch_add(1, Ordering::Relaxed).saturating_add(1)
    }

    /// Returns how many are in flight.
    pub(crate) fn in_flight(&self) -> u64 {
        self.open.load(Ordering::Relaxed)
    }

    /// Counts one that has ended in a band.
    pub(crate) fn leave(&self, band: usize, ending: Ending) {
        self.open.fetch_sub(1, Ordering::Relaxed);
        self.series.end(band, ending);
    }

    /// Returns the place of the band that a number in flight lies in.
    pub(crate) fn band(&self, in_flight: u64) -> usize {
        self.bands.partition_point(|edge| *edge <= in_flight).saturating_sub(1)
    }

    /// Counts what can't be judged.
    pub(crate) fn note(&self, reason: Reason) {
        self.series.note(reason);
    }
}

impl Source {
    /// Records how old it was when it was read, and what it stood for.
    pub(crate) fn observe(&self, band: usize, read: Read) {
        if let Some(histogram) = self.0.staleness.get(band) {
            histogram.observe(read.age_ns);
        }
        self.0.as_of.set(Some(read.as_of_unix_ns as f64 / 1e9));
    }
}
