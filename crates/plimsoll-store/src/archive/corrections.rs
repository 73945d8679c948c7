//! Corrections: what somebody knows better than what was seen, and who said so.

use super::history::current;
use super::portable::KeptCorrection;
use super::schema::CORRECTIONS;
use super::{Archive, ArchiveError, record};
use crate::amendment::Amendment;
use crate::kept::millis;
use crate::recent::Recent;
use crate::tally::Tally;
use crate::wire::{Reader, Writer};
use crate::{Ledger, Store};
use plimsoll_model::{Counts, TimeMs};
use plimsoll_slo::{Span, length_name};
use redb::{
    ReadTransaction, ReadableDatabase, ReadableTable, ReadableTableMetadata, TableError,
    WriteTransaction,
};
use std::time::Duration;

/// The most corrections that are kept; past it the oldest goes.
const CORRECTIONS_MAX: u64 = 10_000;

/// The most that are in force for one SLO, because each costs every window a little.
const IN_FORCE_MAX: usize = 100;

/// What is asked to be put in place of what was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewCorrection {
    /// The id of the SLO, or of a group of it.
    pub slo: String,
    /// The stretch; it has to begin and end with slots of history.
    pub span: Span,
    /// Good events or milliseconds that there were.
    pub good: u64,
    /// Bad ones.
    pub bad: u64,
    /// Why.
    pub reason: String,
    /// Who says so.
    pub author: String,
    /// When it is asked.
    pub at: TimeMs,
}

/// A correction as it is kept: never changed and never taken back, only replaced by a later one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Correction {
    /// What was asked.
    pub asked: NewCorrection,
    /// What was seen of the stretch.
    pub was: Counts,
    /// Whether it counts: no later one covers it.
    pub in_force: bool,
    key: String,
    amendment: Amendment,
}

/// Why a correction wasn't made.
#[derive(Debug, thiserror::Error)]
pub enum CorrectionError {
    /// Nothing is kept of such an SLO.
    #[error("slo: nothing was counted for {0:?} yet")]
    NothingKept(String),
    /// The stretch is empty.
    #[error("from: has to be before to")]
    Empty,
    /// An edge isn't one of history's.
    #[error("{key}: history is kept in slots of {slot}, so that only whole ones can be corrected")]
    NotWhole {
        /// Which edge.
        key: &'static str,
        /// The length of a slot.
        slot: String,
    },
    /// The stretch reaches beyond what is kept.
    #[error("{key}: history is kept from {} to {}", utc(*from), utc(*to))]
    Beyond {
        /// Which edge.
        key: &'static str,
        /// The beginning of what is kept.
        from: i64,
        /// Its end.
        to: i64,
    },
    /// Something of it may still be told.
    #[error(
        "to: a target is silent since {}, and may yet tell what happened: correct it once it speaks \
         again or is gone",
        utc(*.0)
    )]
    StillOpen(i64),
    /// A part of another correction would be left.
    #[error(
        "from: the correction of {} to {} would be cut: cover it whole, or leave it out",
        utc(*from),
        utc(*to)
    )]
    Cuts {
        /// Where the other begins.
        from: i64,
        /// Where it ends.
        to: i64,
    },
    /// Too many are in force.
    #[error("slo: has {IN_FORCE_MAX} corrections in force; cover several with one")]
    TooMany,
    /// The file can't be read or written.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
}

impl Archive {
    /// Makes a correction, durably: what the stretch held is looked up and kept beside it. `recent` is
    /// what the ledger knows that isn't written yet.
    ///
    /// # Errors
    /// See [`CorrectionError`]; nothing is changed then.
    pub fn correct(
        &mut self,
        asked: NewCorrection,
        recent: &Recent,
    ) -> Result<Correction, CorrectionError> {
        let (key, was) = self.seen(&asked, recent)?;
        let known = self.corrections()?;
        let of_it = known.iter().filter(|other| other.in_force && other.key == key);
        let mut in_force = 0;
        for other in of_it {
            let (theirs, ours) = (other.asked.span, asked.span);
            let is_covered = ours.start <= theirs.start && theirs.end <= ours.end;
            if !is_covered && !ours.overlap(theirs).is_zero() {
                return Err(CorrectionError::Cuts { from: theirs.start.0, to: theirs.end.0 });
            }
            in_force += usize::from(!is_covered);
        }
        if in_force >= IN_FORCE_MAX {
            return Err(CorrectionError::TooMany);
        }
        let amendment = Amendment { span: asked.span, was, good: asked.good, bad: asked.bad };
        let made = Correction { asked, was: was.counts, in_force: true, key, amendment };
        self.put(&made)?;
        Ok(made)
    }

