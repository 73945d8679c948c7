//! What outlives a restart, as plain records: taken out of a store by its checkpoints, put back
//! when an archive is loaded.

use crate::account::{Account, Doubt, Pending, Rate};
use crate::books::Books;
use crate::feed::{Feed, WiredMeter};
use crate::gap::Gap;
use crate::increase::Meter;
use crate::reckoning::Reckoning;
use crate::tally::Tally;
use crate::wire::{Reader, Writer};
use crate::{Ledger, Store};
use plimsoll_model::{Labels, SeriesKey, TimeMs};
use plimsoll_slo::{Backend, Composite, EventsPart, LevelBound, Sli, Slo};
use std::fmt::Write;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

/// What is kept of a ledger beside its slots and its history.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct KeptLedger {
    pub(crate) now: TimeMs,
    pub(crate) period_ms: u64,
    pub(crate) history_ms: i64,
    slice_ms: u64,
    group: Labels,
    watched_since: Option<TimeMs>,
    last_known: Option<TimeMs>,
    lag_closed: Option<i64>,
    gaps: Vec<Gap>,
}

/// What is kept of a target.
#[derive(Clone, Debug, Default)]
pub(crate) struct KeptFeed {
    start_s: Option<f64>,
    scraped: Option<TimeMs>,
    /// Of the SLIs that its series were chosen for.
    slis: u64,
    meters: Vec<(SeriesKey, Meter)>,
    accounts: Vec<KeptAccount>,
}

/// What is kept of an account.
#[derive(Clone, Debug)]
struct KeptAccount {
    /// The key of its ledger.
    ledger: String,
    pending: Pending,
    settled: Option<TimeMs>,
    rate: Rate,
    open: bool,
    doubt: Doubt,
}

/// Returns what tells a ledger from every other, over restarts too: its id and its SLI, so that a
/// changed SLI starts anew beside the old history while a changed objective doesn't.
pub(crate) fn ledger_key(slo: &Slo, group: &Labels) -> String {
    format!("{}/{}{group}\n{}", slo.service, slo.name, sli_text(slo))
}

/// Writes the SLI in words that don't change with a release.
fn sli_text(slo: &Slo) -> String {
    let mut text = match &slo.sli {
        Sli::Events { total, part: EventsPart::Good(good) } => {
            format!("events {total} good {good}")
        }
        Sli::Events { total, part: EventsPart::Bad(bad) } => format!("events {total} bad {bad}"),
        Sli::Within { histogram, within, when, .. } => {
            let mut text = format!("within {histogram} {} ns", within.as_nanos());
            if let Some(when) = when {
                // Writing to a string can't fail.
                let _ = write!(text, " when {:?} at least {}", when.operation, when.at_least);
            }
            text
        }
        Sli::Level { signal, bound: LevelBound::BelowLimit } => {
            format!("level {signal} below limit")
        }
        Sli::Level { signal, bound: LevelBound::AtMost(most) } => {
            format!("level {signal} at most {most}")
        }
        Sli::Lag { signal, at_most } => format!("lag {signal} at most {} ns", at_most.as_nanos()),
        Sli::Up { signal } => format!("up {signal}"),
        Sli::Composite(Composite::AllOf(names)) => format!("all of {names:?}"),
        Sli::Composite(Composite::Weighted(parts)) => format!("weighted {parts:?}"),
        Sli::Query { total, part: EventsPart::Good(good), unit } => {
            format!("query {:?} good {:?} in {unit:?}", total.0, good.0)
        }
        Sli::Query { total, part: EventsPart::Bad(bad), unit } => {
            format!("query {:?} bad {:?} in {unit:?}", total.0, bad.0)
        }
    };
    if let Backend::Prometheus(name) = &slo.backend {
        let _ = write!(text, " from {name:?}");
    }
    if !slo.by.is_empty() {
        let _ = write!(text, " by {}", slo.by.join(","));
    }
    text
}

/// Returns a fingerprint of what series are chosen for.
pub(crate) fn fingerprint(slos: &[Arc<Slo>]) -> u64 {
    let mut texts: Vec<String> = slos.iter().map(|slo| sli_text(slo)).collect();
    texts.sort_unstable();
    let mut hasher = DefaultHasher::new();
    texts.hash(&mut hasher);
    hasher.finish()
}

impl Books {
    /// Returns the ledger with that key; a group that isn't there is made.
    pub(crate) fn ledger_with_key(&mut self, key: &str, group: &Labels) -> Option<usize> {
        let slo = self.slos.iter().position(|slo| ledger_key(slo, group) == key)?;
        self.ledger_of_group(slo, group.clone())
    }

    fn find_ledger(&self, key: &str) -> Option<usize> {
        self.ledgers.iter().position(|ledger| ledger.key == key)
    }
}

