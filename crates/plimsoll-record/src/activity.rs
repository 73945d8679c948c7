use crate::Outcome;

/// The one instrument for all that is entered and left: requests, waits, permits, messages.
///
/// A handle is a number: copy it freely, keep it where it is used. Each edge costs a clock read and
/// a store into the thread's own log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Activity {
    id: u32,
}

/// The receipt of an [`Activity::enter`]. It does nothing when dropped: see [`Guard`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "an entry that is never left counts as in progress for ever"]
pub struct Entered {
    at_ns: u64,
    log: u32,
    count: u32,
}

impl Activity {
    /// Enters once.
    pub fn enter(self) -> Entered {
        self.enter_n(1)
    }

    /// Enters `count` times at once, as for permits; they leave together.
    pub fn enter_n(self, count: u32) -> Entered {
        Entered { at_ns: 0, log: 0, count }
    }

    /// Leaves what was entered. The receipt may come from another thread; leaving twice is an error
    /// that shows in the Little residual.
    pub fn leave(self, entered: Entered, outcome: Outcome) {
        self.leave_as(entered, outcome, outcome.index());
    }

    /// Leaves, and gives the index of the value of the duration's [`crate::Split::Label`].
    pub fn leave_as(self, entered: Entered, outcome: Outcome, value: u8) {
        let _ = (self.id, entered.at_ns, entered.log, entered.count, outcome, value);
    }

    /// Changes the limit from now on.
    pub fn set_limit(self, limit: Option<u64>) {
        let _ = limit;
    }

    /// Enters, and leaves when the guard is dropped.
    pub fn guard(self) -> Guard {
        Guard { activity: self, entered: self.enter(), outcome: Outcome::Cancelled, value: None }
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
}

impl Guard {
    /// Says how it ended; the guard leaves when it is dropped.
    pub fn set_outcome(&mut self, outcome: Outcome) {
        self.outcome = outcome;
    }

    /// Gives the index of the value of the duration's [`crate::Split::Label`]; without it, it is that
    /// of the outcome.
    pub fn set_value(&mut self, value: u8) {
        self.value = Some(value);
    }

    /// Says how it ended, and leaves.
    pub fn end(mut self, outcome: Outcome) {
        self.outcome = outcome;
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        let outcome = if std::thread::panicking() { Outcome::Panicked } else { self.outcome };
        self.activity.leave_as(self.entered, outcome, self.value.unwrap_or(outcome.index()));
    }
}
