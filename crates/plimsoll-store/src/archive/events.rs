//! Marks on the charts, and the state of alerts.

use super::schema::{ALERTS, MARKS};
use super::{Archive, ArchiveError, record};
use crate::wire::{Reader, Writer};
use plimsoll_model::TimeMs;
use redb::{ReadTransaction, ReadableDatabase, ReadableTable, ReadableTableMetadata, Table};

/// The most marks that are kept; past it the oldest goes.
const MARKS_MAX: u64 = 10_000;

/// Something that happened, as a mark on the charts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// What it was: `deploy`, `scale`, `alert` …
    pub kind: String,
    /// The service that it happened to.
    pub service: String,
    /// When.
    pub at: TimeMs,
    /// What a person reads.
    pub text: String,
}

impl Archive {
    /// Keeps a mark; past 10,000 the oldest is let go.
    ///
    /// # Errors
    /// The file can't be written.
    pub fn put_mark(&mut self, mark: &Mark) -> Result<(), ArchiveError> {
        let write = self.database()?.begin_write()?;
        put(&mut write.open_table(MARKS)?, mark)?;
        write.commit()?;
        Ok(())
    }

    /// Returns the marks from `from` to `to`, oldest first.
    ///
    /// # Errors
    /// The file can't be read.
    pub fn marks(&self, from: TimeMs, to: TimeMs) -> Result<Vec<Mark>, ArchiveError> {
        marks(&self.database()?.begin_read()?, from, to)
    }

    /// Returns the kept state of alerts.
    ///
    /// # Errors
    /// The file can't be read.
    pub fn alerts(&self) -> Result<Vec<(String, Vec<u8>)>, ArchiveError> {
        alerts(&self.database()?.begin_read()?)
    }
}

type Marks<'a> = Table<'a, (i64, u64), &'static [u8]>;

fn put(marks: &mut Marks<'_>, mark: &Mark) -> Result<(), ArchiveError> {
    let last = marks.range((mark.at.0, 0)..=(mark.at.0, u64::MAX))?.next_back().transpose()?;
    let number = last.map_or(0, |(place, _)| place.value().1 + 1);
    marks.insert((mark.at.0, number), written(mark).as_slice())?;
    while marks.len()? > MARKS_MAX {
        marks.pop_first()?;
    }
    Ok(())
}

/// Keeps a mark, unless the same one is kept.
pub(super) fn put_once(marks: &mut Marks<'_>, mark: &Mark) -> Result<(), ArchiveError> {
    let bytes = written(mark);
    for known in marks.range((mark.at.0, 0)..=(mark.at.0, u64::MAX))? {
        if known?.1.value() == bytes {
            return Ok(());
        }
    }
    put(marks, mark)
}

fn written(mark: &Mark) -> Vec<u8> {
    let mut writer = Writer::default();
    [&mark.kind, &mark.service, &mark.text].into_iter().for_each(|text| writer.text(text));
    writer.into_bytes()
}

pub(super) fn marks(
    read: &ReadTransaction,
    from: TimeMs,
    to: TimeMs,
) -> Result<Vec<Mark>, ArchiveError> {
    let mut found = Vec::new();
    for entry in read.open_table(MARKS)?.range((from.0, 0)..=(to.0, u64::MAX))? {
        let (place, bytes) = entry?;
        let at = TimeMs(place.value().0);
        found.push(mark(at, bytes.value()).ok_or_else(|| record("mark", &at.to_string()))?);
    }
    Ok(found)
}

pub(super) fn alerts(read: &ReadTransaction) -> Result<Vec<(String, Vec<u8>)>, ArchiveError> {
    let mut found = Vec::new();
    for entry in read.open_table(ALERTS)?.iter()? {
        let (key, bytes) = entry?;
        found.push((key.value().into(), bytes.value().into()));
    }
    Ok(found)
}

fn mark(at: TimeMs, bytes: &[u8]) -> Option<Mark> {
    let mut reader = Reader::new(bytes);
    let mark = Mark {
        kind: reader.text()?.into(),
        service: reader.text()?.into(),
        text: reader.text()?.into(),
        at,
    };
    reader.is_at_end().then_some(mark)
}
