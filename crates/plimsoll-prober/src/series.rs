//! What is recorded of one store.

use crate::ProberError;
use crate::ledger::Visible;
use crate::spec::ProberSpec;
use crate::store::Reason;
use plimsoll_model::{Labels, catalog};
use plimsoll_record::{Counter, Gauge, Histogram, HistogramSpec, Registry};
use std::time::Duration;

/// The series of one store that is watched.
#[derive(Debug)]
pub(crate) struct Series {
    gaps: Gaps,
    oldest_unseen: Gauge,
    errors: Errors,
}

/// The histogram of gaps: one, or one of each band.
#[derive(Debug)]
enum Gaps {
    Whole(Histogram),
    Banded { edges: Vec<u64>, of: Vec<Histogram> },
}

/// The counters of what went wrong with one store.
#[derive(Debug)]
pub(crate) struct Errors([Counter; Reason::NAMES.len()]);

impl Series {
    pub(crate) fn new(
        spec: &ProberSpec,
        store: &str,
        registry: &Registry,
    ) -> Result<Self, ProberError> {
        let labels = Labels::new([("store", store)])?;
        let edges_ns: Vec<u64> = spec.edges.iter().map(|edge| ns(*edge)).collect();
        let histogram = |labels| {
            let spec = HistogramSpec::new(&catalog::PROPAGATION, labels).edges(&edges_ns);
            Ok::<_, ProberError>(registry.histogram(spec)?)
        };
        let gaps = if spec.in_flight.is_some() {
            let of_band = |edge: &u64| histogram(labels.with("band", &edge.to_string())?);
            let of = spec.bands.iter().map(of_band).collect::<Result<_, _>>()?;
            Gaps::Banded { edges: spec.bands.clone(), of }
        } else {
            Gaps::Whole(histogram(labels.clone())?)
        };
        let oldest_unseen = registry.gauge(&catalog::PROPAGATION_OLDEST_UNSEEN, labels)?;
        Ok(Self { gaps, oldest_unseen, errors: Errors::new(store, registry)? })
    }

    /// Records a gap by its upper bound, as often as it stands for markers.
    pub(crate) fn observe(&self, visible: &Visible) {
        let histogram = match (&self.gaps, visible.in_flight) {
            (Gaps::Whole(histogram), _) => Some(histogram),
            (Gaps::Banded { edges, of }, Some(in_flight)) => {
                of.get(edges.partition_point(|edge| *edge <= in_flight).saturating_sub(1))
            }
            (Gaps::Banded { .. }, None) => None,
        };
        if let (Some(histogram), Some(upper)) = (histogram, visible.gap.upper) {
            (0..visible.times).for_each(|_| histogram.observe(ns(upper)));
        }
    }

    /// Shows the age of the oldest that isn't readable; none is unknown.
    pub(crate) fn show_oldest_unseen(&self, age_ns: Option<u64>) {
        match age_ns {
            Some(age_ns) => self.oldest_unseen.set(age_ns as f64 / 1e9),
            None => self.oldest_unseen.unset(),
        }
    }

    pub(crate) fn note(&self, reason: Reason) {
        self.errors.note(reason);
    }
}

impl Errors {
    pub(crate) fn new(store: &str, registry: &Registry) -> Result<Self, ProberError> {
        let counter = |reason| {
            let labels = Labels::new([("store", store), ("reason", reason)])?;
            Ok::<_, ProberError>(registry.counter(&catalog::PROBER_ERRORS, labels)?)
        };
        let [unreachable, refused, garbled, timed_out, foreign, regressed] =
            Reason::NAMES.map(counter);
        Ok(Self([unreachable?, refused?, garbled?, timed_out?, foreign?, regressed?]))
    }

    pub(crate) fn note(&self, reason: Reason) {
        if let Some(counter) = self.0.get(reason as usize) {
            counter.increment();
        }
    }
}

/// Nanoseconds of a length; 584 years are enough.
fn ns(length: Duration) -> u64 {
    u64::try_from(length.as_nanos()).unwrap_or(u64::MAX)
}
