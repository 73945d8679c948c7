//! The series of one kind of decision.

use crate::report::{Report, Verdict};
use crate::{Bounds, DecisionSpec};
use plimsoll::instrument::{Count, Distribution};
use plimsoll::{Labels, Registry};
use plimsoll_model::{Signal, catalog};
use plimsoll_record::HistogramSpec;

/// How a decision ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    Committed(Verdict),
    Refused,
    Aborted,
    Cancelled,
}

/// Why something couldn't be judged: the values of the label `reason`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    Ahead,
    Inverted,
    ClockStep,
    VersionRegressed,
    VersionMissing,
    Keys,
}

/// Everything that one kind of decision records besides its level.
#[derive(Debug)]
pub(crate) struct Series {
    bands: Box<[OfBand]>,
    stale_commits: Count,
    conflict_excess: Count,
    clock_skew: Count,
    errors: [Count; Reason::NAMES.len()],
}

/// The series of one band.
#[derive(Debug)]
struct OfBand {
    staleness: Distribution,
    spread: Distribution,
    coherence_gap: Distribution,
    staleness_unknown: Count,
    endings: [Count; Ending::COUNT],
}

impl Ending {
    const COUNT: usize = 6;

    /// All of them, with their values of the labels `outcome` and, if it is known, `verdict`.
    const LABELS: [(&'static str, Option<&'static str>); Self::COUNT] = [
        ("committed", Some("valid")),
        ("committed", Some("invalid")),
        ("committed", Some("unknown")),
        ("refused", None),
        ("aborted", None),
        ("cancelled", None),
    ];

    fn index(self) -> usize {
        match self {
            Self::Committed(verdict) => verdict as usize,
            Self::Refused => 3,
            Self::Aborted => 4,
            Self::Cancelled => 5,
        }
    }
}

impl Reason {
    const NAMES: [&'static str; 6] =
        ["ahead", "inverted", "clock_step", "version_regressed", "version_missing", "keys"];
}

impl Series {
    pub(crate) fn new(spec: &DecisionSpec, registry: &Registry) -> Self {
        let count = |signal: &'static Signal, own: &[(&'static str, &str)]| {
            let own = [&[("decision", spec.name.text())], own].concat();
            Count::new(registry, signal, spec.name.with(&own))
        };
        Self {
            bands: spec.bands.iter().map(|band| OfBand::new(spec, *band, registry)).collect(),
            stale_commits: count(&catalog::STALE_COMMITS, &[]),
            conflict_excess: count(&catalog::CONFLICT_EXCESS, &[]),
            clock_skew: Count::new(registry, &catalog::CLOCK_SKEW, Labels::default()),
            errors: Reason::NAMES
                .map(|reason| count(&catalog::DECISION_ERRORS, &[("reason", reason)])),
        }
    }

    /// Counts a decision that has ended.
    pub(crate) fn end(&self, band: usize, ending: Ending) {
        let of = self.bands.get(band).and_then(|of| of.endings.get(ending.index()));
        of.into_iter().for_each(Count::increment);
    }

    /// Records what is known of a decision that has committed.
    pub(crate) fn observe(&self, band: usize, report: &Report) {
        let Some(of) = self.bands.get(band) else { return };
        observe(of.staleness, report.staleness);
        observe(of.spread, report.spread);
        observe(of.coherence_gap, report.coherence_gap);
        if report.staleness.upper.is_none() {
            of.staleness_unknown.increment();
        }
        if report.conflicts.stale_keys > 0 {
            self.stale_commits.increment();
        }
        if report.conflicts.excess_keys > 0 {
            self.conflict_excess.add(u64::from(report.conflicts.excess_keys));
        }
    }

    /// Counts something that couldn't be judged.
    pub(crate) fn note(&self, reason: Reason) {
        self.errors.get(reason as usize).into_iter().for_each(Count::increment);
        if matches!(reason, Reason::Ahead | Reason::ClockStep) {
            self.skew();
        }
    }

    /// Counts clocks that disagree.
    pub(crate) fn skew(&self) {
        self.clock_skew.increment();
    }
}

/// Records the upper bound of a length; one that has none isn't 0.
fn observe(histogram: Distribution, length: Bounds) {
    if let Some(upper) = length.upper {
        histogram.observe(crate::time::ns(upper));
    }
}

impl OfBand {
    fn new(spec: &DecisionSpec, band: u64, registry: &Registry) -> Self {
        let band = band.to_string();
        let labels = |own: &[(&'static str, &str)]| {
            let of = [("decision", spec.name.text()), ("band", band.as_str())];
            spec.name.with(&[&of, own].concat())
        };
        let lengths = |signal| distribution(registry, signal, labels(&[]), &spec.edges_ns());
        let ending = |(outcome, verdict): (&str, Option<&str>)| {
            let own = [Some(("outcome", outcome)), verdict.map(|verdict| ("verdict", verdict))];
            let own: Vec<_> = own.into_iter().flatten().collect();
            Count::new(registry, &catalog::DECISIONS, labels(&own))
        };
        Self {
            staleness: lengths(&catalog::DECISION_STALENESS),
            spread: lengths(&catalog::DECISION_SPREAD),
            coherence_gap: lengths(&catalog::DECISION_COHERENCE_GAP),
            staleness_unknown: Count::new(
                registry,
                &catalog::DECISION_STALENESS_UNKNOWN,
                labels(&[]),
            ),
            endings: Ending::LABELS.map(ending),
        }
    }
}

/// Makes a histogram that is exact at these edges.
pub(crate) fn distribution(
    registry: &Registry,
    signal: &'static Signal,
    labels: Labels,
    edges_ns: &[u64],
) -> Distribution {
    Distribution::new(registry, HistogramSpec::new(signal, labels).edges(edges_ns))
}
