//! What the last body's lines were, so that the same bytes needn't be read again.

use super::line::Bounds;
use super::series::{Series, is_same};
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use plimsoll_model::{RefusalReason, SeriesIndex};

/// So many series that are gone are remembered in any case.
const GONE_MIN: usize = 64;

/// A body that was read: its text, what each line of it was, and where each series stands.
#[derive(Debug, Default)]
pub(super) struct Plan {
    text: String,
    /// The lines of the body, then the series that bodies before had and it hadn't.
    lines: Vec<PlanLine>,
    /// How many of `lines` stand in the body.
    shown: usize,
    /// The lines that show a series, gone ones included, by their hash.
    found: HashTable<u32>,
    /// The index that the next new series gets.
    next: u32,
}

/// A line that was read.
#[derive(Clone, Copy, Debug)]
pub(super) struct PlanLine {
    /// Where it starts in the text.
    pub(super) at: u32,
    /// The length of its head, which is what doesn't change: all of it and its line feed, or a
    /// sample's up to its value.
    pub(super) head: u32,
    /// The length of a sample's name; 0 when its head isn't written in the plain way.
    pub(super) name: u32,
    /// Of a sample that is read.
    pub(super) series: SeriesIndex,
    /// Of its series, however that is written.
    pub(super) hash: u64,
    pub(super) was: Was,
    pub(super) bounds: Bounds,
    /// Whether a sample may carry an exemplar, at its place in this body.
    pub(super) exemplar: bool,
}

/// Where a series stands, and its index.
#[derive(Clone, Copy, Debug)]
pub(super) struct Known {
    pub(super) line: usize,
    pub(super) series: SeriesIndex,
}

/// What a line was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Was {
    /// Metadata, a comment, blank.
    Idle,
    End,
    /// A sample of a series that is read.
    Sample,
    /// A sample of a series that nobody asked for.
    Unread,
    Refused(RefusalReason),
}

impl Plan {
    /// Makes the plan of a body that comes after `old`'s, before any line is read, in the memory of
    /// this one.
    pub(super) fn after(mut self, old: &Self, text: &str, lines: usize) -> Self {
        self.text.clear();
        self.text.push_str(text);
        self.lines.clear();
        self.lines.reserve(lines);
        self.found.clear();
        self.found.reserve(lines, |_| 0);
        Self { shown: 0, next: old.next, ..self }
    }

    /// Returns how many series it knows, gone ones included.
    #[cfg(test)]
    pub(super) fn remembered(&self) -> usize {
        self.found.len()
    }

    /// Forgets what the body's lines were, but not which series it had.
    pub(super) fn forget_lines(&mut self) {
        self.shown = 0;
    }

    /// Returns the number of lines of the body.
    pub(super) fn len(&self) -> usize {
        self.shown
    }

    /// Returns a line of the body and its head.
    #[inline]
    pub(super) fn get(&self, at: usize) -> Option<(&PlanLine, &[u8])> {
        let line = self.lines.get(at).filter(|_| at < self.shown)?;
        Some((line, head(self.text.as_bytes(), line)))
    }

    /// Iterates over the series of the body that are read and whose index is at least `first`.
    pub(super) fn series_from(&self, first: SeriesIndex) -> impl Iterator<Item = Series<'_>> {
        let count = if first.0 < self.next { self.shown } else { 0 };
        let lines = self.lines.iter().take(count);
        let is_wanted = move |line: &&PlanLine| line.was == Was::Sample && line.series >= first;
        lines.filter(is_wanted).filter_map(|line| {
            let head = self.text.get(line.at as usize..(line.at + line.head) as usize)?;
            Some(Series::new(line.series, head, line.name as usize))
        })
    }

    /// Finds the line that shows a series, which may be gone.
    #[inline]
    pub(super) fn find(&self, hash: u64, wanted: &[u8]) -> Option<Known> {
        if self.found.is_empty() {
            return None;
        }
        let text = self.text.as_bytes();
        let shows = |line: &u32| {
            let line = self.lines.get(*line as usize).filter(|line| line.hash == hash);
            line.is_some_and(|line| is_same(head(text, line), wanted))
        };
        let line = *self.found.find(hash, shows)? as usize;
        Some(Known { line, series: self.lines.get(line)?.series })
    }

    /// Returns the index that a new series gets; `None` when there is none left.
    pub(super) fn next_index(&self) -> Option<SeriesIndex> {
        (self.next < u32::MAX).then_some(SeriesIndex(self.next))
    }

    /// Adds the next line, which shows no series that is read.
    pub(super) fn push(&mut self, line: PlanLine) {
        self.lines.push(line);
        self.shown = self.lines.len();
    }

    /// Adds the next line, which shows a series; nothing is added, and it says `false`, when a line
    /// before showed it.
    pub(super) fn show(&mut self, line: PlanLine) -> bool {
        let Self { text, lines, found, next, .. } = self;
        let text = text.as_bytes();
        let wanted = head(text, &line);
        let shows = |other: &u32| {
            let other = lines.get(*other as usize).filter(|other| other.hash == line.hash);
            other.is_some_and(|other| is_same(head(text, other), wanted))
        };
        let hash_of = |line: &u32| hash(lines, *line);
        let Entry::Vacant(place) = found.entry(line.hash, shows, hash_of) else { return false };
        place.insert(number(lines.len()));
        *next = (*next).max(line.series.0.saturating_add(1));
        self.push(line);
        true
    }

    /// Remembers the series of `old` that the body didn't have, so that they have their index again
    /// when they come back; none of them if they are the most, since then it is another process that
    /// speaks. `stayed` is how many of them it has.
    pub(super) fn remember_gone(&mut self, old: &Self, stayed: usize) {
        if old.found.len() - stayed > stayed + GONE_MIN {
            return;
        }
        let old_text = old.text.as_bytes();
        let old_lines = old.found.iter().filter_map(|line| old.lines.get(*line as usize));
        let gone = old_lines.filter(|line| self.find(line.hash, head(old_text, line)).is_none());
        let gone: Vec<&PlanLine> = gone.collect();
        for line in gone {
            let text = old.text.get(line.at as usize..(line.at + line.head) as usize);
            let (Ok(at), Some(text)) = (u32::try_from(self.text.len()), text) else { continue };
            self.text.push_str(text);
            self.lines.push(PlanLine { at, ..*line });
            let Self { lines, found, .. } = self;
            found.insert_unique(line.hash, number(lines.len() - 1), |line| hash(lines, *line));
        }
    }
}

fn hash(lines: &[PlanLine], line: u32) -> u64 {
    lines.get(line as usize).map_or(0, |line| line.hash)
}

fn number(of: usize) -> u32 {
    u32::try_from(of).unwrap_or(u32::MAX)
}

#[inline]
fn head<'t>(text: &'t [u8], line: &PlanLine) -> &'t [u8] {
    text.get(line.at as usize..).and_then(|rest| rest.get(..line.head as usize)).unwrap_or_default()
}
