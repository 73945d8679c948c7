//! The last seconds of all levels, in a bounded ring.

/// How many marks are kept: 2 MiB.
const MARKS: usize = 65_536;

/// Changes of one level within 2²⁰ ns, a millisecond, share a mark.
const SLOT_BITS: u32 = 20;

/// What a level was within about a millisecond in which it changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    /// When it first changed, and when it last did.
    pub(crate) from_ns: u64,
    pub(crate) until_ns: u64,
    pub(crate) instrument: u32,
    /// The highest, and the last.
    pub(crate) peak: u32,
    pub(crate) level: u32,
}

/// The ring.
#[derive(Debug, Default)]
pub(crate) struct Marks {
    ring: Vec<Mark>,
    /// Where the oldest mark is overwritten next, once the ring is full.
    next: usize,
    /// The place of each instrument's last mark plus one.
    last: Vec<u32>,
}

/// One instrument's changes in a merge, on their way into the ring.
#[derive(Debug)]
pub(crate) struct Trace(Mark);

impl Mark {
    /// Makes the mark of one change.
    #[inline(always)]
    fn new(at_ns: u64, instrument: u32, level: u64) -> Self {
        let level = clamped(level);
        Self { from_ns: at_ns, until_ns: at_ns, instrument, peak: level, level }
    }

    /// Adds what comes after it, if that is of the same millisecond.
    #[inline(always)]
    fn grow(&mut self, later: &Self) -> bool {
        if self.from_ns >> SLOT_BITS != later.from_ns >> SLOT_BITS {
            return false;
        }
        self.until_ns = later.until_ns;
        self.peak = self.peak.max(later.peak);
        self.level = later.level;
        true
    }
}

fn clamped(level: u64) -> u32 {
    u32::try_from(level).unwrap_or(u32::MAX)
}

impl Trace {
    /// Begins at the first change, which passes next.
    #[inline(always)]
    pub(crate) fn new(at_ns: u64, instrument: u32) -> Self {
        Self(Mark::new(at_ns, instrument, 0))
    }

    /// Notes a level that has just changed.
    #[inline(always)]
    pub(crate) fn pass(&mut self, at_ns: u64, level: u64, marks: &mut Marks) {
        let new = Mark::new(at_ns, self.0.instrument, level);
        if !self.0.grow(&new) {
            marks.note(std::mem::replace(&mut self.0, new));
        }
    }

    /// Notes that a level was made and, a moment later, what it was before.
    #[inline(always)]
    pub(crate) fn visit(
        &mut self,
        (from_ns, until_ns): (u64, u64),
        levels: [u64; 2],
        marks: &mut Marks,
    ) {
        let [peak, level] = levels;
        if self.0.from_ns >> SLOT_BITS == until_ns >> SLOT_BITS {
            let mark =
                Mark { level: clamped(level), ..Mark::new(until_ns, self.0.instrument, peak) };
            self.0.grow(&mark);
        } else {
            self.pass(from_ns, peak, marks);
            self.pass(until_ns, level, marks);
        }
    }

    #[inline(always)]
    pub(crate) fn end(self, marks: &mut Marks) {
        marks.note(self.0);
    }
}

impl Marks {
    /// Adds a mark to the instrument's last one, or as a new one.
    #[inline(always)]
    pub(crate) fn note(&mut self, mark: Mark) {
        let place = mark.instrument as usize;
        if place >= self.last.len() {
            self.last.resize(place + 1, 0);
        }
        let Some(last) = self.last.get_mut(place) else { return };
        let known = self.ring.get_mut((*last).wrapping_sub(1) as usize);
        if known.is_some_and(|known| known.instrument == mark.instrument && known.grow(&mark)) {
            return;
        }
        match self.ring.get_mut(self.next) {
            Some(oldest) => *oldest = mark,
            None => self.ring.push(mark),
        }
        self.next = (self.next + 1) % MARKS;
        *last = if self.next == 0 { MARKS as u32 } else { self.next as u32 };
    }

    /// Returns the marks of an instrument that end at or after `from_ns`, in their order.
    pub(crate) fn of(&self, instrument: u32, from_ns: u64) -> impl Iterator<Item = Mark> {
        let (newer, older) = self.ring.split_at(self.next.min(self.ring.len()));
        let (first, then) = if self.ring.len() == MARKS { (older, newer) } else { (newer, older) };
        let ours = move |mark: &&Mark| mark.instrument == instrument && mark.until_ns >= from_ns;
        first.iter().chain(then).filter(ours).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1 << SLOT_BITS;

    /// Notes changes of one instrument.
    fn note(marks: &mut Marks, instrument: u32, changes: &[(u64, u64)]) {
        let mut trace = Trace::new(changes[0].0, instrument);
        changes.iter().for_each(|(at_ns, level)| trace.pass(*at_ns, *level, marks));
        trace.end(marks);
    }

    #[test]
    fn changes_within_a_millisecond_share_a_mark_that_keeps_the_highest() {
        let mut marks = Marks::default();
        note(&mut marks, 4, &[(5, 1), (6, 9)]);
        note(&mut marks, 2, &[(5, 1), (MS, 1)]);
        note(&mut marks, 4, &[(7, 2), (MS, 3)]);
        let mark =
            |from_ns, until_ns, peak, level| Mark { from_ns, until_ns, instrument: 4, peak, level };
        assert_eq!(marks.of(4, 0).collect::<Vec<_>>(), [mark(5, 7, 9, 2), mark(MS, MS, 3, 3)]);
        assert_eq!(marks.of(4, 8).collect::<Vec<_>>(), [mark(MS, MS, 3, 3)]);
        assert_eq!(marks.of(2, 0).count(), 2);
    }

    #[test]
    fn the_ring_keeps_the_last_and_no_more() {
        let mut marks = Marks::default();
        let count = MARKS as u64 + MARKS as u64 / 2;
        for at in 0..count {
            note(&mut marks, (at % 3) as u32, &[(at * MS, at)]);
        }
        let kept: Vec<u64> = marks.of(0, 0).map(|mark| mark.from_ns / MS).collect();
        let wanted: Vec<u64> = (count - MARKS as u64..count).filter(|at| at % 3 == 0).collect();
        assert_eq!(kept, wanted);
        assert_eq!(marks.ring.len(), MARKS);
    }
}
