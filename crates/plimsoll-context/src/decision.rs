use crate::commit::Committing;
use crate::composite::{Composite, Fault};
use crate::keys::Keys;
use crate::point::Point;
use crate::report::{Committed, Guarded};
use crate::series::{Ending, Reason};
use crate::{ConflictKey, Reading, Source};
use plimsoll::Outcome;
use plimsoll::instrument::Stay;
use std::future::Future;
use std::sync::Arc;

/// A decision that is being taken: it reads, then commits or not.
///
/// Dropped before it commits it counts as `cancelled`, as when its future is dropped at an await or a
/// panic unwinds it. It holds no lock, so it may be kept over an await and sent to another thread.
#[derive(Debug)]
#[must_use = "a decision that is dropped counts as cancelled"]
pub struct Decision {
    open: Open,
    composite: Composite,
}

/// A decision in flight, until it is dropped.
#[derive(Debug)]
pub(crate) struct Open {
    pub(crate) point: Arc<Point>,
    pub(crate) keys: Keys,
    level: Option<Stay>,
    in_flight_at_begin: u64,
    ended: Option<(usize, Ending)>,
}

impl Open {
    /// Returns the place of the decision's band as of now.
    pub(crate) fn band(&self) -> usize {
        self.point.band(self.in_flight_at_begin.max(self.point.in_flight()))
    }

    /// Ends it.
    pub(crate) fn end(mut self, band: usize, ending: Ending) {
        self.ended = Some((band, ending));
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        // First: a commit that is over is no longer in anybody's way.
        self.keys.end(&self.point.sequences);
        let (band, ending) = self.ended.unwrap_or_else(|| (self.band(), Ending::Cancelled));
        self.point.leave(band, ending);
        if let Some(level) = self.level.take() {
            level.end(match ending {
                Ending::Committed(_) | Ending::Refused => Outcome::Ok,
                Ending::Aborted => Outcome::Error,
                Ending::Cancelled => Outcome::Cancelled,
            });
        }
    }
}

impl Decision {
    pub(crate) fn new(point: Arc<Point>) -> Self {
        let level = Some(point.level.enter());
        let in_flight_at_begin = point.enter();
        let open = Open { point, keys: Keys::default(), level, in_flight_at_begin, ended: None };
        Self { open, composite: Composite::new() }
    }

    /// Adds a key of which nothing is read yet.
    pub(crate) fn watch(&mut self, key: ConflictKey) {
        let Open { point, keys, .. } = &mut self.open;
        if let Err(reason) = keys.watch(&point.sequences, key) {
            point.note(reason);
        }
    }

    /// Says how current something is that the decision has just read.
    ///
    /// A reading that can't be, from the future by more than the clock error or over before it began, is
    /// counted in `concurrency_decision_errors_total` and taken as unknown. One from the future by less
    /// has the age 0, and is counted in `concurrency_clock_skew_total`.
    pub fn read(&mut self, source: &Source, reading: Reading) {
        let point = &self.open.point;
        match self.composite.take(reading, &*point.clock, point.clock_error_ns) {
            Ok(None) => {}
            Ok(Some(read)) => {
                source.observe(point.band(point.in_flight()), read);
                if read.is_ahead {
                    point.series.skew();
                }
            }
            Err(fault) => point.note(fault.into()),
        }
    }

    /// Notes the version that the store gave `key`, with its data or before it: the decision is then
    /// judged by what the store says at its commit, which holds across processes.
    ///
    /// A version that is read after the data it belongs to hides what happens between.
    pub fn read_version(&mut self, key: ConflictKey, version: u64) {
        let Open { point, keys, .. } = &mut self.open;
        if let Err(reason) = keys.read(&point.sequences, key, version) {
            point.note(reason);
        }
    }

    /// Begins the commit, for stores whose commit is no future: do the store's own now, and say how it
    /// went.
    pub fn begin_commit(mut self) -> Committing {
        let Open { point, keys, .. } = &mut self.open;
        keys.begin(&point.sequences);
        Committing::new(self.open, self.composite)
    }

    /// Begins the commit if the decision has seen every other commit of its keys that was begun in this
    /// process; otherwise the decision is refused.
    pub fn begin_commit_guarded(mut self) -> Option<Committing> {
        let Open { point, keys, .. } = &mut self.open;
        if keys.begin_alone(&point.sequences) {
            return Some(Committing::new(self.open, self.composite));
        }
        let band = self.open.band();
        self.open.end(band, Ending::Refused);
        None
    }

    /// Commits by `store`, the store's own commit, and says what is known of the decision.
    ///
    /// # Errors
    /// That of `store`; the decision is then `aborted`. Dropped while the store is at it, it is
    /// `cancelled`, although the store may have taken it.
    pub async fn commit<T, E>(
        self,
        store: impl Future<Output = Result<T, E>>,
    ) -> Result<Committed<T>, E> {
        let committing = self.begin_commit();
        match store.await {
            Ok(value) => Ok(Committed { value, report: committing.committed() }),
            Err(error) => {
                committing.aborted();
                Err(error)
            }
        }
    }

    /// Commits by `store`, which also returns the version that its commit has given the decision's key:
    /// the only one of which [`read_version`](Self::read_version) was called.
    ///
    /// # Errors
    /// That of `store`; the decision is then `aborted`.
    pub async fn commit_versioned<T, E>(
        self,
        store: impl Future<Output = Result<(T, u64), E>>,
    ) -> Result<Committed<T>, E> {
        let mut committing = self.begin_commit();
        match store.await {
            Ok((value, version)) => {
                committing.made_only(version);
                Ok(Committed { value, report: committing.committed() })
            }
            Err(error) => {
                committing.aborted();
                Err(error)
            }
        }
    }

    /// Commits only if nobody overtook the decision: what the detector would count is refused instead.
    ///
    /// Within the process the stripes refuse, before `store` is polled: a decision that was overtaken, or
    /// that shares a stripe with one that was. Between processes only the store can: `store` compares and
    /// sets, as `UPDATE … WHERE version = $1` does, and returns `None` when somebody else came first.
    ///
    /// # Errors
    /// That of `store`; the decision is then `aborted`.
    pub async fn commit_guarded<T, E>(
        self,
        store: impl Future<Output = Result<Option<T>, E>>,
    ) -> Result<Guarded<T>, E> {
        let Some(mut committing) = self.begin_commit_guarded() else {
            return Ok(Guarded::Refused);
        };
        match store.await {
            Ok(Some(value)) => {
                committing.made_next();
                Ok(Guarded::Committed(Committed { value, report: committing.committed() }))
            }
            Ok(None) => {
                committing.refused();
                Ok(Guarded::Refused)
            }
            Err(error) => {
                committing.aborted();
                Err(error)
            }
        }
    }

    /// Ends the decision without a commit, as when it turns out that there is nothing to do.
    pub fn abort(self) {
        let band = self.open.band();
        self.open.end(band, Ending::Aborted);
    }
}

impl From<Fault> for Reason {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Ahead => Self::Ahead,
            Fault::Inverted => Self::Inverted,
            Fault::ClockStep => Self::ClockStep,
        }
    }
}
