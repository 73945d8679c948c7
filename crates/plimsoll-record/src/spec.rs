//! What an instrument is to be: filled in by the caller, checked by the registry.

use crate::{Activity, Counter, Outcome};
use plimsoll_model::{Labels, Signal, bucket};

/// What an [`Activity`] is to record.
#[derive(Clone, Debug)]
pub struct ActivitySpec {
    /// The level, of [`plimsoll_model::Kind::Level`].
    pub signal: &'static Signal,
    /// The labels of the level.
    pub labels: Labels,
    /// The level from which time counts as saturated; none when there is no limit.
    pub limit: Option<u64>,
    /// Upper bounds of the time-weighted histogram besides the powers of two and the limit.
    pub time_weighted_edges: Vec<u64>,
    /// The lower edges of the bands, ascending; the first must be 1.
    pub bands: Vec<u64>,
    /// How long each stay took.
    pub duration: Option<HistogramSpec>,
    /// The counter of what ended, by `outcome` and `band`.
    pub outcomes: Option<&'static Signal>,
    /// The gauge of the shortest stay that ended within the last 60 s.
    pub duration_min: Option<&'static Signal>,
}

impl ActivitySpec {
    /// Describes a bare level without a limit, with the default bands.
    pub fn new(signal: &'static Signal, labels: Labels) -> Self {
        Self {
            signal,
            labels,
            limit: None,
            time_weighted_edges: Vec::new(),
            bands: bucket::DEFAULT_BANDS.to_vec(),
            duration: None,
            outcomes: None,
            duration_min: None,
        }
    }

    /// Sets the level from which time counts as saturated.
    #[must_use]
    pub fn limit(mut self, limit: u64) -> Self {
        self.limit = Some(limit);
        self
    }

    /// Adds a histogram of how long each stay took, under the level's labels.
    #[must_use]
    pub fn duration(mut self, signal: &'static Signal, split: Split) -> Self {
        self.duration = Some(HistogramSpec::new(signal, self.labels.clone()).split(split));
        self
    }

    /// Adds exact edges, in nanoseconds, to the histogram of durations, if there is one.
    #[must_use]
    pub fn duration_edges(mut self, edges_ns: &[u64]) -> Self {
        self.duration = self.duration.map(|duration| duration.edges(edges_ns));
        self
    }

    /// Adds a counter of what ended, by `outcome` and `band`.
    #[must_use]
    pub fn outcomes(mut self, signal: &'static Signal) -> Self {
        self.outcomes = Some(signal);
        self
    }

    /// Adds the gauge of the shortest stay that ended within the last 60 s.
    #[must_use]
    pub fn duration_min(mut self, signal: &'static Signal) -> Self {
        self.duration_min = Some(signal);
        self
    }

    /// Replaces the bands' lower edges.
    #[must_use]
    pub fn bands(mut self, edges: &[u64]) -> Self {
        self.bands = edges.to_vec();
        self
    }
}

/// What a [`crate::Histogram`], or the durations of an [`Activity`], are to record.
#[derive(Clone, Debug)]
pub struct HistogramSpec {
    /// The family. Of a signal in seconds nanoseconds are observed, of others the unit itself.
    pub signal: &'static Signal,
    /// The labels, without the one that `split` adds.
    pub labels: Labels,
    /// Edges that are exact in the export, besides the default ones: an SLO's thresholds. A value
    /// on an edge is below it.
    pub edges: Vec<u64>,
    /// The label that an observation chooses by itself.
    pub split: Split,
    /// Counters of observations of 0, one for each series of the split in its order.
    pub zeros: Vec<Counter>,
}

impl HistogramSpec {
    /// Describes a histogram with the default edges and no split.
    pub fn new(signal: &'static Signal, labels: Labels) -> Self {
        Self { signal, labels, edges: Vec::new(), split: Split::None, zeros: Vec::new() }
    }

    /// Adds exact edges: nanoseconds for a signal in seconds, else the signal's unit.
    #[must_use]
    pub fn edges(mut self, edges: &[u64]) -> Self {
        self.edges.extend_from_slice(edges);
        self
    }

    /// Sets the label that an observation chooses by itself.
    #[must_use]
    pub fn split(mut self, split: Split) -> Self {
        self.split = split;
        self
    }

    /// Takes what `counters` count as observations of 0, one counter for each series of the split in
    /// its order: a wait that wasn't one then costs an addition and no edge.
    #[must_use]
    pub fn zeros(mut self, counters: &[Counter]) -> Self {
        self.zeros = counters.to_vec();
        self
    }
}

/// The label by which one histogram becomes several series.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Split {
    /// One series.
    None,
    /// A label with known values; an observation gives the index of its own.
    Label {
        /// The label's name.
        label: &'static str,
        /// Its values.
        values: &'static [&'static str],
    },
    /// The label `band`: the level of an activity when the observation was made, the observed one
    /// included, as the band's lower edge.
    Band(Activity),
}

impl Split {
    /// The label `outcome`; an observation gives [`Outcome::index`].
    pub const OUTCOME: Self = Self::Label { label: "outcome", values: &Outcome::NAMES };
}
