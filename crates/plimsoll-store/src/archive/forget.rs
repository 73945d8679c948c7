//! Letting go of what no period reaches back to any more.

use super::schema::{HISTORY, LEDGERS, ROSTERS, TARGETS, TIERS};
use super::{ArchiveError, record};
use crate::kept::KeptLedger;
use crate::kept_feed::KeptFeed;
use plimsoll_model::TimeMs;
use redb::{Database, ReadableTable, WriteTransaction};

/// Lets go of ledgers that were last written more than their period before `now`, as those of a
/// removed SLO, and of targets that weren't scraped since the longest period began.
pub(super) fn old(database: &Database, now: Option<TimeMs>) -> Result<(), ArchiveError> {
    let Some(now) = now else { return Ok(()) };
    let write = database.begin_write()?;
    let oldest = old_ledgers(&write, now)?;
    old_targets(&write, oldest)?;
    write.commit()?;
    Ok(())
}

/// Returns when the longest period began.
fn old_ledgers(write: &WriteTransaction, now: TimeMs) -> Result<TimeMs, ArchiveError> {
    let mut ledgers = write.open_table(LEDGERS)?;
    let (mut gone, mut oldest) = (Vec::new(), now);
    for entry in ledgers.iter()? {
        let (key, value) = entry?;
        let (number, head) = value.value();
        let kept = KeptLedger::read(head).ok_or_else(|| record("ledger", key.value()))?;
        let began = TimeMs(now.0.saturating_sub_unsigned(kept.period_ms));
        oldest = oldest.min(began);
        if kept.now < began {
            gone.push((key.value().to_string(), number));
        }
    }
    let (mut tiers, mut history) = (write.open_table(TIERS)?, write.open_table(HISTORY)?);
    for (key, number) in gone {
        ledgers.remove(key.as_str())?;
        tiers.retain_in((number, 0)..=(number, u32::MAX), |_, _| false)?;
        history.retain_in((number, i64::MIN)..=(number, i64::MAX), |_, _| false)?;
    }
    Ok(oldest)
}

fn old_targets(write: &WriteTransaction, oldest: TimeMs) -> Result<(), ArchiveError> {
    let (mut rosters, mut targets) = (write.open_table(ROSTERS)?, write.open_table(TARGETS)?);
    let mut gone = Vec::new();
    for entry in targets.iter()? {
        let (key, state) = entry?;
        let scraped =
            KeptFeed::read_scraped(state.value()).ok_or_else(|| record("target", key.value()))?;
        if scraped.is_none_or(|scraped| scraped < oldest) {
            gone.push(key.value().to_string());
        }
    }
    for key in gone {
        rosters.remove(key.as_str())?;
        targets.remove(key.as_str())?;
    }
    Ok(())
}
