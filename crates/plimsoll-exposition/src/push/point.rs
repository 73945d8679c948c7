//! What a pushed body says, whatever it is written in.

use plimsoll_model::SeriesKey;

/// One point of one series.
#[derive(Clone, Debug, PartialEq)]
pub struct Point {
    /// Which series, `job` and `instance` included; of a histogram its name without a suffix.
    pub key: SeriesKey,
    /// Its own time in milliseconds since the Unix epoch.
    pub at_ms: i64,
    /// Since when it counts, where it says so.
    pub start_ms: Option<i64>,
    /// Whether it is what happened since the point before, rather than since its start.
    pub is_delta: bool,
    /// What it says.
    pub value: PointValue,
}

/// What a point says.
#[derive(Clone, Debug, PartialEq)]
pub enum PointValue {
    /// A counter, a gauge or one bucket.
    Number(f64),
    /// A histogram with exponential buckets, as far as thresholds ask.
    Histogram {
        /// All observations.
        count: u64,
        /// For each threshold what lies around it.
        edges: Vec<Edges>,
    },
    /// The series ended.
    Stale,
}

/// The bucket edges next to a threshold, and what is at or below them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Edges {
    /// The nearest edge at or below the threshold.
    pub lower: f64,
    /// The observations at or below it.
    pub lower_count: u64,
    /// The nearest edge at or above it.
    pub upper: f64,
    /// The observations at or below that.
    pub upper_count: u64,
}

/// What one body held.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pushed {
    /// The points that are of use.
    pub points: Vec<Point>,
    /// Samples, of use or not.
    pub samples: u64,
    /// Native histograms, of use or not.
    pub histograms: u64,
    /// Points whose name or labels Prometheus wouldn't accept.
    pub malformed: u64,
}
