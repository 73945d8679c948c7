use crate::Outcome;

/// What a thread writes into its log: when, on which instrument, what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Edge {
    pub(crate) at_ns: u64,
    pub(crate) instrument: u32,
    pub(crate) change: Change,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// `key.at_ns` is the edge's own stamp.
    Enter { key: EntryKey, count: u32 },
    /// The exit names its entry, so that no one need look for it on the hot path.
    Leave { key: EntryKey, count: u32, outcome: Outcome, value: u8 },
    /// A ready value, for the series at `index`.
    Observe { value: u64, index: u8 },
    /// The limit from now on.
    Limit(Option<u64>),
}

/// Marks the log of an entry that isn't timed.
const UNTIMED: u32 = 1 << 31;

/// Tells an entry from every other: stamps within a log are strictly ascending.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct EntryKey {
    pub(crate) at_ns: u64,
    pub(crate) log: u32,
}

/// An edge as it lies in a log: stamp, instrument and kind, operand, entry's log and count.
pub(crate) type Words = [u64; 4];

/// An edge that waits for its stamp.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Draft {
    instrument: u32,
    kind: Kind,
    outcome: u8,
    value: u8,
    operand: u64,
    log: u32,
    count: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
enum Kind {
    Enter,
    Leave,
    Observe,
    Limit,
    NoLimit,
}

impl EntryKey {
    /// Says whether the entry and its exit were stamped by the clock.
    pub(crate) fn timed(self) -> bool {
        self.log & UNTIMED == 0
    }
}

impl Draft {
    pub(crate) fn enter(instrument: u32, count: u32) -> Self {
        Self { count, ..Self::bare(instrument, Kind::Enter) }
    }

    pub(crate) fn leave(instrument: u32, key: EntryKey, count: u32) -> Self {
        Self { operand: key.at_ns, log: key.log, count, ..Self::bare(instrument, Kind::Leave) }
    }

    pub(crate) fn ending(self, outcome: Outcome, value: u8) -> Self {
        Self { outcome: outcome.index(), value, ..self }
    }

    pub(crate) fn observe(instrument: u32, value: u64, index: u8) -> Self {
        Self { operand: value, value: index, ..Self::bare(instrument, Kind::Observe) }
    }

    pub(crate) fn limit(instrument: u32, limit: Option<u64>) -> Self {
        match limit {
            Some(limit) => Self { operand: limit, ..Self::bare(instrument, Kind::Limit) },
            None => Self::bare(instrument, Kind::NoLimit),
        }
    }

    fn bare(instrument: u32, kind: Kind) -> Self {
        Self { instrument, kind, outcome: 0, value: 0, operand: 0, log: 0, count: 0 }
    }

    /// Says whether the edge is an entry.
    #[inline]
    pub(crate) fn begins(&self) -> bool {
        self.kind == Kind::Enter
    }

    /// Makes the entry one that isn't timed; neither will its exit be.
    pub(crate) fn untimed(self) -> Self {
        Self { log: self.log | UNTIMED, ..self }
    }

    /// Says whether the edge is to be stamped by the clock.
    #[inline]
    pub(crate) fn timed(&self) -> bool {
        self.log & UNTIMED == 0
    }

    /// Returns the key of an entry that was stamped so in `log`.
    #[inline]
    pub(crate) fn key(&self, at_ns: u64, log: u32) -> EntryKey {
        EntryKey { at_ns, log: log | (self.log & UNTIMED) }
    }

    /// Says whether the edge ends something, and so names its entry.
    #[inline]
    pub(crate) fn ends(&self) -> bool {
        self.kind == Kind::Leave
    }

    /// Returns the stamp that the edge must come after: that of its entry.
    #[inline]
    pub(crate) fn after_ns(&self) -> u64 {
        if self.ends() { self.operand } else { 0 }
    }

    /// Writes the edge down as made at `at_ns` in `log`.
    #[inline]
    pub(crate) fn stamped(&self, at_ns: u64, log: u32) -> Words {
        let log = if self.ends() { self.log } else { self.key(at_ns, log).log };
        [
            at_ns,
            u64::from(self.instrument)
                | u64::from(self.kind as u8) << 32
                | u64::from(self.outcome) << 40
                | u64::from(self.value) << 48,
            self.operand,
            u64::from(log) << 32 | u64::from(self.count),
        ]
    }
}

impl Edge {
    /// Reads an edge as [`Draft::stamped`] wrote it.
    #[inline]
    pub(crate) fn read(words: Words) -> Self {
        let [at_ns, what, operand, entry] = words;
        let (log, count) = ((entry >> 32) as u32, entry as u32);
        let (kind, outcome, value) = ((what >> 32) as u8, (what >> 40) as u8, (what >> 48) as u8);
        let change = match kind {
            0 => Change::Enter { key: EntryKey { at_ns, log }, count },
            1 => Change::Leave {
                key: EntryKey { at_ns: operand, log },
                count,
                outcome: Outcome::at(outcome),
                value,
            },
            2 => Change::Observe { value: operand, index: value },
            3 => Change::Limit(Some(operand)),
            _ => Change::Limit(None),
        };
        Self { at_ns, instrument: what as u32, change }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let key = EntryKey { at_ns: 5, log: 9 };
        let leave = Draft::leave(7, key, 3).ending(Outcome::TimedOut, 2);
        assert_eq!(
            Edge::read(leave.stamped(11, 4)),
            Edge {
                at_ns: 11,
                instrument: 7,
                change: Change::Leave { key, count: 3, outcome: Outcome::TimedOut, value: 2 },
            }
        );
        let enter = Edge::read(Draft::enter(u32::MAX, u32::MAX).stamped(12, 4));
        assert_eq!(enter.instrument, u32::MAX);
        assert_eq!(
            enter.change,
            Change::Enter { key: EntryKey { at_ns: 12, log: 4 }, count: u32::MAX }
        );
        let observe = Edge::read(Draft::observe(1, u64::MAX, 255).stamped(13, 4));
        assert_eq!(observe.change, Change::Observe { value: u64::MAX, index: 255 });
        assert_eq!(
            Edge::read(Draft::limit(1, Some(0)).stamped(1, 0)).change,
            Change::Limit(Some(0))
        );
        assert_eq!(Edge::read(Draft::limit(1, None).stamped(1, 0)).change, Change::Limit(None));
    }
}
