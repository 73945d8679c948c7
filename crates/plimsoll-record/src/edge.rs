//! What a thread writes into its log, and how it lies there.
//!
//! An edge takes one slot of two words when it is an entry, or the exit of one that was entered once, in
//! the same log, within the last half of a second; else it takes a second slot. Logs are what threads that
//! record at once hand each other, so half the size is half the cache lines that travel.

use crate::Outcome;

/// An edge as the merge handles it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Edge {
    pub(crate) at_ns: u64,
    /// Instrument, kind, outcome and value, as they lie in a slot.
    what: u64,
    /// Of an exit, the stamp of its entry; of an observation, the value; of a limit, the limit.
    pub(crate) operand: u64,
    /// The log of the entry, and [`UNTIMED`].
    log: u32,
    pub(crate) count: u32,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Kind {
    Enter,
    /// The exit names its entry, so that no one need look for it on the hot path.
    Leave,
    /// A ready value.
    Observe,
    /// The limit from now on.
    Limit,
    NoLimit,
}

/// Tells an entry from every other: stamps within a log are strictly ascending.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct EntryKey {
    pub(crate) at_ns: u64,
    pub(crate) log: u32,
}

/// An edge that waits for its stamp. It knows its kind by itself, so that where that is a constant the
/// rest of it folds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Draft {
    kind: Kind,
    edge: Edge,
}

/// One slot of a log: the stamp, and all else that fits; or what didn't fit into the slot before it.
pub(crate) type Slot = [u64; 2];

/// How many slots an edge takes at most.
pub(crate) const SLOTS_MAX: u64 = 2;

/// Instruments have numbers below this, so that one fits a slot with the rest.
pub(crate) const INSTRUMENTS_MAX: usize = 1 << KIND;

/// Marks the log of an entry that isn't timed: the bit below that of [`SECOND`].
const UNTIMED: u32 = 1 << 30;

/// Marks a slot that belongs to the one before it.
const SECOND: u64 = 1 << 63;

// Where the parts of a slot's second word begin.
const KIND: u32 = 20;
const OUTCOME: u32 = 23;
const VALUE: u32 = 26;
const LONG: u32 = 34;
const SHORT: u32 = 35;

/// What fits the second word of a slot beside the rest: half a second.
const SHORT_MAX: u64 = u64::MAX >> SHORT;

impl EntryKey {
    /// Says whether the entry and its exit were stamped by the clock.
    #[inline]
    pub(crate) fn timed(self) -> bool {
        self.log & UNTIMED == 0
    }
}

impl Kind {
    const ALL: [Self; 8] = {
        let none = Self::NoLimit;
        [Self::Enter, Self::Leave, Self::Observe, Self::Limit, none, none, none, none]
    };
}

impl Draft {
    #[inline(always)]
    fn new(instrument: u32, kind: Kind, operand: u64) -> Self {
        let what = u64::from(instrument) | (kind as u64) << KIND;
        Self { kind, edge: Edge { at_ns: 0, what, operand, log: 0, count: 0 } }
    }

    #[inline(always)]
    pub(crate) fn enter(instrument: u32, count: u32) -> Self {
        let mut draft = Self::new(instrument, Kind::Enter, 0);
        draft.edge.count = count;
        draft
    }

    #[inline(always)]
    pub(crate) fn leave(instrument: u32, key: EntryKey, count: u32) -> Self {
        let mut draft = Self::new(instrument, Kind::Leave, key.at_ns);
        (draft.edge.log, draft.edge.count) = (key.log, count);
        draft
    }

    #[inline(always)]
    pub(crate) fn ending(mut self, outcome: Outcome, value: u8) -> Self {
        self.edge.what |= u64::from(outcome.index()) << OUTCOME | u64::from(value) << VALUE;
        self
    }

    pub(crate) fn observe(instrument: u32, value: u64, index: u8) -> Self {
        let mut draft = Self::new(instrument, Kind::Observe, value);
        draft.edge.what |= u64::from(index) << VALUE;
        draft
    }

