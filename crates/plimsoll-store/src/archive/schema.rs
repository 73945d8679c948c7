//! The tables of the data file, and the format that they are in.

use super::{ArchiveError, OpenError};
use redb::{Database, ReadableDatabase, TableDefinition, TableError};
use std::path::Path;

/// The format that this version writes, and the newest that it reads.
pub(super) const FORMAT: u64 = 2;

/// Facts about the file itself.
pub(super) const META: TableDefinition<&str, u64> = TableDefinition::new("meta");

/// The key in `META` of the format.
pub(super) const FORMAT_KEY: &str = "format";

/// Ledgers by key: their number, and everything but slots and history.
pub(super) const LEDGERS: TableDefinition<&str, (u32, &[u8])> =
    TableDefinition::new("ledgers by key");

/// The slots of a ledger's tiers, by its number and theirs.
pub(super) const TIERS: TableDefinition<(u32, u32), &[u8]> =
    TableDefinition::new("tiers by number");

/// Runs of a ledger's slots of history, by its number and when the first begins, in milliseconds.
pub(super) const HISTORY: TableDefinition<(u32, i64), &[u8]> =
    TableDefinition::new("history by number");

/// What happened since the last whole checkpoint, by the store's time in milliseconds.
pub(super) const JOURNAL: TableDefinition<i64, &[u8]> = TableDefinition::new("journal");

/// The names of each target's counters.
pub(super) const ROSTERS: TableDefinition<&str, &[u8]> = TableDefinition::new("rosters");

/// Everything else of each target.
pub(super) const TARGETS: TableDefinition<&str, &[u8]> = TableDefinition::new("targets");

/// The state of alerts, opaque, by key.
pub(super) const ALERTS: TableDefinition<&str, &[u8]> = TableDefinition::new("alerts");

/// Marks by time and number.
pub(super) const MARKS: TableDefinition<(i64, u64), &[u8]> = TableDefinition::new("marks");

/// Corrections by number.
pub(super) const CORRECTIONS: TableDefinition<u64, &[u8]> = TableDefinition::new("corrections");

/// Checks the file's format, which it returns; a new file gets it, with every table.
pub(super) fn prepare(database: &Database, path: &Path) -> Result<u64, OpenError> {
    let corrupt =
        |error: ArchiveError| OpenError::Corrupt { path: path.into(), what: error.to_string() };
    match format(database).map_err(corrupt)? {
        None => lay(database).map(|()| FORMAT).map_err(corrupt),
        Some(found) if (1..=FORMAT).contains(&found) => Ok(found),
        Some(found) => Err(OpenError::Newer { path: path.into(), found, known: FORMAT }),
    }
}

fn format(database: &Database) -> Result<Option<u64>, ArchiveError> {
    let read = database.begin_read()?;
    match read.open_table(META) {
        Ok(meta) => Ok(meta.get(FORMAT_KEY)?.map(|format| format.value())),
        Err(TableError::TableDoesNotExist(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn lay(database: &Database) -> Result<(), ArchiveError> {
    let write = database.begin_write()?;
    write.open_table(META)?.insert(FORMAT_KEY, FORMAT)?;
    write.open_table(LEDGERS)?;
    write.open_table(TIERS)?;
    write.open_table(HISTORY)?;
    write.open_table(JOURNAL)?;
    write.open_table(MARKS)?;
    for table in [ROSTERS, TARGETS, ALERTS] {
        write.open_table(table)?;
    }
    write.commit()?;
    Ok(())
}
