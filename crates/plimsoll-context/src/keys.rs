//! The keys of one decision, and how they stood before it read.

use crate::claims::Claims;
use crate::report::Conflicts;
use crate::stripes::{Seen, Stripes};
use crate::{ConflictKey, series::Reason};

/// How many keys a decision may have; those beyond aren't known.
const KEYS_MAX: usize = 64;

/// What all decisions of a kind share to know of each other's commits.
#[derive(Debug)]
pub(crate) struct Sequences {
    stripes: Stripes,
    claims: Claims,
}

/// The keys of one decision; nearly all have one, which takes no allocation.
#[derive(Debug, Default)]
pub(crate) struct Keys {
    first: Option<Entry>,
    rest: Vec<Entry>,
    /// Keys beyond the bound.
    refused: u32,
    /// How many of them have begun their commit, which isn't over.
    begun: usize,
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
    /// Adds a key whose data isn't read yet. Refuses one beyond the bound.
    pub(crate) fn watch(&mut self, of: &Sequences, key: ConflictKey) -> Result<(), Reason> {
        if self.entry(key).is_some() {
            return Ok(());
        }
        if self.len() >= KEYS_MAX {
            self.refused += 1;
            return Err(Reason::Keys);
        }
        let seen = of.stripes.look(key.0);
        let shares = self.iter().any(|entry| entry.seen.stripe == seen.stripe);
        let entry = Entry { key, seen, read: None, made: None, missed: 0, shares };
        if self.first.is_none() {
            self.first = Some(entry);
        } else {
            self.rest.push(entry);
        }
        Ok(())
    }

    /// Notes the store's version of a key's data, with the data or before it.
    pub(crate) fn read(
        &mut self,
        of: &Sequences,
        key: ConflictKey,
        version: u64,
    ) -> Result<(), Reason> {
        self.watch(of, key)?;
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
        for entry in self.iter_mut() {
            entry.made = entry.read.map(|version| version.wrapping_add(1));
        }
    }

    /// Notes the version of the commit for the only key that was read with one; of several none is it.
    pub(crate) fn made_only(&mut self, version: u64) {
        let mut versioned = self.iter_mut().filter(|entry| entry.read.is_some());
        if let (Some(entry), None) = (versioned.next(), versioned.next()) {
            entry.made = Some(version);
        }
    }

    /// Begins the commit of every key.
    pub(crate) fn begin(&mut self, of: &Sequences) {
        for entry in self.iter_mut().filter(|entry| !entry.shares) {
            entry.missed = of.stripes.begin(entry.seen);
        }
        self.begun = self.len();
    }

    /// Begins the commit of every key if the decision has seen all others' of them. Otherwise it is to
    /// be ended: some may have begun.
    pub(crate) fn begin_alone(&mut self, of: &Sequences) -> bool {
        let begins = |entry: &&Entry| entry.shares || of.stripes.begin_alone(entry.seen);
        self.begun = self.iter().take_while(begins).count();
        self.begun == self.len() && self.refused == 0
    }

    /// Ends the commits that have begun, whether the store took them or not.
    pub(crate) fn end(&mut self, of: &Sequences) {
        for entry in self.iter().take(self.begun).filter(|entry| !entry.shares) {
            of.stripes.end(entry.seen.stripe);
        }
        self.begun = 0;
    }

    /// Says who overtook a decision that the store has taken, and calls `note` for what can't be judged.
    pub(crate) fn conflicts(&self, of: &Sequences, mut note: impl FnMut(Reason)) -> Conflicts {
        let mut conflicts = Conflicts { unknown_keys: self.refused, ..Conflicts::default() };
        for entry in self.iter() {
            match entry.missed() {
                Ok(missed) => entry.add_to(&mut conflicts, missed, &of.claims),
                Err(reason) => {
                    conflicts.unknown_keys += 1;
                    note(reason);
                }
            }
        }
        conflicts
    }

    fn len(&self) -> usize {
        usize::from(self.first.is_some()) + self.rest.len()
    }

    fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.first.iter().chain(&self.rest)
    }

    fn iter_mut(&mut self) -> impl Iterator<Item = &mut Entry> {
        self.first.iter_mut().chain(&mut self.rest)
    }

    fn entry(&mut self, key: ConflictKey) -> Option<&mut Entry> {
        self.iter_mut().find(|entry| entry.key == key)
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

    fn add_to(&self, conflicts: &mut Conflicts, missed: u64, claims: &Claims) {
        // By the stripes, a key that shares one is counted where it comes first.
        if self.shares && self.read.is_none() {
            return;
        }
        conflicts.stale_keys += u32::from(missed > 0);
        conflicts.commits_missed = conflicts.commits_missed.saturating_add(missed);
        let (of, version) = match self.read {
            Some(version) => (self.key.0, version),
            None => (self.seen.stripe as u64, self.seen.over),
        };
        conflicts.excess_keys += u32::from(claims.claim(of, version));
    }
}
