use crate::Outcome;
use crate::edge::{Draft, EntryKey};
use crate::{exemplar, process};

/// The one instrument for all that is entered and left: requests, waits, permits, messages.
///
/// A handle is a number: copy it freely, keep it where it is used. Each edge costs a clock read and
/// four stores into the thread's own log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Activity {
    number: u32,
}

/// The receipt of an [`Activity::enter`]. It does nothing when dropped: see [`Guard`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "an entry that is never left counts as in progress for ever"]
pub struct Entered {
    // As two words, which are returned and passed on in registers.
    at_ns: u64,
    log: u32,
    count: u32,
}

impl Entered {
    /// Returns when it entered, on the clock of [`crate::clock::now_ns`].
    pub fn at_ns(self) -> u64 {
        self.at_ns
    }

    fn key(self) -> EntryKey {
        EntryKey { at_ns: self.at_ns, log: self.log }
    }
}

impl Activity {
    pub(crate) fn numbered(number: u32) -> Self {
        Self { number }
    }

    pub(crate) fn number(self) -> u32 {
        self.number
    }

    /// Enters once.
    #[inline]
    pub fn enter(self) -> Entered {
        self.enter_n(1)
    }

    /// Enters `count` times at once, as for permits; they leave together.
    pub fn enter_n(self, count: u32) -> Entered {
        let EntryKey { at_ns, log } = process::record(|| Draft::enter(self.number, count));
        Entered { at_ns, log, count }
    }

    /// Leaves what was entered, on this thread or another.
    ///
    /// A receipt is left once. A second time changes no level and no count: it shows in the Little
    /// residual.
    #[inline]
    pub fn leave(self, entered: Entered, outcome: Outcome) {
        self.leave_as(entered, outcome, outcome.index());
    }

    /// Leaves, and gives the index of the value of the duration's
    /// [`Split::Label`](crate::Split::Label); beyond the last it is the last.
    pub fn leave_as(self, entered: Entered, outcome: Outcome, value: u8) {
        let left = process::record(|| {
            Draft::leave(self.number, entered.key(), entered.count).ending(outcome, value)
        });
        let stay_ns = left.at_ns.saturating_sub(entered.at_ns);
        let of = exemplar::Of::Stays(self.number);
        exemplar::consider(of, usize::from(value), stay_ns, Some(left.at_ns));
    }

    /// Changes the limit from now on.
    pub fn set_limit(self, limit: Option<u64>) {
        process::record(|| Draft::limit(self.number, limit));
    }

    /// Enters, and leaves when the guard is dropped.
    #[inline]
    pub fn guard(self) -> Guard {
        self.guard_n(1)
    }

    /// Enters `count` times at once, and leaves together when the guard is dropped.
    #[inline]
    pub fn guard_n(self, count: u32) -> Guard {
        Guard {
            activity: self,
            entered: self.enter_n(count),
            outcome: Outcome::Cancelled,
            value: None,
            unwinding: std::thread::panicking(),
        }
    }
}

/// An entry that leaves when it is dropped: as [`Outcome::Cancelled`] unless told otherwise, as
/// [`Outcome::Panicked`] when a panic unwinds through it.
#[derive(Debug)]
#[must_use = "dropping the guard leaves at once"]
pub struct Guard {
    activity: Activity,
    entered: Entered,
    outcome: Outcome,
    value: Option<u8>,
    /// A panic was under way already when it entered; that one isn't its own.
    unwinding: bool,
}

impl Guard {
    /// Says how it ended; the guard leaves when it is dropped.
    pub fn set_outcome(&mut self, outcome: Outcome) {
        self.outcome = outcome;
    }

    /// Gives the index of the value of the duration's [`Split::Label`](crate::Split::Label); without
    /// it, it is that of the outcome.
    pub fn set_value(&mut self, value: u8) {
        self.value = Some(value);
    }

    /// Says how it ended, and leaves.
    #[inline]
    pub fn end(mut self, outcome: Outcome) {
        self.outcome = outcome;
    }
}

impl Drop for Guard {
    #[inline]
    fn drop(&mut self) {
        if std::thread::panicking() && !self.unwinding {
            self.outcome = Outcome::Panicked;
        }
        let value = self.value.unwrap_or(self.outcome.index());
        self.activity.leave_as(self.entered, self.outcome, value);
    }
}