impl KeptLedger {
    pub(crate) fn of(ledger: &Ledger, now: TimeMs) -> Self {
        Self {
            now,
            period_ms: millis(ledger.slo().period.longest()),
            history_ms: ledger.history_ms(),
            slice_ms: ledger.slice_ms.unsigned_abs(),
            group: ledger.group().clone(),
            watched_since: ledger.watched_since,
            last_known: ledger.last_known,
            lag_closed: ledger.lag.as_ref().and_then(|lag| lag.closed()),
            gaps: ledger.gaps.iter().copied().collect(),
        }
    }

    pub(crate) fn group(&self) -> &Labels {
        &self.group
    }

    pub(crate) fn write(&self) -> Vec<u8> {
        let mut writer = Writer::default();
        writer.time(self.now);
        writer.count(self.period_ms);
        writer.signed(self.history_ms);
        writer.count(self.slice_ms);
        writer.labels(&self.group);
        writer.option(self.watched_since, Writer::time);
        writer.option(self.last_known, Writer::time);
        writer.option(self.lag_closed, Writer::signed);
        writer.count(self.gaps.len() as u64);
        for gap in &self.gaps {
            writer.signed(gap.first);
            writer.signed(gap.last);
            writer.tally(Tally { counts: gap.counts, ..Tally::default() });
        }
        writer.into_bytes()
    }

    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(bytes);
        let kept = Self {
            now: reader.time()?,
            period_ms: reader.count()?,
            history_ms: reader.signed()?,
            slice_ms: reader.count()?,
            group: reader.labels()?,
            watched_since: reader.option(Reader::time)?,
            last_known: reader.option(Reader::time)?,
            lag_closed: reader.option(Reader::signed)?,
            gaps: reader.list(|reader| {
                let (first, last) = (reader.signed()?, reader.signed()?);
                Some(Gap { first, last, counts: reader.tally()?.counts })
            })?,
        };
        reader.is_at_end().then_some(kept)
    }
}

impl Ledger {
    /// Puts back what was kept, with the slots of every tier by the time that they begin at.
    pub(crate) fn restore(&mut self, kept: &KeptLedger, slots: &[(i64, Tally)]) {
        self.now = Some(kept.now);
        self.tiers.advance(kept.now.0.saturating_sub(1).div_euclid(self.slice_ms));
        for (start_ms, tally) in slots.iter().filter(|(start_ms, _)| *start_ms <= kept.now.0) {
            self.tiers.add(start_ms.div_euclid(self.slice_ms), *tally);
        }
        // With another slice, a slice's number means another time.
        let old_ms = i64::try_from(kept.slice_ms).unwrap_or(i64::MAX);
        let moved = |slice: i64| slice.saturating_mul(old_ms).div_euclid(self.slice_ms);
        for gap in &kept.gaps {
            let (first, last) = (moved(gap.first), moved(gap.last));
            self.gaps.add(Gap { first, last, counts: gap.counts });
        }
        (self.watched_since, self.last_known) = (kept.watched_since, kept.last_known);
        if let Some(lag) = self.lag.as_mut() {
            lag.restore(kept.lag_closed.map(moved));
        }
    }
}

/// Writes the slots of a tier by the time that they begin at.
pub(crate) fn write_slots(slots: &[(i64, Tally)], slice_ms: i64) -> Vec<u8> {
    let mut writer = Writer::default();
    writer.count(slots.len() as u64);
    let mut before = 0;
    for (slice, tally) in slots {
        let start_ms = slice * slice_ms;
        writer.signed(start_ms - before);
        writer.tally(*tally);
        before = start_ms;
    }
    writer.into_bytes()
}

pub(crate) fn read_slots(bytes: &[u8]) -> Option<Vec<(i64, Tally)>> {
    let mut reader = Reader::new(bytes);
    let mut slots = reader.list(|reader| Some((reader.signed()?, reader.tally()?)))?;
    let mut start_ms = 0_i64;
    for (delta, _) in &mut slots {
        start_ms = start_ms.checked_add(*delta)?;
        *delta = start_ms;
    }
    reader.is_at_end().then_some(slots)
}

impl Feed {
    /// Writes the names of the counters that are followed, in their order.
    pub(crate) fn write_roster(&self) -> Vec<u8> {
        let mut writer = Writer::default();
        writer.count(self.meters.len() as u64);
        for wired in &self.meters {
            writer.text(&wired.key.name);
            writer.labels(&wired.key.labels);
        }
        writer.into_bytes()
    }

