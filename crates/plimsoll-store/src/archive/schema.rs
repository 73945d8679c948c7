//! The tables of the data file, and the format that they are in.

use super::{ArchiveError, OpenError};
use redb::{Database, ReadableDatabase, TableDefinition, TableError};
use std::path::Path;

/// The format that this version writes, and the newest that it reads.
const FORMAT: u64 = 1;

/// Facts about the file itself.
const META: TableDefinition<&str, u64> = TableDefinition::new("meta");

/// The key in `META` of the format.
const FORMAT_KEY: &str = "format";

/// Ledgers by key: everything but slots and history.
pub(super) const LEDGERS: TableDefinition<&str, &[u8]> = TableDefinition::new("ledgers");

/// The slots of a ledger's tiers, by its key and their number.
pub(super) const TIERS: TableDefinition<(&str, u32), &[u8]> = TableDefinition::new("tiers");

/// The slots of a ledger's history, by its key and their start in milliseconds.
pub(super) const HISTORY: TableDefinition<(&str, i64), &[u8]> = TableDefinition::new("history");

/// The names of each target's counters.
pub(super) const ROSTERS: TableDefinition<&str, &[u8]> = TableDefinition::new("rosters");

/// Everything else of each target.
pub(super) const TARGETS: TableDefinition<&str, &[u8]> = TableDefinition::new("targets");

/// The state of alerts, opaque, by key.
pub(super) const ALERTS: TableDefinition<&str, &[u8]> = TableDefinition::new("alerts");

/// Marks by time and number.
pub(super) const MARKS: TableDefinition<(i64, u64), &[u8]> = TableDefinition::new("marks");

/// Checks the file's format; a new file gets it, with every table.
pub(super) fn prepare(database: &Database, path: &Path) -> Result<(), OpenError> {
    let corrupt =
        |error: ArchiveError| OpenError::Corrupt { path: path.into(), what: error.to_string() };
    match format(database).map_err(corrupt)? {
        None => lay(database).map_err(corrupt),
        Some(FORMAT) => Ok(()),
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
    write.open_table(TIERS)?;
    write.open_table(HISTORY)?;
    write.open_table(MARKS)?;
    for table in [LEDGERS, ROSTERS, TARGETS, ALERTS] {
        write.open_table(table)?;
    }
    write.commit()?;
    Ok(())
}
