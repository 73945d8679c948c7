//! From the format before to this one, in one transaction: a crash leaves the file as it was.

use super::history::Run;
use super::schema::{
    self, ALERTS, FORMAT, FORMAT_KEY, HISTORY, JOURNAL, LEDGERS, META, ROSTERS, TARGETS, TIERS,
};
use super::{ArchiveError, record};
use crate::kept::{KeptLedger, KeptTier};
use crate::kept_feed::KeptFeed;
use crate::wire::Reader;
use redb::{Database, ReadableTable, Table, TableDefinition, WriteTransaction};

/// Ledgers, tiers and history lay under the ledgers' keys, a slot of history to a row.
const OLD_LEDGERS: TableDefinition<&str, &[u8]> = TableDefinition::new("ledgers");
const OLD_TIERS: TableDefinition<(&str, u32), &[u8]> = TableDefinition::new("tiers");
const OLD_HISTORY: TableDefinition<(&str, i64), &[u8]> = TableDefinition::new("history");

/// Brings a file of `format` to [`FORMAT`].
pub(super) fn migrate(database: &Database, format: u64) -> Result<(), ArchiveError> {
    if format == FORMAT {
        return Ok(());
    }
    let write = database.begin_write()?;
    ledgers(&write)?;
    targets(&write)?;
    last_step(&write)?;
    write.delete_table(OLD_LEDGERS)?;
    write.delete_table(OLD_TIERS)?;
    write.delete_table(OLD_HISTORY)?;
    write.open_table(META)?.insert(FORMAT_KEY, schema::FORMAT)?;
    write.commit()?;
    Ok(())
}

fn ledgers(write: &WriteTransaction) -> Result<(), ArchiveError> {
    let (old_tiers, old_history) = (write.open_table(OLD_TIERS)?, write.open_table(OLD_HISTORY)?);
    let (mut tiers, mut history) = (write.open_table(TIERS)?, write.open_table(HISTORY)?);
    let mut ledgers = write.open_table(LEDGERS)?;
    for (number, entry) in (0_u32..).zip(write.open_table(OLD_LEDGERS)?.iter()?) {
        let (key, head) = entry?;
        let key = key.value();
        KeptLedger::read(head.value()).ok_or_else(|| record("ledger", key))?;
        ledgers.insert(key, (number, head.value()))?;
        for tier in old_tiers.range((key, 0)..=(key, u32::MAX))? {
            let (place, bytes) = tier?;
            let bytes = KeptTier::slots_of(bytes.value().into());
            tiers.insert((number, place.value().1), bytes.as_slice())?;
        }
        runs(&old_history, &mut history, key, number)?;
    }
    Ok(())
}

fn runs(
    old: &Table<'_, (&'static str, i64), &'static [u8]>,
    new: &mut Table<'_, (u32, i64), &'static [u8]>,
    key: &str,
    number: u32,
) -> Result<(), ArchiveError> {
    let mut run = Run::default();
    for slot in old.range((key, i64::MIN)..=(key, i64::MAX))? {
        let (place, bytes) = slot?;
        let mut reader = Reader::new(bytes.value());
        let tally = reader.tally().filter(|_| reader.is_at_end());
        let tally = tally.ok_or_else(|| record("history", key))?;
        if run.is_full() {
            run.insert_into(new, number)?;
            run = Run::default();
        }
        run.add(place.value().1, tally);
    }
    run.insert_into(new, number)
}

/// The time of the last step lay among the alerts, in words.
fn last_step(write: &WriteTransaction) -> Result<(), ArchiveError> {
    let (mut journal, mut alerts) = (write.open_table(JOURNAL)?, write.open_table(ALERTS)?);
    let at = alerts.remove("last step")?.map(|at| String::from_utf8_lossy(at.value()).into_owned());
    if let Some(at) = at.and_then(|at| at.parse::<i64>().ok()) {
        journal.insert(at, [].as_slice())?;
    }
    Ok(())
}

fn targets(write: &WriteTransaction) -> Result<(), ArchiveError> {
    let (rosters, mut targets) = (write.open_table(ROSTERS)?, write.open_table(TARGETS)?);
    let mut moved = Vec::new();
    for entry in targets.iter()? {
        let (key, state) = entry?;
        let kept = rosters
            .get(key.value())?
            .and_then(|roster| KeptFeed::read(roster.value(), state.value(), 1))
            .ok_or_else(|| record("target", key.value()))?;
        moved.push((key.value().to_owned(), kept.write_state()));
    }
    for (key, state) in moved {
        targets.insert(key.as_str(), state.as_slice())?;
    }
    Ok(())
}
