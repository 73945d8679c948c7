use crate::Labels;
use std::sync::Arc;

/// The identity of a series: its sample name and its labels.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SeriesKey {
    /// The sample's name, suffix included: `http_requests_total`, `x_bucket`.
    pub name: Arc<str>,
    /// Its labels, `le` included.
    pub labels: Labels,
}

/// A series' number within one decoder, so within one target: dense, and never given twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SeriesIndex(pub u32);

/// One value of one series.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample {
    /// Which series.
    pub series: SeriesIndex,
    /// Its value, as it was exposed: it may be NaN or infinite, which whoever counts refuses.
    pub value: f64,
    /// Its own time in milliseconds since the Unix epoch, where the exposition gives one.
    pub at_ms: Option<i64>,
    /// Whether the value is what a counter counted since its sample before, as who pushes may send
    /// it, rather than since it began.
    pub is_delta: bool,
}

/// Why a sample was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RefusalReason {
    /// The series stands twice in one body; the first is kept.
    Duplicate,
    /// The target has more series than its limit.
    SeriesLimit,
    /// The family has more label sets than its limit.
    LabelSetLimit,
    /// A counter that is NaN, negative or infinite.
    NotANumber,
    /// A time before that of the last sample.
    OutOfOrder,
    /// A time in the future.
    InFuture,
    /// A time so long ago that no sender repeats it.
    TooOld,
}

impl RefusalReason {
    /// Returns the value of the label `reason`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Duplicate => "duplicate",
            Self::SeriesLimit => "series_limit",
            Self::LabelSetLimit => "label_set_limit",
            Self::NotANumber => "not_a_number",
            Self::OutOfOrder => "out_of_order",
            Self::InFuture => "in_future",
            Self::TooOld => "too_old",
        }
    }
}

/// Samples that one body held too many of, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Why.
    pub reason: RefusalReason,
    /// How many.
    pub samples: u64,
}

/// What one body held, series in the order of the body.
#[derive(Clone, Debug, Default)]
pub struct Scrape {
    /// The samples that were taken.
    pub samples: Vec<Sample>,
    /// Those that weren't.
    pub refused: Vec<Refusal>,
    /// Samples of series that nobody asked for, which were let go.
    pub unread: u64,
}

impl Scrape {
    /// Returns how many samples were good, read or not.
    pub fn count(&self) -> usize {
        self.samples.len() + usize::try_from(self.unread).unwrap_or(usize::MAX)
    }
}
