//! What the readings of one decision say together, folded as they come.

use crate::Bounds;
use crate::reading::{Reading, Stamp};
use crate::time::{signed, unix_ns};
use plimsoll::Clock;

/// Why a reading, or all of a decision's, can't be judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Its content is said to be from the future.
    Ahead,
    /// It ended before it began.
    Inverted,
    /// The wall clock was set between the first reading and the commit.
    ClockStep,
}

/// How the wall clock stood against the process's own when a decision first needed to know.
#[derive(Clone, Copy, Debug)]
struct Anchor {
    /// The wall clock's time minus the own clock's, at most.
    ahead_ns: i64,
    /// How much less it may be: the own clock was read before and after the wall's.
    error_ns: u64,
}

impl Anchor {
    /// Reads the wall clock after the own one has shown `before_ns`.
    fn read(clock: &dyn Clock, before_ns: u64) -> Self {
        let wall_ns = unix_ns(clock.wall());
        let error_ns = clock.own_ns().saturating_sub(before_ns);
        Self { ahead_ns: wall_ns.saturating_sub(signed(before_ns)), error_ns }
    }

    /// Says whether the wall clock was set since, when the own one has shown `before_ns`.
    fn is_void(self, clock: &dyn Clock, before_ns: u64) -> bool {
        let again = Self::read(clock, before_ns);
        let moved_ns = again.ahead_ns.saturating_sub(self.ahead_ns).unsigned_abs();
        moved_ns > STEP_NS_MIN.saturating_add(self.error_ns).saturating_add(again.error_ns)
    }
}

/// The least by which the wall clock moves against the own one when it is set: less is how clocks are
/// adjusted while a decision is taken.
const STEP_NS_MIN: u64 = 5_000_000;

/// Readings of the own clock on two threads that are nearer than this have no order.
const ORDER_NS: i64 = 1_000;

/// The extremes of all readings, in nanoseconds of the process's own clock.
#[derive(Clone, Debug)]
pub(crate) struct Composite {
    anchor: Option<Anchor>,
    readings: u32,
    is_known: bool,
    /// The latest time from which on something that was read is known to have been true.
    since_max: Option<i64>,
    /// The latest time at which something that was read is known to have been true at first.
    true_at_first_max: i64,
    /// The earliest time at which something that was read is known to have been replaced.
    until_min: Option<i64>,
    /// The earliest time until which something that was read is known to have been true.
    true_at_last_min: i64,
    as_of_max: i64,
    as_of_min: i64,
}

/// What is known of a source when it was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Read {
    /// How old it was; 0 when it is said to be from the future.
    pub(crate) age_ns: u64,
    /// The time that it stood for, since 1970.
    pub(crate) as_of_unix_ns: i64,
    /// It is said to be from the future, by no more than the clock error.
    pub(crate) is_ahead: bool,
}

/// One reading on the process's own clock.
#[derive(Clone, Copy, Debug)]
struct Placed {
    as_of: i64,
    since: Option<i64>,
    until: Option<i64>,
}

/// What is known of the composite at a decision's commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Assessment {
    pub(crate) staleness: Bounds,
    pub(crate) spread: Bounds,
    pub(crate) coherence_gap: Bounds,
}

impl Composite {
    pub(crate) fn new() -> Self {
        Self {
            anchor: None,
            readings: 0,
            is_known: true,
            since_max: None,
            true_at_first_max: i64::MIN,
            until_min: None,
            true_at_last_min: i64::MAX,
            as_of_max: i64::MIN,
            as_of_min: i64::MAX,
        }
    }

