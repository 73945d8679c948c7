//! What a script says, in types.

use plimsoll_model::TimeMs;
use plimsoll_slo::AlertName;
use std::time::Duration;

/// One file: a case, or several that share its subject.
#[derive(Debug)]
pub(crate) struct Script {
    pub(crate) cases: Vec<Case>,
}

/// One world from its beginning to its end.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) file: String,
    pub(crate) name: String,
    /// Who alone can say it, if not all can.
    pub(crate) only: Option<Only>,
    pub(crate) blocks: Blocks,
    pub(crate) begin: TimeMs,
    pub(crate) interval: Duration,
    pub(crate) steps: Vec<(usize, Step)>,
}

/// Who alone can say a case; the script gives the reason.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Only {
    Daemon,
    /// The daemon, and rules of its own for each SLO.
    PerSlo,
}

/// The parts of the SLO file.
#[derive(Clone, Debug, Default)]
pub(crate) struct Blocks {
    pub(crate) slos: Vec<(String, String)>,
    pub(crate) policies: String,
    pub(crate) exclusions: String,
}

/// What happens next.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// Something changes in the service.
    Service(Change),
    /// The configuration gives the target another label; the daemon takes up what it kept.
    Relabel {
        label: String,
        value: String,
    },
    /// The daemon's wall clock is set.
    Clock(i64),
    Advance(Duration),
    Expect(Expectation),
    /// Holds after each scrape from now on.
    Always(Expectation),
}

/// What changes in the service that is scraped.
#[derive(Clone, Debug)]
pub(crate) enum Change {
    /// A counter goes on at a rate; none takes it out of the body.
    Load { series: String, rate: Option<Rate> },
    /// A series has a value.
    Set { series: String, value: f64 },
    /// The next body says this.
    Once(Word),
    /// The process tells that it started so many ms after the beginning, or doesn't tell.
    Started(Option<i64>),
    /// A new process counts from zero.
    Restart,
    /// Scrapes fail, or answer again.
    Answers(bool),
}

/// What the next body says of a series, in place of or beside what it would say.
#[derive(Clone, Debug)]
pub(crate) struct Word {
    pub(crate) series: String,
    pub(crate) value: f64,
    pub(crate) at: Option<i64>,
    pub(crate) instead: bool,
}

/// So many in so long.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rate {
    pub(crate) count: f64,
    pub(crate) per: Duration,
}

/// What has to be so.
#[derive(Clone, Debug)]
pub(crate) struct Expectation {
    /// As it is written, for whoever reads that it isn't so.
    pub(crate) subject: String,
    pub(crate) slo: Option<String>,
    pub(crate) what: What,
}

#[derive(Clone, Debug)]
pub(crate) enum What {
    Figure {
        figure: Figure,
        window: Option<Duration>,
        want: Want,
    },
    Alert {
        name: AlertName,
        want: Phase,
    },
    Refused {
        reason: String,
        count: u64,
    },
    /// The wall clock was seen to be set by so much.
    ClockStep(i64),
    /// Reading the SLO file warns, or refuses it, with these words.
    Warning(String),
    Fault(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Figure {
    Good,
    Bad,
    Unknown,
    Total,
    Ratio,
    Burn,
    Coverage,
    Spent,
    Observed,
    Share,
    Proved,
    Events,
    Time,
    Exhaustion,
}

/// A figure as far as it is written: to the last digit, and whole numbers exactly.
#[derive(Clone, Debug)]
pub(crate) enum Want {
    Between(Option<Written>, Option<Written>),
    Reason(String),
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Written {
    pub(crate) value: f64,
    pub(crate) tolerance: f64,
}

#[derive(Clone, Debug)]
pub(crate) enum Phase {
    /// It fires, since that time after the beginning, for that cause.
    Firing {
        since: Option<Duration>,
        cause: Option<String>,
    },
    Quiet,
    Never,
}
