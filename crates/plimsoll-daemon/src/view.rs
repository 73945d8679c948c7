//! What the engine shows of itself after each step: plain data that every request reads.

use crate::links::Links;
use crate::notify::AlertList;
use plimsoll_model::{Counts, Labels, RefusalReason, TimeMs};
use plimsoll_slo::{Alert, AlertName, AlertState, Assessment, Backend, Reason, Slo};
use plimsoll_store::Recent;
use std::borrow::Cow;
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
    /// Why the targets of a job aren't all that there are: job and reason.
    pub(crate) discovery: Vec<(String, String)>,
    /// The instant whose state is safe on disk.
    pub(crate) flushed_at: Option<TimeMs>,
    /// Why the state isn't on disk, if it isn't.
    pub(crate) flush_error: Option<String>,
    pub(crate) links: Arc<Links>,
}

/// The one word about an SLO.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Page,
    Unknown,
    Ticket,
    Notice,
    Pending,
    Ok,
}

impl State {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Page => "page",
            Self::Unknown => "unknown",
            Self::Ticket => "ticket",
            Self::Notice => "notice",
            Self::Pending => "pending",
            Self::Ok => "ok",
        }
    }
}

impl View {
    /// Returns the one word about an SLO. Only a page for what is known to be bad outdoes not
    /// knowing: whoever can't see can't say that all is well either.
    pub(crate) fn state(&self, slo: &SloView) -> State {
        let firing = |name| {
            let is = |alert: &&Alert| alert.name == name && alert.state == AlertState::Firing;
            slo.alerts.iter().find(is).is_some()
        };
        let pends = slo.alerts.iter().any(|alert| alert.state == AlertState::Pending);
        if firing(AlertName::Page) {
            State::Page
        } else if !self.is_seen(slo) {
            State::Unknown
        } else if firing(AlertName::NoData) {
            State::Page
        } else if firing(AlertName::Ticket) {
            State::Ticket
        } else if firing(AlertName::Notice) {
            State::Notice
        } else if pends {
            State::Pending
        } else {
            State::Ok
        }
    }

    /// Says whether some target that feeds the SLO answered last, and told something about it.
    fn is_seen(&self, slo: &SloView) -> bool {
        let is_dark = slo.assessment.windows.first().is_some_and(|shortest| {
            matches!(shortest.reason, Some(Reason::NoData | Reason::NeverSeen))
        });
        let is_told = match &slo.backend_error {
            Some(error) => error.is_none(),
            None => self.feeding(slo).any(TargetView::is_up),
        };
        !is_dark && is_told
    }

    /// Returns why an SLO isn't seen, a sentence for each target that doesn't answer: those that
    /// feed it, or all while none does, because then any of them may be the one.
    pub(crate) fn blind(&self, slo: &SloView) -> Vec<String> {
        if self.is_seen(slo) {
            return Vec::new();
        }
        if let Some(error) = &slo.backend_error {
            let server = match &slo.slo.backend {
                Backend::Prometheus(name) => name.as_str(),
                Backend::Own => "its server",
            };
            return error.iter().map(|error| format!("{server}: {error}")).collect();
        }
        if slo.feeds.is_empty() {
            return self.targets.iter().filter_map(TargetView::sentence).collect();
        }
        self.feeding(slo).filter_map(TargetView::sentence).collect()
    }

    fn feeding(&self, slo: &SloView) -> impl Iterator<Item = &TargetView> {
        slo.feeds.iter().filter_map(|position| self.targets.get(*position))
    }
}

impl TargetView {
    fn is_up(&self) -> bool {
        self.last.as_ref().is_some_and(|last| last.outcome.is_ok())
    }

    fn sentence(&self) -> Option<String> {
        let reason = self.last.as_ref()?.outcome.as_ref().err()?;
        Some(format!("{} {}: {reason}", self.job, self.instance))
    }
}

/// One SLO, or one group of it.
#[derive(Clone, Debug)]
pub(crate) struct SloView {
    pub(crate) id: String,
    pub(crate) slo: Arc<Slo>,
    pub(crate) group: Labels,
    pub(crate) assessment: Assessment,
    /// Everything that was counted since the daemon started.
    pub(crate) counted: Counts,
    pub(crate) alerts: Vec<Alert>,
    /// For an SLO that a server counts: why it didn't, if it didn't.
    pub(crate) backend_error: Option<Option<String>>,
    /// Series that the SLO's bound on groups refused.
    pub(crate) groups_refused: u64,
    /// Since when it is watched.
    pub(crate) watched_since: TimeMs,
    /// What its history holds beyond the archive.
    pub(crate) recent: Recent,
    /// The positions of the targets that feed it.
    pub(crate) feeds: Vec<usize>,
    /// The histogram edges that the threshold lies between, when it is no edge itself.
    pub(crate) between_edges: Option<(f64, f64)>,
    /// Which part of all events it counts, if it counts an in-flight band.
    pub(crate) band: Option<BandView>,
}

/// Which part of all events an SLO of an in-flight band counts; none where there were none.
#[derive(Clone, Debug)]
pub(crate) struct BandView {
    pub(crate) operation: String,
    /// The lower edge of the least band that counts.
    pub(crate) at_least: u64,
    /// By length.
    pub(crate) windows: Vec<(Duration, Option<f64>)>,
    pub(crate) period: Option<f64>,
}

/// Labels that tell the series of one SLO apart; a group's label of that name gives way, as a
/// scraped label does in Prometheus. Those that name the SLO are refused with its file.
const RESERVED: [&str; 3] = ["bound", "verdict", "window"];

impl SloView {
    /// Returns the group's labels, none of which replaces what tells series and alerts apart.
    pub(crate) fn group_labels(&self) -> impl Iterator<Item = (Cow<'_, str>, &str)> {
        self.group.iter().map(|(name, value)| match RESERVED.contains(&name) {
            true => (Cow::Owned(format!("exported_{name}")), value),
            false => (Cow::Borrowed(name), value),
        })
    }
}

/// One live level and where it was scraped.
#[derive(Clone, Debug)]
pub(crate) struct LevelView {
    pub(crate) job: String,
    pub(crate) instance: String,
    pub(crate) level: plimsoll_store::LevelView,
}

/// One target and how it was last scraped.
#[derive(Clone, Debug)]
pub(crate) struct TargetView {
    pub(crate) job: String,
    pub(crate) instance: String,
    pub(crate) url: String,
    pub(crate) interval: Duration,
    pub(crate) last: Option<LastScrape>,
    /// What isn't known although it answers.
    pub(crate) doubt: Option<String>,
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
