use crate::Labels;
use std::borrow::Cow;

/// Every instrument of a registry at one instant, in the shape that every format is written from.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// The families, in order of registration; no name twice.
    pub families: Vec<Family>,
}

/// All series of one name.
#[derive(Clone, Debug)]
pub struct Family {
    /// The family's Prometheus name: base units, no `_total`, no `_bucket`.
    pub name: Cow<'static, str>,
    /// One sentence for a person.
    pub help: Cow<'static, str>,
    /// The Prometheus unit that the name ends in (`seconds`), if it has one.
    pub unit: Option<&'static str>,
    /// What its values are.
    pub kind: FamilyKind,
    /// Its series; no label set twice.
    pub series: Vec<Series>,
}

/// What the values of a family are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FamilyKind {
    /// Only grows, until the process ends.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Buckets, count and sum.
    Histogram,
}

/// One series of a family.
#[derive(Clone, Debug)]
pub struct Series {
    /// Its labels.
    pub labels: Labels,
    /// Its value, of its family's kind.
    pub value: Value,
}

/// A series' value.
#[derive(Clone, Debug)]
pub enum Value {
    /// A counter of events.
    Count(u64),
    /// A counter of seconds, held in nanoseconds so that nothing drifts.
    SecondsNs(u128),
    /// A gauge.
    Gauge(f64),
    /// A histogram.
    Histogram(HistogramValue),
}

/// A histogram's value. Its count is the sum of its buckets, so that no scrape can tear it.
#[derive(Clone, Debug, Default)]
pub struct HistogramValue {
    /// Buckets by upper bound, ascending; what lies above the last is in `above`.
    pub buckets: Vec<Bucket>,
    /// Observations above the last bucket's bound.
    pub above: u64,
    /// The sum of what was observed, in the family's unit.
    pub sum: f64,
}

/// One bucket of a histogram.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bucket {
    /// Its upper bound in the family's unit; a value on it is inside.
    pub le: f64,
    /// Observations in this bucket alone: not cumulative.
    pub count: u64,
}

impl HistogramValue {
    /// Returns how many observations there are: the sum of the buckets.
    pub fn count(&self) -> u64 {
        self.buckets.iter().map(|bucket| bucket.count).sum::<u64>() + self.above
    }
}
