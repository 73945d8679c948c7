//! The vocabulary that every other crate shares: which signals exist, how a series is labelled,
//! how a histogram is laid out, and the values that pass from hop to hop.
//!
//! Nothing here reads a clock, opens a socket or depends on another crate.

#![forbid(unsafe_code)]

pub mod bucket;
pub mod catalog;
mod counts;
mod detail;
mod exemplar;
pub mod exponential;
mod label;
mod scrape;
mod selector;
mod signal;
mod snapshot;
mod time;

pub use counts::{Counts, Interval, WindowCounts};
pub use detail::{Detail, Details};
pub use exemplar::{Exemplar, TraceContext};
pub use exponential::Exponential;
pub use label::{LabelError, Labels};
pub use scrape::{Refusal, RefusalReason, Sample, Scrape, SeriesIndex, SeriesKey};
pub use selector::{MatchOp, Matcher, Selector};
pub use signal::{Kind, LevelPart, Signal};
pub use snapshot::{Bucket, Family, FamilyKind, HistogramValue, Series, Snapshot, Value};
pub use time::TimeMs;
