use crate::ConflictKey;
use crate::composite::{Assessment, Composite};
use crate::decision::Open;
use crate::report::{Report, Verdict};
use crate::series::Ending;
use std::time::Duration;

/// A decision that the store is about to take, until somebody says how it went.
///
/// Dropped without a word, as when its future is dropped at an await, it counts as `cancelled`; the
/// store may have taken it all the same, and then nobody else's commit shows it.
#[derive(Debug)]
#[must_use = "a commit that is dropped counts as cancelled"]
pub struct Committing {
    open: Open,
    composite: Composite,
}

impl Committing {
    pub(crate) fn new(open: Open, composite: Composite) -> Self {
        Self { open, composite }
    }

    /// Notes the version that the store has given `key` in this commit.
    pub fn made_version(&mut self, key: ConflictKey, version: u64) {
        self.open.keys.made(key, version);
    }

    pub(crate) fn made_only(&mut self, version: u64) {
        self.open.keys.made_only(version);
    }

    pub(crate) fn made_next(&mut self) {
        self.open.keys.made_next();
    }

    /// The store has taken it. Returns what is known of the decision, as of now.
    pub fn committed(self) -> Report {
        let Self { mut open, composite } = self;
        open.keys.end(&open.point.sequences);
        let point = &*open.point;
        let (assessment, fault) = composite.assess(&*point.clock, point.clock_error_ns);
        if let Some(fault) = fault {
            point.note(fault.into());
        }
        let conflicts = open.keys.conflicts(&point.sequences, |reason| point.note(reason));
        let band = open.band();
        let report = Report {
            band: point.bands.get(band).copied().unwrap_or(1),
            staleness: assessment.staleness,
            spread: assessment.spread,
            coherence_gap: assessment.coherence_gap,
            conflicts,
            verdict: assessment.verdict(point.validity),
        };
        point.series.observe(band, &report);
        open.end(band, Ending::Committed(report.verdict));
        report
    }

    /// The store has refused it, since somebody else came first.
    pub fn refused(self) {
        self.end(Ending::Refused);
    }

    /// The store has failed, and taken nothing.
    pub fn aborted(self) {
        self.end(Ending::Aborted);
    }

    fn end(self, ending: Ending) {
        let band = self.open.band();
        self.open.end(band, ending);
    }
}

impl Assessment {
    /// Returns whether context that is good for `validity` was good at the commit. The coherence gap is
    /// within it if the staleness is: what was read last was true before the commit.
    fn verdict(self, validity: Duration) -> Verdict {
        match self.staleness.within(validity) {
            Some(true) => Verdict::Valid,
            Some(false) => Verdict::Invalid,
            None => Verdict::Unknown,
        }
    }
}