    /// Writes everything else that a restart mustn't forget.
    pub(crate) fn write_state(&self, books: &Books) -> Vec<u8> {
        let mut writer = Writer::default();
        writer.option(self.start_s, Writer::float);
        writer.option(self.scraped, Writer::time);
        writer.count(self.target.relabeling.fingerprint(books.slis));
        writer.count(self.meters.len() as u64);
        for wired in &self.meters {
            writer.option(wired.meter.last, Writer::float);
            writer.option(wired.meter.stamp_ms, Writer::signed);
            writer.flag(wired.meter.refused);
        }
        writer.count(self.accounts.len() as u64);
        for account in &self.accounts {
            writer.text(books.ledgers.get(account.ledger).map_or("", |ledger| &ledger.key));
            let Pending { total, named, upper } = account.pending;
            [total, named, upper].into_iter().for_each(|part| writer.count(part.cast_unsigned()));
            writer.option(account.settled, Writer::time);
            writer.float(account.rate.counts);
            writer.float(account.rate.ms);
            writer.flag(account.open);
            writer.option(account.doubt.started, Writer::time);
            writer.flag(account.doubt.untold);
            writer.flag(account.doubt.gap);
        }
        writer.into_bytes()
    }

    /// Takes up again what was kept of its target.
    pub(crate) fn restore(&mut self, kept: KeptFeed, books: &mut Books) {
        (self.start_s, self.scraped) = (kept.start_s, kept.scraped);
        // Whether or not the daemon itself was gone, the last that was heard is that scrape.
        self.heard = kept.scraped;
        self.other_slis = kept.slis != self.target.relabeling.fingerprint(books.slis);
        for (key, meter) in kept.meters {
            let number = u32::try_from(self.meters.len()).unwrap_or(u32::MAX);
            self.meter_numbers.insert(key.clone(), number);
            self.meters.push(WiredMeter::new(key, meter));
        }
        for kept in kept.accounts {
            let Some(number) = books.find_ledger(&kept.ledger) else { continue };
            let Some(ledger) = books.ledgers.get_mut(number) else { continue };
            let mut account = Account::new(number, Reckoning::of(&ledger.slo().sli));
            (account.pending, account.settled) = (kept.pending, kept.settled);
            (account.rate, account.doubt) = (kept.rate, kept.doubt);
            if let Some(lag) = ledger.lag.as_mut() {
                lag.await_word(self.number);
            }
            if kept.open {
                account.fall_silent(self.number, ledger);
            }
            self.accounts.push(account);
        }
    }
}

impl KeptFeed {
    /// Reads only when the target was last scraped: the outer `None` is bytes that can't be read.
    pub(crate) fn scraped(state: &[u8]) -> Option<Option<TimeMs>> {
        let mut reader = Reader::new(state);
        reader.option(Reader::float)?;
        reader.option(Reader::time)
    }

    pub(crate) fn read(roster: &[u8], state: &[u8]) -> Option<Self> {
        let mut names = Reader::new(roster);
        let keys = names.list(|reader| {
            Some(SeriesKey { name: reader.text()?.into(), labels: reader.labels()? })
        })?;
        let mut reader = Reader::new(state);
        let (start_s, scraped) = (reader.option(Reader::float)?, reader.option(Reader::time)?);
        let slis = reader.count()?;
        let meters = reader.list(|reader| {
            let mut meter = Meter::new(1.0);
            (meter.last, meter.stamp_ms) =
                (reader.option(Reader::float)?, reader.option(Reader::signed)?);
            meter.refused = reader.flag()?;
            Some(meter)
        })?;
        let accounts = reader.list(|reader| {
            Some(KeptAccount {
                ledger: reader.text()?.into(),
                pending: Pending {
                    total: reader.count()?.cast_signed(),
                    named: reader.count()?.cast_signed(),
                    upper: reader.count()?.cast_signed(),
                },
                settled: reader.option(Reader::time)?,
                rate: Rate { counts: reader.float()?, ms: reader.float()? },
                open: reader.flag()?,
                doubt: Doubt {
                    started: reader.option(Reader::time)?,
                    untold: reader.flag()?,
                    gap: reader.flag()?,
                },
            })
        })?;
        let whole = names.is_at_end() && reader.is_at_end() && keys.len() == meters.len();
        let meters = keys.into_iter().zip(meters).collect();
        whole.then_some(Self { start_s, scraped, slis, meters, accounts })
    }
}

impl Store {
    /// Gives a target that was added before, or will be, what was kept of it.
    pub(crate) fn restore_feed(&mut self, key: String, kept: KeptFeed) {
        let mut feeds = self.feeds.iter_mut().flatten();
        match feeds.find(|feed| feed.target.key() == key) {
            Some(feed) => feed.restore(kept, &mut self.books),
            None => {
                self.kept.insert(key, kept);
            }
        }
    }
}

/// Returns a length in milliseconds.
pub(crate) fn millis(length: std::time::Duration) -> u64 {
    u64::try_from(length.as_millis()).unwrap_or(u64::MAX)
}
