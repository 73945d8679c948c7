//! What the engine shows of itself after each step: plain data that every request reads.

use crate::notify::AlertList;
use plimsoll_model::{Labels, RefusalReason, TimeMs};
use plimsoll_slo::{Assessment, Slo};
use plimsoll_store::LevelView;
use std::sync::Arc;
use std::time::Duration;

/// Everything as of one step.
#[derive(Clone, Debug, Default)]
pub(crate) struct View {
    pub(crate) at: TimeMs,
    pub(crate) slos: Vec<SloView>,
    pub(crate) alerts: AlertList,
    pub(crate) levels: Vec<LevelView>,
    pub(crate) targets: Vec<TargetView>,
    /// Why the state isn't on disk, if it isn't.
    pub(crate) flush_error: Option<String>,
}

/// One SLO, or one group of it.
#[derive(Clone, Debug)]
pub(crate) struct SloView {
    pub(crate) id: String,
    pub(crate) slo: Arc<Slo>,
    pub(crate) group: Labels,
    pub(crate) assessment: Assessment,
}

/// One target and how it was last scraped.
#[derive(Clone, Debug)]
pub(crate) struct TargetView {
    pub(crate) job: String,
    pub(crate) instance: String,
    pub(crate) url: String,
    pub(crate) interval: Duration,
    pub(crate) last: Option<LastScrape>,
    pub(crate) refused: Vec<(&'static str, u64)>,
    /// Ids of the SLOs that it feeds.
    pub(crate) slos: Vec<String>,
}

/// How the last scrape went.
#[derive(Clone, Debug)]
pub(crate) struct LastScrape {
    pub(crate) at: TimeMs,
    pub(crate) took: Duration,
    pub(crate) outcome: Result<usize, String>,
}

/// Samples that the engine's full queue refused, beside the store's own reasons.
pub(crate) const QUEUE_FULL: &str = "queue_full";

/// Puts the store's reasons and the queue's into one list.
pub(crate) fn refusals(store: Vec<(RefusalReason, u64)>, dropped: u64) -> Vec<(&'static str, u64)> {
    let queue = (dropped > 0).then_some((QUEUE_FULL, dropped));
    store.into_iter().map(|(reason, count)| (reason.as_str(), count)).chain(queue).collect()
}
