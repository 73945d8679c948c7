//! What sources tell the engine.

use plimsoll_exposition::push::Point;
use plimsoll_model::{Scrape, SeriesIndex, SeriesKey, TimeMs};
use plimsoll_store::Target;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;
use tokio::sync::OwnedSemaphorePermit;

/// A target's number: as long as a configuration stands, none is given twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct TargetNumber(pub(crate) usize);

/// One piece of news.
#[derive(Debug)]
pub(crate) enum Heard {
    /// A target that is expected from now on.
    Come(Box<Arrival>),
    /// A target that is expected no longer.
    Gone(TargetNumber),
    /// A target was scraped, or wasn't.
    Report(Report),
    /// A body that somebody pushed.
    Pushed(PushedBatch),
    /// A server that counts SLOs answered.
    Answered(crate::backend::Heard),
    /// What of a target isn't known although it answers, in words; `None` when all is.
    Trouble { target: TargetNumber, said: Option<String> },
    /// Why the targets of a job aren't all that there are; `None` when they are again.
    Discovery { job: String, error: Option<String> },
}

/// A target that is expected from now on.
#[derive(Debug)]
pub(crate) struct Arrival {
    pub(crate) number: TargetNumber,
    pub(crate) target: Target,
    pub(crate) url: String,
    /// Samples that were let go because the engine's queue was full.
    pub(crate) dropped: Arc<AtomicU64>,
}

/// What one pushed body held.
#[derive(Debug)]
pub(crate) struct PushedBatch {
    /// How it came, in words for the page.
    pub(crate) via: &'static str,
    /// When it came.
    pub(crate) at: TimeMs,
    /// Times in it are those of the daemon's clock.
    pub(crate) points: Vec<Point>,
    /// Given back once the engine has taken the points: so many wait at most.
    pub(crate) _room: OwnedSemaphorePermit,
}

/// What one attempt to scrape one target gave.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) target: TargetNumber,
    /// When the request was sent.
    pub(crate) at: TimeMs,
    pub(crate) took: Duration,
    /// What was scraped, or why nothing was, in words for the page.
    pub(crate) outcome: Result<Scraped, String>,
}

/// A decoded body.
#[derive(Debug, Default)]
pub(crate) struct Scraped {
    pub(crate) scrape: Scrape,
    /// The names of those series that no report has named before, by index.
    pub(crate) named: BTreeMap<SeriesIndex, SeriesKey>,
}