    /// Returns every correction, oldest first.
    ///
    /// # Errors
    /// The file can't be read.
    pub fn corrections(&self) -> Result<Vec<Correction>, ArchiveError> {
        all(&self.database()?.begin_read()?)
    }

    fn put(&self, correction: &Correction) -> Result<(), ArchiveError> {
        let write = self.database()?.begin_write()?;
        put(&write, correction)?;
        write.commit()?;
        Ok(())
    }

    /// Returns the key of the ledger and what its history holds of the stretch.
    fn seen(
        &self,
        asked: &NewCorrection,
        recent: &Recent,
    ) -> Result<(String, Tally), CorrectionError> {
        let nothing = || CorrectionError::NothingKept(asked.slo.clone());
        let read = self.database()?.begin_read().map_err(ArchiveError::from)?;
        let (number, kept) = current(&read, &asked.slo)?.ok_or_else(nothing)?;
        let key = self.numbers.by_key.iter().find(|(_, other)| **other == number);
        let key = key.map(|(key, _)| key.clone()).ok_or_else(nothing)?;
        check(asked, recent, asked.at - Duration::from_millis(kept.period_ms))?;
        let Span { start, end } = asked.span;
        let slot = Duration::from_millis(recent.slot_ms.unsigned_abs());
        let last = TimeMs(end.0.saturating_sub(1));
        let mut was = Tally::default();
        for point in self.history(&asked.slo, (start, last), slot, recent)? {
            was = was.plus(Tally {
                counts: point.counts,
                expected_ms: millis(point.expected),
                missing_ms: millis(point.expected.saturating_sub(point.known)),
                unrated_ms: point.unrated_ms,
            });
        }
        Ok((key, was))
    }

    pub(super) fn amend(&self, store: &mut Store) -> Result<(), ArchiveError> {
        let corrections = self.corrections()?;
        for correction in corrections.iter().filter(|correction| correction.in_force) {
            store.correct(correction);
        }
        Ok(())
    }
}

/// Returns every correction, oldest first; one is in force until a later one covers it.
pub(super) fn all(read: &ReadTransaction) -> Result<Vec<Correction>, ArchiveError> {
    let table = match read.open_table(CORRECTIONS) {
        // The first correction makes the table.
        Err(TableError::TableDoesNotExist(_)) => return Ok(Vec::new()),
        table => table?,
    };
    let mut found: Vec<Correction> = Vec::new();
    for entry in table.iter()? {
        let (number, bytes) = entry?;
        let correction = self::read(bytes.value())
            .ok_or_else(|| record("correction", &number.value().to_string()))?;
        for other in found.iter_mut().filter(|other| other.overlaps(&correction)) {
            other.in_force = false;
        }
        found.push(correction);
    }
    Ok(found)
}

/// Adds a correction to the others; past 10,000 the oldest is let go.
pub(super) fn put(write: &WriteTransaction, correction: &Correction) -> Result<(), ArchiveError> {
    let mut table = write.open_table(CORRECTIONS)?;
    let number = table.last()?.map_or(0, |(number, _)| number.value() + 1);
    table.insert(number, written(correction).as_slice())?;
    while table.len()? > CORRECTIONS_MAX {
        table.pop_first()?;
    }
    Ok(())
}

impl Correction {
    /// Says whether it is of the ledger with that key.
    pub(crate) fn is_of(&self, key: &str) -> bool {
        self.key == key
    }