    pub(crate) fn limit(instrument: u32, limit: Option<u64>) -> Self {
        match limit {
            Some(limit) => Self::new(instrument, Kind::Limit, limit),
            None => Self::new(instrument, Kind::NoLimit, 0),
        }
    }

    /// Says whether the edge is an entry.
    #[inline(always)]
    pub(crate) fn begins(&self) -> bool {
        self.kind == Kind::Enter
    }

    /// Makes the entry one that isn't timed; neither will its exit be.
    pub(crate) fn untimed(self) -> Self {
        Self { edge: Edge { log: self.edge.log | UNTIMED, ..self.edge }, ..self }
    }

    /// Says whether the edge is to be stamped by the clock.
    #[inline(always)]
    pub(crate) fn timed(&self) -> bool {
        self.edge.log & UNTIMED == 0
    }

    /// Returns the key of an entry that was stamped so in `log`.
    #[inline(always)]
    pub(crate) fn key(&self, at_ns: u64, log: u32) -> EntryKey {
        EntryKey { at_ns, log: log | (self.edge.log & UNTIMED) }
    }

    /// Says whether the edge ends something, and so names its entry.
    #[inline(always)]
    pub(crate) fn ends(&self) -> bool {
        self.kind == Kind::Leave
    }

    /// Returns the stamp that the edge must come after: that of its entry.
    #[inline(always)]
    pub(crate) fn after_ns(&self) -> u64 {
        if self.ends() { self.edge.operand } else { 0 }
    }

    /// Returns the edge as made at `at_ns` in `log`.
    #[inline(always)]
    pub(crate) fn stamped(&self, at_ns: u64, log: u32) -> Edge {
        let log = if self.ends() { self.edge.log } else { self.key(at_ns, log).log };
        Edge { at_ns, log, ..self.edge }
    }

    /// Returns the slot, or the two, of the edge as made at `at_ns` in `log`.
    #[inline(always)]
    pub(crate) fn slots(&self, at_ns: u64, log: u32) -> (Slot, Option<Slot>) {
        let edge = self.stamped(at_ns, log);
        let here = edge.log == log;
        let short = match self.kind {
            Kind::Enter if here => u64::from(edge.count),
            Kind::Leave if here && edge.count == 1 => at_ns - edge.operand,
            Kind::Enter | Kind::Leave => u64::MAX,
            Kind::Observe | Kind::Limit | Kind::NoLimit => edge.operand,
        };
        if short <= SHORT_MAX {
            return ([at_ns, edge.what | short << SHORT], None);
        }
        let entry = u64::from(edge.log) << 32 | u64::from(edge.count);
        ([at_ns, edge.what | 1 << LONG], Some([SECOND | entry, edge.operand]))
    }
}

/// Says whether a slot belongs to the one before it.
pub(crate) fn is_second(slot: Slot) -> bool {
    slot[0] & SECOND != 0
}

impl Edge {
    /// Reads an edge that lies in `log` as [`Draft::slots`] wrote it, and says how many slots it takes.
    #[inline(always)]
    pub(crate) fn read(first: Slot, log: u32, second: impl FnOnce() -> Slot) -> (Self, u64) {
        let [at_ns, what] = first;
        let short = what >> SHORT;
        let edge = Self { at_ns, what, operand: short, log, count: short as u32 };
        if what & (1 << LONG) != 0 {
            let [entry, operand] = second();
            let log = (entry & !SECOND) >> 32;
            return (Self { operand, log: log as u32, count: entry as u32, ..edge }, 2);
        }
        if edge.kind() == Kind::Leave {
            return (Self { operand: at_ns.saturating_sub(short), count: 1, ..edge }, 1);
        }
        (edge, 1)
    }

    #[inline(always)]
    pub(crate) fn instrument(&self) -> u32 {
        self.what as u32 % INSTRUMENTS_MAX as u32
    }

