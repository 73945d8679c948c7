//! The series of one kind of decision.

use crate::report::{Report, Verdict};
use crate::{DecisionError, DecisionSpec};
use plimsoll_model::{Labels, Signal, catalog};
use plimsoll_record::{Counter, Histogram, HistogramSpec, RegisterError, Registry};

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
    stale_commits: Counter,
    conflict_excess: Counter,
    clock_skew: Counter,
    errors: [Counter; Reason::NAMES.len()],
}

/// The series of one band.
#[derive(Debug)]
struct OfBand {
    staleness: Histogram,
    spread: Histogram,
    coherence_gap: Histogram,
    staleness_unknown: Counter,
    endings: [Counter; Ending::COUNT],
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
    pub(crate) fn new(spec: &DecisionSpec, registry: &Registry) -> Result<Self, DecisionError> {
        let labels = Labels::new([("decision", &*spec.name)])?;
        let edges_ns = spec.edges_ns();
        let bands = spec.bands.iter().map(|band| {
            let labels = labels.with("band", &band.to_string())?;
            Ok(OfBand::new(&labels, &edges_ns, registry)?)
        });
        let error = |reason| {
            let labels = labels.with("reason", reason)?;
            Ok::<_, DecisionError>(registry.counter(&catalog::DECISION_ERRORS, labels)?)
        };
        let [ahead, inverted, step, regressed, missing, keys] = Reason::NAMES.map(error);
        Ok(Self {
            bands: bands.collect::<Result<_, DecisionError>>()?,
            stale_commits: registry.counter(&catalog::STALE_COMMITS, labels.clone())?,
            conflict_excess: registry.counter(&catalog::CONFLICT_EXCESS, labels.clone())?,
            clock_skew: registry.counter(&catalog::CLOCK_SKEW, Labels::default())?,
            errors: [ahead?, inverted?, step?, regressed?, missing?, keys?],
        })
    }

    /// Counts a decision that has ended.
    pub(crate) fn end(&self, band: usize, ending: Ending) {
        let of = self.bands.get(band).and_then(|of| of.endings.get(ending.index()));
        if let Some(counter) = of {
            counter.increment();
        }
    }

    /// Records what is known of a decision that has committed.
    pub(crate) fn observe(&self, band: usize, report: &Report) {
        let Some(of) = self.bands.get(band) else { return };
        let lengths = [
            (of.staleness, report.staleness),
            (of.spread, report.spread),
            (of.coherence_gap, report.coherence_gap),
        ];
        for (histogram, bounds) in lengths {
            if let Some(upper) = bounds.upper {
                histogram.observe(crate::clock::ns(upper));
            }
        }
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
        if let Some(counter) = self.errors.get(reason as usize) {
            counter.increment();
        }
        if matches!(reason, Reason::Ahead | Reason::ClockStep) {
            self.clock_skew.increment();
        }
    }
}

impl OfBand {
    fn new(labels: &Labels, edges_ns: &[u64], registry: &Registry) -> Result<Self, RegisterError> {
        let histogram = |signal| histogram(registry, signal, labels.clone(), edges_ns);
        let ending = |(outcome, verdict): (&str, Option<&str>)| {
            let split = |reason| RegisterError::Split { name: catalog::DECISIONS.name, reason };
            let mut labels = labels.with("outcome", outcome).map_err(split)?;
            if let Some(verdict) = verdict {
                labels = labels.with("verdict", verdict).map_err(split)?;
            }
            registry.counter(&catalog::DECISIONS, labels)
        };
        let [valid, invalid, unknown, refused, aborted, cancelled] = Ending::LABELS.map(ending);
        Ok(Self {
            staleness: histogram(&catalog::DECISION_STALENESS)?,
            spread: histogram(&catalog::DECISION_SPREAD)?,
            coherence_gap: histogram(&catalog::DECISION_COHERENCE_GAP)?,
            staleness_unknown: registry
                .counter(&catalog::DECISION_STALENESS_UNKNOWN, labels.clone())?,
            endings: [valid?, invalid?, unknown?, refused?, aborted?, cancelled?],
        })
    }
}

/// Makes a histogram that is exact at these edges.
pub(crate) fn histogram(
    registry: &Registry,
    signal: &'static Signal,
    labels: Labels,
    edges_ns: &[u64],
) -> Result<Histogram, RegisterError> {
    registry.histogram(HistogramSpec::new(signal, labels).edges(edges_ns))
}