    /// Says whether both are of one ledger and share some time.
    pub(super) fn overlaps(&self, other: &Self) -> bool {
        self.key == other.key && !self.asked.span.overlap(other.asked.span).is_zero()
    }
}

impl From<Correction> for KeptCorrection {
    fn from(correction: Correction) -> Self {
        let Correction { asked, key, amendment, .. } = correction;
        let NewCorrection { slo, span, good, bad, reason, author, at } = asked;
        let (from_ms, to_ms, at_ms) = (span.start.0, span.end.0, at.0);
        let was = amendment.was.to_fields();
        Self { slo, key, from_ms, to_ms, good, bad, was, reason, author, at_ms }
    }
}

impl From<KeptCorrection> for Correction {
    fn from(kept: KeptCorrection) -> Self {
        let KeptCorrection { slo, key, from_ms, to_ms, good, bad, was, reason, author, at_ms } =
            kept;
        let span = Span { start: TimeMs(from_ms), end: TimeMs(to_ms) };
        let was = Tally::from_fields(was);
        let amendment = Amendment { span, was, good, bad };
        let asked = NewCorrection { slo, span, good, bad, reason, author, at: TimeMs(at_ms) };
        Self { asked, was: was.counts, in_force: true, key, amendment }
    }
}

/// Says whether a stretch can be corrected: whole slots, kept, over, and told of.
fn check(asked: &NewCorrection, recent: &Recent, oldest: TimeMs) -> Result<(), CorrectionError> {
    let Span { start, end } = asked.span;
    if start >= end {
        return Err(CorrectionError::Empty);
    }
    let slot_ms = recent.slot_ms.max(1);
    for (key, edge) in [("from", start), ("to", end)] {
        if edge.0.rem_euclid(slot_ms) != 0 {
            let slot = length_name(Duration::from_millis(slot_ms.unsigned_abs()));
            return Err(CorrectionError::NotWhole { key, slot });
        }
        if edge < oldest || edge > asked.at {
            return Err(CorrectionError::Beyond { key, from: oldest.0, to: asked.at.0 });
        }
    }
    match recent.open.iter().map(|(since, ..)| *since).min() {
        Some(since) if since < end => Err(CorrectionError::StillOpen(since.0)),
        _ => Ok(()),
    }
}

impl Store {
    /// Counts a correction from now on; one that it covers counts no more.
    pub fn correct(&mut self, correction: &Correction) {
        let of_it = |ledger: &&mut Ledger| ledger.key == correction.key;
        for ledger in self.books.ledgers.iter_mut().filter(of_it) {
            ledger.amend(correction.amendment);
        }
    }
}

fn written(correction: &Correction) -> Vec<u8> {
    let Correction { asked, key, amendment, .. } = correction;
    let mut writer = Writer::default();
    [&asked.slo, key, &asked.reason, &asked.author].into_iter().for_each(|text| writer.text(text));
    [asked.span.start, asked.span.end, asked.at].into_iter().for_each(|at| writer.time(at));
    writer.count(asked.good);
    writer.count(asked.bad);
    writer.tally(amendment.was);
    writer.into_bytes()
}

fn read(bytes: &[u8]) -> Option<Correction> {
    let mut reader = Reader::new(bytes);
    let (slo, key) = (reader.text()?.to_owned(), reader.text()?.to_owned());
    let (reason, author) = (reader.text()?.to_owned(), reader.text()?.to_owned());
    let span = Span { start: reader.time()?, end: reader.time()? };
    let (at, good, bad, was) = (reader.time()?, reader.count()?, reader.count()?, reader.tally()?);
    let asked = NewCorrection { slo, span, good, bad, reason, author, at };
    let amendment = Amendment { span, was, good, bad };
    let correction = Correction { asked, was: was.counts, in_force: true, key, amendment };
    reader.is_at_end().then_some(correction)
}

/// Writes an instant as people read it.
fn utc(ms: i64) -> String {
    let at = chrono::DateTime::from_timestamp_millis(ms).unwrap_or_default();
    at.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true)
}
