use crate::edge::EntryKey;
use std::collections::VecDeque;

/// How many entries of one activity are told apart; those beyond have no age and no band.
const LIVE_MAX: usize = 1 << 20;

/// What is in progress, by the time of entry.
///
/// Entries come in order, so the oldest is in front and any is found by bisection. One that has left
/// stays as a gap until it comes to the front, or until gaps outnumber entries.
#[derive(Debug, Default)]
pub(crate) struct Live {
    /// The last that entered, as long as it hasn't left: often it is the next to leave, or the only one.
    youngest: Option<Entry>,
    /// All others.
    entries: VecDeque<Entry>,
    gaps: usize,
    /// Σ of the counts of those that are in progress.
    count: u64,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    key: EntryKey,
    count: u32,
    band: u8,
    gone: bool,
}

impl Live {
    /// Adds an entry, unless there are too many.
    #[inline]
    pub(crate) fn insert(&mut self, key: EntryKey, count: u32, band: u8) {
        if self.entries.len() >= LIVE_MAX {
            return;
        }
        let entry = Entry { key, count, band, gone: false };
        let before = self.youngest.replace(entry);
        if before.is_some() || !self.entries.is_empty() {
            self.make_way(before);
        }
        self.count += u64::from(count);
    }

    /// Puts the one that was the youngest behind the others, and a late new one in its place.
    fn make_way(&mut self, before: Option<Entry>) {
        self.entries.extend(before);
        let latest_ns = self.entries.back().map_or(0, |last| last.key.at_ns);
        if let Some(late) = self.youngest.take_if(|new| new.key.at_ns < latest_ns) {
            let place = self.entries.partition_point(|other| other.key.at_ns <= late.key.at_ns);
            self.entries.insert(place, late);
        }
    }

    /// Removes an entry; returns its band, or none when it isn't there.
    #[inline]
    pub(crate) fn remove(&mut self, key: EntryKey) -> Option<u8> {
        if let Some(youngest) = self.youngest.take_if(|youngest| youngest.key == key) {
            self.count -= u64::from(youngest.count);
            return Some(youngest.band);
        }
        self.remove_older(key)
    }

    fn remove_older(&mut self, key: EntryKey) -> Option<u8> {
        if let Some(front) = self.entries.front().copied()
            && front.key == key
        {
            self.entries.pop_front();
            self.count -= u64::from(front.count);
            self.close_gaps();
            return Some(front.band);
        }
        let from = self.entries.partition_point(|other| other.key.at_ns < key.at_ns);
        let entry = self
            .entries
            .range_mut(from..)
            .take_while(|other| other.key.at_ns == key.at_ns)
            .find(|other| other.key == key && !other.gone)?;
        entry.gone = true;
        let gone = *entry;
        self.count -= u64::from(gone.count);
        self.gaps += 1;
        self.close_gaps();
        Some(gone.band)
    }

    /// Removes the oldest entries until no more than `count` are left: of those that folded exits
    /// belong to, only the number is known.
    pub(crate) fn keep_youngest(&mut self, count: u64) {
        while self.count > count {
            let Some(oldest) = self.entries.pop_front().or_else(|| self.youngest.take()) else {
                break;
            };
            if oldest.gone {
                self.gaps -= 1;
            } else {
                self.count -= u64::from(oldest.count);
            }
        }
        self.close_gaps();
    }

    /// Returns the sum of the counts.
    #[inline]
    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    /// Returns when the oldest entered.
    pub(crate) fn oldest_ns(&self) -> Option<u64> {
        self.entries.front().or(self.youngest.as_ref()).map(|entry| entry.key.at_ns)
    }

    /// Returns the sum of the ages at `now_ns`.
    pub(crate) fn age_ns(&self, now_ns: u64) -> i128 {
        let live = self.entries.iter().chain(&self.youngest).filter(|entry| !entry.gone);
        live.map(|entry| {
            i128::from(entry.count) * (i128::from(now_ns) - i128::from(entry.key.at_ns))
        })
        .sum()
    }

    #[inline]
    fn close_gaps(&mut self) {
        if self.gaps > 0 {
            self.close_some_gaps();
        }
    }

    fn close_some_gaps(&mut self) {
        while self.entries.front().is_some_and(|entry| entry.gone) {
            self.entries.pop_front();
            self.gaps -= 1;
        }
        if self.gaps > 64 && self.gaps > self.entries.len() / 2 {
            self.entries.retain(|entry| !entry.gone);
            self.gaps = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(at_ns: u64, log: u32) -> EntryKey {
        EntryKey { at_ns, log }
    }

    #[test]
    fn equal_stamps_are_told_apart_by_their_log() {
        let mut live = Live::default();
        live.insert(key(5, 1), 1, 1);
        live.insert(key(5, 2), 1, 2);
        assert_eq!(live.remove(key(5, 2)), Some(2));
        assert_eq!(live.remove(key(5, 2)), None, "it has left already");
        assert_eq!(live.remove(key(5, 3)), None, "it never entered");
        assert_eq!(live.oldest_ns(), Some(5));
        assert_eq!(live.age_ns(12), 7);
    }

    #[test]
    fn one_that_is_stuck_does_not_keep_what_came_after_it() {
        let mut live = Live::default();
        live.insert(key(1, 1), 1, 0);
        for at_ns in 2..100_000 {
            live.insert(key(at_ns, 1), 1, 0);
            assert_eq!(live.remove(key(at_ns, 1)), Some(0));
        }
        assert_eq!(live.oldest_ns(), Some(1));
        assert!(live.entries.len() < 200, "{} entries", live.entries.len());
    }

    #[test]
    fn a_late_entry_takes_its_place() {
        let mut live = Live::default();
        live.insert(key(7, 1), 1, 0);
        live.insert(key(3, 2), 2, 0);
        assert_eq!(live.oldest_ns(), Some(3));
        assert_eq!(live.age_ns(10), 3 + 2 * 7);
        live.keep_youngest(1);
        assert_eq!(live.oldest_ns(), Some(7));
        live.keep_youngest(0);
        assert_eq!((live.oldest_ns(), live.age_ns(10)), (None, 0));
    }
}