    #[inline(always)]
    pub(crate) fn kind(&self) -> Kind {
        Kind::ALL[(self.what >> KIND) as usize % Kind::ALL.len()]
    }

    /// Returns the index of an exit's outcome.
    #[inline(always)]
    pub(crate) fn outcome(&self) -> u8 {
        (self.what >> OUTCOME) as u8 % (1 << (VALUE - OUTCOME))
    }

    /// Returns the index of the value of the duration's label, or of the series of an observation.
    #[inline(always)]
    pub(crate) fn value(&self) -> u8 {
        (self.what >> VALUE) as u8
    }

    /// Says whether the edge is the exit of an entry.
    #[inline(always)]
    pub(crate) fn leaves(&self, entry: &Self) -> bool {
        entry.kind() == Kind::Enter
            && self.kind() == Kind::Leave
            && (self.operand, self.log, self.count) == (entry.at_ns, entry.log, entry.count)
    }

    /// Returns the key of what is entered or left.
    #[inline(always)]
    pub(crate) fn key(&self) -> EntryKey {
        let at_ns = if self.kind() == Kind::Leave { self.operand } else { self.at_ns };
        EntryKey { at_ns, log: self.log }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: u32 = 4;

    /// Writes and reads a draft; returns how many slots it took.
    fn reread(draft: Draft, at_ns: u64) -> u64 {
        let (first, second) = draft.slots(at_ns, LOG);
        assert!(!is_second(first) && second.is_none_or(is_second));
        let (read, slots) = Edge::read(first, LOG, || second.expect("it says that there is one"));
        let wrote = draft.stamped(at_ns, LOG);
        assert_eq!((read.instrument(), read.kind()), (wrote.instrument(), wrote.kind()));
        assert_eq!((read.outcome(), read.value()), (wrote.outcome(), wrote.value()));
        match wrote.kind() {
            Kind::Enter | Kind::Leave => {
                assert_eq!((read.key(), read.count), (wrote.key(), wrote.count));
            }
            Kind::Observe | Kind::Limit => assert_eq!(read.operand, wrote.operand),
            Kind::NoLimit => {}
        }
        slots
    }

    #[test]
    fn what_is_written_is_read() {
        const INSTRUMENT: u32 = INSTRUMENTS_MAX as u32 - 1;
        let (at_ns, days_ns) = (1 << 62, 1 << 50);
        let here = |stay_ns| EntryKey { at_ns: at_ns - stay_ns, log: LOG };
        let untimed = EntryKey { log: LOG | UNTIMED, ..here(5) };
        let leave = |key, count| Draft::leave(7, key, count).ending(Outcome::Panicked, 255);
        let drafts = [
            (Draft::enter(INSTRUMENT, 1), 1),
            (Draft::enter(0, u32::MAX), 2),
            (Draft::enter(7, 1).untimed(), 2),
            (leave(here(5), 1), 1),
            (leave(here(SHORT_MAX), 1), 1),
            (leave(here(SHORT_MAX + 1), 1), 2),
            (leave(here(days_ns), u32::MAX), 2),
            (leave(EntryKey { log: 9, ..here(5) }, 1), 2),
            (leave(untimed, 1), 2),
            (Draft::observe(1, 0, 255), 1),
            (Draft::observe(INSTRUMENT, u64::MAX, 255), 2),
            (Draft::limit(1, Some(0)), 1),
            (Draft::limit(1, Some(u64::MAX)), 2),
            (Draft::limit(1, None), 1),
        ];
        for (draft, slots) in drafts {
            assert_eq!(reread(draft, at_ns), slots, "{draft:?}");
        }
    }

    #[test]
    fn an_exit_has_the_key_of_its_entry() {
        let key = Draft::enter(7, 3).untimed().key(20, LOG);
        assert!(!key.timed());
        assert_eq!(Draft::leave(7, key, 3).stamped(30, 9).key(), key);
    }
}
