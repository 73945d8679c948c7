//! Putting a store back together: the last whole checkpoint, then the journal.

use super::schema::{FORMAT, JOURNAL, LEDGERS, ROSTERS, TARGETS, TIERS};
use super::{ArchiveError, record};
use crate::Store;
use crate::kept::{KeptLedger, KeptTier};
use crate::kept_feed::KeptFeed;
use crate::replay::Replay;
use plimsoll_model::TimeMs;
use redb::{Database, ReadTransaction, ReadableDatabase, ReadableTable};

pub(super) fn load(database: &Database, store: &mut Store) -> Result<(), ArchiveError> {
    let read = database.begin_read()?;
    ledgers(&read, store)?;
    let mut replay = feeds(&read, store)?;
    for entry in read.open_table(JOURNAL)?.iter()? {
        let (at, bytes) = entry?;
        let at = TimeMs(at.value());
        replay
            .play(bytes.value(), &mut store.books)
            .ok_or_else(|| record("journal", &at.to_string()))?;
    }
    store.now = store.now.max(replay.now());
    for (key, kept) in replay.finish(&mut store.books) {
        store.restore_feed(key, kept);
    }
    Ok(())
}

fn ledgers(read: &ReadTransaction, store: &mut Store) -> Result<(), ArchiveError> {
    let (ledgers, tiers) = (read.open_table(LEDGERS)?, read.open_table(TIERS)?);
    for entry in ledgers.iter()? {
        let (key, value) = entry?;
        let (number, head) = value.value();
        let kept = KeptLedger::read(head).ok_or_else(|| record("ledger", key.value()))?;
        store.now = store.now.max(Some(kept.now));
        let Some(place) = store.books.ledger_with_key(key.value(), kept.group()) else { continue };
        let mut slots = Vec::new();
        for tier in tiers.range((number, 0)..=(number, u32::MAX))? {
            let (at, bytes) = tier?;
            let tier = KeptTier::read(bytes.value()).ok_or_else(|| record("tier", key.value()))?;
            slots.push((at.value().1 as usize, tier));
        }
        if let Some(ledger) = store.books.ledgers.get_mut(place) {
            ledger.restore(&kept, &slots);
        }
    }
    Ok(())
}

fn feeds(read: &ReadTransaction, store: &mut Store) -> Result<Replay, ArchiveError> {
    let (rosters, targets) = (read.open_table(ROSTERS)?, read.open_table(TARGETS)?);
    let mut replay = Replay::default();
    for entry in targets.iter()? {
        let (key, state) = entry?;
        let roster = rosters.get(key.value())?;
        let kept = roster
            .and_then(|roster| KeptFeed::read(roster.value(), state.value(), FORMAT))
            .ok_or_else(|| record("target", key.value()))?;
        replay.add(key.value(), kept, &mut store.books);
    }
    Ok(replay)
}