    /// Takes a reading that was made just now. Returns how current it was, or what is wrong with it; of
    /// a reading of which nothing is known, nothing.
    pub(crate) fn take(
        &mut self,
        reading: Reading,
        clock: &dyn Clock,
        error_ns: u64,
    ) -> Result<Option<Read>, Fault> {
        self.readings += 1;
        let now_ns = clock.own_ns();
        let now = signed(now_ns);
        let Some(placed) = self.place(reading, now_ns, clock) else {
            self.is_known = false;
            return Ok(None);
        };
        let anchor_ns = self.anchor.map_or(0, |anchor| anchor.error_ns);
        let now_max = now.saturating_add(signed(anchor_ns)).saturating_add(ORDER_NS);
        if let Err(fault) = placed.check(now_max.saturating_add(signed(error_ns))) {
            self.is_known = false;
            return Err(fault);
        }
        let Placed { as_of, since, until } = placed;
        self.since_max = self.since_max.max(since);
        self.true_at_first_max = self.true_at_first_max.max(since.unwrap_or(as_of));
        self.until_min = [self.until_min, until].into_iter().flatten().min();
        self.true_at_last_min = self.true_at_last_min.min(until.unwrap_or(as_of));
        self.as_of_max = self.as_of_max.max(as_of);
        self.as_of_min = self.as_of_min.min(as_of);
        // Not kept where only the own clock has stamped: a step of the wall's is no matter there.
        let anchor = self.anchor.unwrap_or_else(|| Anchor::read(clock, now_ns));
        Ok(Some(Read {
            age_ns: u64::try_from(now.saturating_sub(as_of)).unwrap_or(0),
            as_of_unix_ns: as_of.saturating_add(anchor.ahead_ns),
            is_ahead: as_of > now_max,
        }))
    }

    /// Places a reading on the own clock; none when nothing bounds how current it was.
    fn place(&mut self, reading: Reading, now_ns: u64, clock: &dyn Clock) -> Option<Placed> {
        let mut own = |stamp: Stamp| match stamp {
            Stamp::Own(ns) => signed(ns),
            Stamp::Wall(at) => {
                let anchor = self.anchor.get_or_insert_with(|| Anchor::read(clock, now_ns));
                unix_ns(at).saturating_sub(anchor.ahead_ns)
            }
        };
        let (since, until) = (reading.since.map(&mut own), reading.until.map(&mut own));
        let as_of = reading.as_of.map(own);
        // What was true until some time to come is true now.
        as_of.or(until.map(|until| until.min(signed(now_ns)))).map(|as_of| Placed {
            as_of,
            since,
            until,
        })
    }

    /// Judges all readings as of now, at the commit.
    pub(crate) fn assess(&self, clock: &dyn Clock, error_ns: u64) -> (Assessment, Option<Fault>) {
        let now_ns = clock.own_ns();
        if self.anchor.is_some_and(|anchor| anchor.is_void(clock, now_ns)) {
            return (Assessment::UNKNOWN, Some(Fault::ClockStep));
        }
        let now = signed(now_ns);
        let anchored_ns = |anchor: Anchor| signed(error_ns.saturating_add(anchor.error_ns));
        let error = self.anchor.map_or(0, anchored_ns);
        let is_known = self.is_known && self.readings > 0;
        let known = |ns: i64| is_known.then_some(ns);
        let stale_ns = self.until_min.map_or(0, |until| now.saturating_sub(until));
        let stale_ns_max = known(now.saturating_sub(self.true_at_last_min));
        let staleness = Bounds::measured(stale_ns, stale_ns_max, error);
        if self.readings == 1 && is_known {
            // There is nothing that a single source could disagree with.
            let none = Bounds::ZERO;
            return (Assessment { staleness, spread: none, coherence_gap: none }, None);
        }
        // Between two sources the errors of both count.
        let error = error.saturating_mul(2);
        let spread_ns = self.as_of_max.saturating_sub(self.as_of_min);
        let apart_ns = self.since_max.zip(self.until_min);
        let apart_ns = apart_ns.map_or(0, |(since, until)| since.saturating_sub(until));
        let apart_ns_max = self.true_at_first_max.saturating_sub(self.true_at_last_min);
        let apart = Bounds::measured(apart_ns, known(apart_ns_max), error);
        // Nothing that was read became true after the commit.
        let coherence_gap = Bounds { upper: apart.upper.min(staleness.upper), ..apart };
        let spread = Bounds::measured(spread_ns, known(spread_ns), error);
        (Assessment { staleness, spread, coherence_gap }, None)
    }
}

impl Assessment {
    const UNKNOWN: Self = Self {
        staleness: Bounds::UNKNOWN,
        spread: Bounds::UNKNOWN,
        coherence_gap: Bounds::UNKNOWN,
    };
}

impl Placed {
    /// Holds a reading to what can be.
    fn check(self, now_max: i64) -> Result<(), Fault> {
        if self.as_of > now_max || self.since.is_some_and(|since| since > now_max) {
            return Err(Fault::Ahead);
        }
        let is_inverted = self.since.zip(self.until).is_some_and(|(since, until)| until < since);
        if is_inverted { Err(Fault::Inverted) } else { Ok(()) }
    }
}
