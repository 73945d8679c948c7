//! Which series have which number.

use super::line::Label;
use hashbrown::{DefaultHashBuilder, HashSet, HashTable};
use plimsoll_model::{Labels, SeriesIndex, SeriesKey};
use std::hash::{BuildHasher, Hash, Hasher};
use std::sync::Arc;

/// As many forgotten series as are kept in any case, so that a small target never sweeps.
const IDLE_MIN: usize = 64;

/// A series' place in the table, until the next sweep.
pub(super) type Slot = usize;

/// The series of one target.
#[derive(Debug, Default)]
pub(super) struct Table {
    /// In ascending order of index.
    entries: Vec<Entry>,
    by_key: HashTable<Slot>,
    hasher: DefaultHashBuilder,
    next_index: u32,
    /// Every text of every key once: names and values repeat in most series.
    texts: HashSet<Arc<str>>,
}

#[derive(Debug)]
pub(super) struct Entry {
    pub(super) index: SeriesIndex,
    pub(super) key: SeriesKey,
    hash: u64,
    /// The number of the last body that had it.
    pub(super) seen_in: u64,
    /// Its line in that body, from 0.
    pub(super) line: usize,
}

impl Table {
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn get(&self, slot: Slot) -> Option<&Entry> {
        self.entries.get(slot)
    }

    pub(super) fn get_mut(&mut self, slot: Slot) -> Option<&mut Entry> {
        self.entries.get_mut(slot)
    }

    pub(super) fn key(&self, index: SeriesIndex) -> Option<&SeriesKey> {
        let slot = self.entries.binary_search_by_key(&index, |entry| entry.index).ok()?;
        self.entries.get(slot).map(|entry| &entry.key)
    }

    /// Finds the series; `labels` are sorted by name and none is empty.
    pub(super) fn find(&self, name: &str, labels: &[Label<'_>]) -> Option<Slot> {
        let same = |slot: &Slot| {
            self.entries.get(*slot).is_some_and(|entry| is_key(&entry.key, name, labels))
        };
        self.by_key.find(self.hash(name, labels), same).copied()
    }

    /// Adds a series that [`Self::find`] didn't find; `None` when no index is left.
    pub(super) fn add(&mut self, name: &str, labels: &[Label<'_>]) -> Option<Slot> {
        let hash = self.hash(name, labels);
        let name = self.text(name);
        let pairs: Vec<_> =
            labels.iter().map(|(label, value)| (self.text(label), self.text(value))).collect();
        let key = SeriesKey { name, labels: Labels::new(pairs).ok()? };
        let index = SeriesIndex(self.next_index);
        self.next_index = self.next_index.checked_add(1)?;
        let slot = self.entries.len();
        self.entries.push(Entry { index, key, hash, seen_in: 0, line: 0 });
        let Self { entries, by_key, .. } = self;
        let hash_of = |slot: &Slot| entries.get(*slot).map_or(0, |entry| entry.hash);
        by_key.insert_unique(hash, slot, hash_of);
        Some(slot)
    }

    /// Forgets what was added since the table had `length` series: their body was refused.
    pub(super) fn truncate(&mut self, length: usize) {
        if length < self.entries.len() {
            self.entries.truncate(length);
            self.by_key.retain(|slot| *slot < length);
            self.forget_texts();
        }
    }

    /// Forgets every series that body number `body` didn't have, when these are more than it had.
    ///
    /// Returns the new slot of each old one, if any moved. So a table never holds more than twice
    /// what its target exposes and a little, and a sweep costs less than what filled the table.
    pub(super) fn sweep(&mut self, body: u64, seen: usize) -> Option<Vec<Slot>> {
        if self.entries.len() <= 2 * seen + IDLE_MIN {
            return None;
        }
        let mut kept = 0;
        let moved = self.entries.iter().map(|entry| {
            let slot = kept;
            kept += usize::from(entry.seen_in == body);
            slot
        });
        let moved: Vec<Slot> = moved.collect();
        self.entries.retain(|entry| entry.seen_in == body);
        self.entries.shrink_to_fit();
        let Self { entries, by_key, .. } = self;
        let hash_of = |slot: &Slot| entries.get(*slot).map_or(0, |entry| entry.hash);
        by_key.clear();
        by_key.shrink_to(entries.len(), hash_of);
        for slot in 0..entries.len() {
            by_key.insert_unique(hash_of(&slot), slot, hash_of);
        }
        self.forget_texts();
        Some(moved)
    }

    fn forget_texts(&mut self) {
        self.texts.retain(|text| Arc::strong_count(text) > 1);
    }

    fn text(&mut self, text: &str) -> Arc<str> {
        self.texts.get_or_insert_with(text, |text| text.into()).clone()
    }

    fn hash(&self, name: &str, labels: &[Label<'_>]) -> u64 {
        let mut hasher = self.hasher.build_hasher();
        name.hash(&mut hasher);
        for (label, value) in labels {
            label.hash(&mut hasher);
            value.hash(&mut hasher);
        }
        hasher.finish()
    }
}

fn is_key(key: &SeriesKey, name: &str, labels: &[Label<'_>]) -> bool {
    *key.name == *name
        && key.labels.len() == labels.len()
        && key.labels.iter().zip(labels).all(|((a, b), (c, d))| a == *c && b == d)
}
