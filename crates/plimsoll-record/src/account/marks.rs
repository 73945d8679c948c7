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

impl Marks {
    /// Notes a level that has just changed.
    #[inline]
    pub(crate) fn note(&mut self, at_ns: u64, instrument: u32, level: u64) {
        let level = u32::try_from(level).unwrap_or(u32::MAX);
        let place = instrument as usize;
        if place >= self.last.len() {
            self.last.resize(place + 1, 0);
        }
        let Some(last) = self.last.get_mut(place) else { return };
        if let Some(mark) = self.ring.get_mut((*last).wrapping_sub(1) as usize)
            && mark.instrument == instrument
            && mark.from_ns >> SLOT_BITS == at_ns >> SLOT_BITS
        {
            mark.until_ns = at_ns;
            mark.peak = mark.peak.max(level);
            mark.level = level;
            return;
        }
        let mark = Mark { from_ns: at_ns, until_ns: at_ns, instrument, peak: level, level };
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

    #[test]
    fn changes_within_a_millisecond_share_a_mark_that_keeps_the_highest() {
        let mut marks = Marks::default();
        for (at_ns, level) in [(5, 1), (6, 9), (7, 2), (MS, 3)] {
            marks.note(at_ns, 4, level);
            marks.note(at_ns, 2, 1);
        }
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
            marks.note(at * MS, (at % 3) as u32, at);
        }
        let kept: Vec<u64> = marks.of(0, 0).map(|mark| mark.from_ns / MS).collect();
        let wanted: Vec<u64> = (count - MARKS as u64..count).filter(|at| at % 3 == 0).collect();
        assert_eq!(kept, wanted);
        assert_eq!(marks.ring.len(), MARKS);
    }
}
