use std::ops::Range;
use std::time::SystemTime;

/// When something was so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stamp {
    /// On a wall clock, of this host or another: good to the declared clock error.
    Wall(SystemTime),
    /// On this process's own clock, in nanoseconds of [`Clock::own_ns`](crate::Clock::own_ns): no error.
    Own(u64),
}

impl From<SystemTime> for Stamp {
    fn from(at: SystemTime) -> Self {
        Self::Wall(at)
    }
}

/// What is known of how current something was that a decision read.
///
/// Say as much as the source says, and no more: what isn't known stays unknown.
///
/// | the source says | write |
/// |---|---|
/// | all that was committed up to `at` is in it (a frontier, a heartbeat, a snapshot's time) | `Reading::as_of(at)` |
/// | and its value has been the same since `from` | `.since(from)` |
/// | and the first commit that it lacks was made at `until` | `.until(until)` |
/// | its value was true from `from` to `until` | `Reading::valid(from..until)` |
/// | nothing | `Reading::unknown()` |
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    pub(crate) as_of: Option<Stamp>,
    pub(crate) since: Option<Stamp>,
    pub(crate) until: Option<Stamp>,
}

impl Reading {
    /// Everything that was committed up to `at` was in what was read.
    pub fn as_of(at: impl Into<Stamp>) -> Self {
        Self { as_of: Some(at.into()), ..Self::unknown() }
    }

    /// What was read was true from `when.start` until `when.end`, when another commit replaced it.
    pub fn valid<T: Into<Stamp>>(when: Range<T>) -> Self {
        Self { since: Some(when.start.into()), until: Some(when.end.into()), as_of: None }
    }

    /// Nothing is known: counted, and never taken as fresh.
    pub fn unknown() -> Self {
        Self { as_of: None, since: None, until: None }
    }

    /// What was read became true at `at`: the commit time of its version.
    #[must_use]
    pub fn since(self, at: impl Into<Stamp>) -> Self {
        Self { since: Some(at.into()), ..self }
    }

    /// The first commit that was missing from what was read was made at `at`.
    #[must_use]
    pub fn until(self, at: impl Into<Stamp>) -> Self {
        Self { until: Some(at.into()), ..self }
    }
}
