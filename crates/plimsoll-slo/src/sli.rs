use plimsoll_model::Selector;
use std::fmt;
use std::num::NonZeroU32;
use std::time::Duration;

/// What is good and what is bad.
#[derive(Clone, Debug, PartialEq)]
pub enum Sli {
    /// Counters of events.
    Events {
        /// All events.
        total: Linear,
        /// Those that the total is split by.
        part: EventsPart,
        /// Those of the total that are neither good nor bad, because nobody could judge them.
        unknown: Option<Linear>,
    },
    /// A histogram of seconds: an event is good when it took at most `within`.
    /// Latency, lock wait and staleness are of this kind.
    Within {
        /// Which of the three it is, for words and units.
        of: WithinKind,
        /// The histogram, without `_bucket`.
        histogram: Selector,
        /// The threshold.
        within: Duration,
        /// Only events that met at least so many in flight.
        when: Option<InFlightAtLeast>,
    },
    /// An exact level: time is good while the level keeps its bound. Counts milliseconds.
    Level {
        /// The level, without a suffix.
        signal: Selector,
        /// The bound.
        bound: LevelBound,
    },
    /// A gauge of seconds: a slice is good while every partition is at most `at_most` behind.
    /// Counts milliseconds.
    Lag {
        /// The gauge.
        signal: Selector,
        /// The threshold.
        at_most: Duration,
    },
    /// A gauge of 1 and 0: a slice is good while every series is 1. Counts milliseconds.
    Up {
        /// The gauge.
        signal: Selector,
    },
    /// Other SLOs of the same service and file. It reads no series of its own.
    Composite(Composite),
    /// Any PromQL, asked of the SLO's [`crate::Backend`].
    Query {
        /// All events.
        total: Query,
        /// Those that the total is split by.
        part: EventsPart<Query>,
        /// What the queries count in.
        unit: QueryUnit,
    },
}

impl Sli {
    /// Says whether it counts milliseconds rather than events.
    pub fn counts_time(&self) -> bool {
        matches!(self, Self::Level { .. } | Self::Lag { .. } | Self::Up { .. } | Self::Composite(_))
    }
}

/// Which part of the total is given.
#[derive(Clone, Debug, PartialEq)]
pub enum EventsPart<T = Linear> {
    /// The good ones.
    Good(T),
    /// The bad ones.
    Bad(T),
}

impl<T> EventsPart<T> {
    /// Returns the same part of what it refers to.
    pub fn as_ref(&self) -> EventsPart<&T> {
        match self {
            Self::Good(good) => EventsPart::Good(good),
            Self::Bad(bad) => EventsPart::Bad(bad),
        }
    }

    /// Makes the same part of something else.
    pub fn map<U>(self, make: impl FnOnce(T) -> U) -> EventsPart<U> {
        match self {
            Self::Good(good) => EventsPart::Good(make(good)),
            Self::Bad(bad) => EventsPart::Bad(make(bad)),
        }
    }
}

/// A sum of counters' increases, each with its factor; below zero it counts as zero, and what is
/// missing is taken off what comes next.
#[derive(Clone, Debug, PartialEq)]
pub struct Linear(pub Vec<Term>);

/// One counter of a sum. Each series of the selector is a summand.
#[derive(Clone, Debug, PartialEq)]
pub struct Term {
    /// What each increase is worth.
    pub factor: Ratio,
    /// The counter.
    pub selector: Selector,
}

impl From<Selector> for Linear {
    fn from(selector: Selector) -> Self {
        Self(vec![Term { factor: Ratio::ONE, selector }])
    }
}

impl Linear {
    /// Returns the counter, if it is one alone and counts for what it is.
    pub fn as_selector(&self) -> Option<&Selector> {
        match self.0.as_slice() {
            [Term { factor: Ratio::ONE, selector }] => Some(selector),
            _ => None,
        }
    }
}

/// Writes `a_total + 2 * b_total - 1/3 * c_total`.
impl fmt::Display for Linear {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, Term { factor, selector }) in self.0.iter().enumerate() {
            out.write_str(match (position, factor.numerator < 0) {
                (0, true) => "-",
                (0, false) => "",
                (_, true) => " - ",
                (_, false) => " + ",
            })?;
            match (factor.numerator.unsigned_abs(), factor.denominator.get()) {
                (1, 1) => {}
                (numerator, 1) => write!(out, "{numerator} * ")?,
                (numerator, denominator) => write!(out, "{numerator}/{denominator} * ")?,
            }
            write!(out, "{selector}")?;
        }
        Ok(())
    }
}

/// A fraction of whole numbers, so that a sum of counters stays exact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ratio {
    /// The upper number.
    pub numerator: i32,
    /// The lower number.
    pub denominator: NonZeroU32,
}

impl Ratio {
    /// One.
    pub const ONE: Self = Self { numerator: 1, denominator: NonZeroU32::MIN };
}

/// An SLO out of others.
#[derive(Clone, Debug, PartialEq)]
pub enum Composite {
    /// Good while all of those are; names of SLOs.
    AllOf(Vec<String>),
    /// The bad ratios of those, each with its weight in parts per million, 1,000,000 in all.
    Weighted(Vec<(String, u32)>),
}

impl Composite {
    /// Iterates over the names of its parts.
    pub fn parts(&self) -> impl Iterator<Item = &str> {
        let (all_of, weighted) = match self {
            Self::AllOf(names) => (names.as_slice(), [].as_slice()),
            Self::Weighted(weights) => ([].as_slice(), weights.as_slice()),
        };
        all_of.iter().chain(weighted.iter().map(|(name, _)| name)).map(String::as_str)
    }
}

/// A PromQL query in which [`Query::WINDOW`] stands for the window's length.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query(pub String);

impl Query {
    /// What stands for the window's length, as in `sum(rate(x_total[{{.window}}]))`.
    pub const WINDOW: &str = "{{.window}}";

    /// Returns the query for a window, whose length PromQL has to be able to write: whole
    /// milliseconds.
    pub fn over(&self, window: Duration) -> String {
        self.0.replace(Self::WINDOW, &crate::length_name(window))
    }
}

/// What a query counts in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QueryUnit {
    /// Events in the window, as `increase` gives them.
    Events,
    /// Events a second, as `rate` gives them.
    EventsPerSecond,
}

/// What a histogram of seconds measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WithinKind {
    /// How long a request took.
    Latency,
    /// How long a lock or pool made it wait.
    Wait,
    /// How old what it read was.
    Staleness,
}

/// A condition on the in-flight band of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InFlightAtLeast {
    /// The operation whose level makes the band.
    pub operation: String,
    /// The lower edge of the least band that counts.
    pub at_least: u64,
}

/// The bound that a level has to keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LevelBound {
    /// Below its own configured limit: read from the saturated time.
    BelowLimit,
    /// At most so much: read from the time-weighted histogram.
    AtMost(u64),
}
