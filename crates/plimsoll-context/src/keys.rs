//! The keys of one decision, and how they stood before it read.

use crate::claims::Claims;
use crate::report::Conflicts;
use crate::stripes::{Seen, Stripes};
use crate::{ConflictKey, series::Reason};
use std::sync::Arc;

/// How many keys a decision may have; those beyond aren't known.
const KEYS_MAX: usize = 64;

/// What all decisions of a kind share to know of each other's commits.
#[derive(Debug)]
pub(crate) struct Sequences {
    stripes: Stripes,
    claims: Claims,
}

/// The keys of one decision.
#[derive(Debug)]
pub(crate) struct Keys {
    of: Arc<Sequences>,
    list: Vec<Entry>,
    /// Keys beyond the bound.
    refused: u32,
}

#[derive(Debug)]
struct Entry {
    key: ConflictKey,
    seen: Seen,
    /// The version that the store gave with the data.
    read: Option<u64>,
    /// The version that the store gave the commit.
    made: Option<u64>,
    /// Commits on the stripe that the decision can't be sure to have seen.
    missed: u64,
    /// It shares the stripe with an earlier key, which stands for both.
    shares: bool,
}

impl Sequences {
    pub(crate) fn new(stripes: usize) -> Self {
        Self { stripes: Stripes::new(stripes), claims: Claims::new(stripes) }
    }
}

impl Keys {
    pub(crate) fn new(of: Arc<Sequences>) -> Self {
        Self { of, list: Vec::new(), refused: 0 }
    }

    /// Adds a key whose data isn't read yet. Refuses one beyond the bound.
    pub(crate) fn watch(&mut self, key: ConflictKey) -> Result<(), Reason> {
        if self.list.iter().any(|entry| entry.key == key) {
            return Ok(());
        }
        if self.list.len() >= KEYS_MAX {
            self.refused += 1;
            return Err(Reason::Keys);
        }
        let seen = self.of.stripes.look(key.0);
        let shares = self.list.iter().any(|entry| entry.seen.stripe == seen.stripe);
        self.list.push(Entry { key, seen, read: None, made: None, missed: 0, shares });
        Ok(())
    }

    /// Notes the store's version of a key's data, with the data or before it.
    pub(crate) fn read(&mut self, key: ConflictKey, version: u64) -> Result<(), Reason> {
        self.watch(key)?;
        self.entry(key).into_iter().for_each(|entry| entry.read = Some(version));
        Ok(())
    }

    /// Notes the version that the store gave the commit.
    pub(crate) fn made(&mut self, key: ConflictKey, version: u64) {
        self.entry(key).into_iter().for_each(|entry| entry.made = Some(version));
    }

    /// Notes the store's version that the commit has made of each key that was read with one, by a
    /// comparison in the store: nobody came between.
    pub(crate) fn made_next(&mut self) {
        for entry in &mut self.list {
            entry.made = entry.read.map(|version| version.wrapping_add(1));
        }
    }

    /// Notes the version of the commit for the only key that was read with one; of several none is it.
    pub(crate) fn made_only(&mut self, version: u64) {
        let mut versioned = self.list.iter_mut().filter(|entry| entry.read.is_some());
        if let (Some(entry), None) = (versioned.next(), versioned.next()) {
            entry.made = Some(version);
        }
    }

    /// Begins the commit of every key.
    pub(crate) fn begin(mut self) -> Begun {
        for entry in self.list.iter_mut().filter(|entry| !entry.shares) {
            entry.missed = self.of.stripes.begin(entry.seen);
        }
        Begun { keys: self }
    }

    /// Begins the commit of every key if the decision has seen all others' of them; otherwise of none.
    pub(crate) fn begin_alone(mut self) -> Option<Begun> {
        let mut begun = 0;
        for entry in &self.list {
            if !entry.shares && !self.of.stripes.begin_alone(entry.seen) {
                break;
            }
            begun += 1;
        }
        if begun == self.list.len() && self.refused == 0 {
            return Some(Begun { keys: self });
        }
        // Those that had begun end at once, by the guard's drop.
        self.list.truncate(begun);
        drop(Begun { keys: self });
        None
    }

    fn entry(&mut self, key: ConflictKey) -> Option<&mut Entry> {
        self.list.iter_mut().find(|entry| entry.key == key)
    }
}

/// A commit that is under way, until it is dropped.
#[derive(Debug)]
pub(crate) struct Begun {
    pub(crate) keys: Keys,
}

impl Begun {
    /// Says who overtook a decision that the store has taken, and calls `note` for what can't be judged.
    pub(crate) fn conflicts(&self, mut note: impl FnMut(Reason)) -> Conflicts {
        let refused = self.keys.refused;
        let mut conflicts = Conflicts { unknown_keys: refused, ..Conflicts::default() };
        for entry in &self.keys.list {
            match entry.missed() {
                Ok(missed) => self.add(&mut conflicts, entry, missed),
                Err(reason) => {
                    conflicts.unknown_keys += 1;
                    note(reason);
                }
            }
        }
        conflicts
    }

    fn add(&self, conflicts: &mut Conflicts, entry: &Entry, missed: u64) {
        // By the stripes, a key that shares one is counted where it comes first.
        if entry.shares && entry.read.is_none() {
            return;
        }
        let version = entry.read.unwrap_or(entry.seen.over);
        conflicts.stale_keys += u32::from(missed > 0);
        conflicts.commits_missed = conflicts.commits_missed.saturating_add(missed);
        let of = if entry.read.is_some() { entry.key.0 } else { entry.seen.stripe as u64 };
        conflicts.excess_keys += u32::from(self.keys.of.claims.claim(of, version));
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        for entry in self.keys.list.iter().filter(|entry| !entry.shares) {
            self.keys.of.stripes.end(entry.seen.stripe);
        }
    }
}

impl Entry {
    /// Returns how many commits the decision has missed: by the store's versions if it gave one, else by
    /// the stripe.
    fn missed(&self) -> Result<u64, Reason> {
        match (self.read, self.made) {
            (None, _) => Ok(self.missed),
            (Some(_), None) => Err(Reason::VersionMissing),
            (Some(read), Some(made)) if made > read => Ok(made - read - 1),
            (Some(_), Some(_)) => Err(Reason::VersionRegressed),
        }
    }
}
