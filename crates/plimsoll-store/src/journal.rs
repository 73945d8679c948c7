//! What a store was told since its last whole checkpoint, in a few bytes a counter.
//!
//! A whole checkpoint costs what the windows hold, so it is taken every few minutes; in between, each
//! second writes what the scrapes of that second brought. Read again in the same order
//! ([`crate::replay`]), both give the same counts: everything that changes a ledger is written here, or
//! makes the next checkpoint a whole one ([`crate::Store::checkpoint`]).

use crate::account::{Account, Passage, Pending, Round};
use crate::feed::Feed;
use crate::increase::{Life, Meter};
use crate::ledger::Ledger;
use crate::wire::{Reader, Writer};
use plimsoll_model::TimeMs;
use std::collections::HashMap;

/// Past so many bytes a whole checkpoint costs less than to read the journal again.
const BYTES_MAX: usize = 64 << 20;

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// Time moved on.
    Step,
    /// From now on a feed's number means the target of that key.
    Name,
    /// A feed was scraped.
    Scrape,
    /// A feed's scrape failed.
    Miss,
    /// A feed's target was removed.
    Leave,
}

impl Event {
    const ALL: [Self; 5] = [Self::Step, Self::Name, Self::Scrape, Self::Miss, Self::Leave];

    pub(crate) fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let tag = usize::try_from(reader.count()?).ok()?;
        Self::ALL.get(tag).copied()
    }
}

/// Writes down what happens, until it is taken.
#[derive(Debug, Default)]
pub(crate) struct Journal {
    writer: Writer,
    /// Taken since the last whole checkpoint.
    taken: usize,
    /// By feed.
    known: HashMap<usize, Known>,
    /// A fingerprint of what series are chosen for.
    slis: u64,
}

/// What the journal has said of a feed.
#[derive(Debug, Default)]
struct Known {
    wiring: u64,
    meters: Vec<Meter>,
    accounts: usize,
}

impl Journal {
    /// Makes a journal of series that were chosen for what `slis` is the fingerprint of.
    pub(crate) fn new(slis: u64) -> Self {
        Self { slis, ..Self::default() }
    }

    /// Begins anew after a whole checkpoint.
    pub(crate) fn restart(&mut self) {
        *self = Self::new(self.slis);
    }

    /// Takes out what was written; `None` when only a whole checkpoint will do.
    pub(crate) fn take(&mut self) -> Option<Vec<u8>> {
        let bytes = std::mem::take(&mut self.writer).into_bytes();
        self.taken += bytes.len();
        (self.taken <= BYTES_MAX).then_some(bytes)
    }

    pub(crate) fn step(&mut self, now: TimeMs) {
        self.begin(Event::Step, now);
    }

    pub(crate) fn miss(&mut self, feed: &Feed, at: TimeMs) {
        self.begin_of(Event::Miss, feed, at);
    }

    pub(crate) fn leave(&mut self, feed: &Feed, at: TimeMs) {
        self.begin_of(Event::Leave, feed, at);
        self.known.remove(&feed.number);
    }

    /// Writes what a scrape brought, after its samples were read and before they are settled.
    pub(crate) fn scrape(
        &mut self,
        feed: &Feed,
        passage: &Passage,
        start_s: Option<f64>,
        ledgers: &[Ledger],
    ) {
        self.begin_of(Event::Scrape, feed, passage.at);
        let Self { writer, known, .. } = self;
        let known = known.entry(feed.number).or_default();
        writer.option(start_s, Writer::float);
        write_passage(writer, passage);
        let is_rewired = known.wiring != feed.wiring;
        writer.flag(is_rewired);
        if is_rewired {
            (known.wiring, known.meters) = (feed.wiring, Vec::new());
        }
        write_meters(writer, feed, &mut known.meters);
        write_accounts(writer, feed, known.accounts, ledgers);
        known.accounts = feed.accounts.len();
    }

    fn begin(&mut self, event: Event, at: TimeMs) {
        self.writer.count(event as u64);
        self.writer.time(at);
    }

    fn begin_of(&mut self, event: Event, feed: &Feed, at: TimeMs) {
        let is_named = self.known.contains_key(&feed.number);
        self.known.entry(feed.number).or_default();
        if !is_named {
            self.begin(Event::Name, at);
            self.writer.count(feed.number as u64);
            self.writer.text(&feed.target.key());
            self.writer.count(feed.target.relabeling.fingerprint(self.slis));
        }
        self.begin(event, at);
        self.writer.count(feed.number as u64);
    }
}

/// Writes every meter in its order, the new ones with their names.
fn write_meters(writer: &mut Writer, feed: &Feed, known: &mut Vec<Meter>) {
    writer.count(feed.meters.len() as u64);
    for (at, wired) in feed.meters.iter().enumerate() {
        if known.len() <= at {
            writer.text(&wired.key.name);
            writer.labels(&wired.key.labels);
            known.push(Meter::default());
        }
        if let Some(known) = known.get_mut(at) {
            write_meter(writer, known, &wired.meter);
            *known = wired.meter;
        }
    }
}

/// A counter mostly grows by a whole number: that is an even count. The rest is 1 and all of it.
fn write_meter(writer: &mut Writer, known: &Meter, now: &Meter) {
    let same = known.stamp_ms == now.stamp_ms && known.refused == now.refused;
    match known.last.zip(now.last).filter(|_| same).and_then(|(last, now)| whole(now - last)) {
        Some(more) if known.last.map(|last| last + more as f64) == now.last => {
            writer.count(more << 1);
        }
        _ => {
            writer.count(1);
            now.write(writer);
        }
    }
}

/// Reads what [`write_meter`] wrote into what the meter was before.
pub(crate) fn read_meter(reader: &mut Reader<'_>, meter: &mut Meter) -> Option<()> {
    let code = reader.count()?;
    if code == 1 {
        return meter.read_state(reader);
    }
    meter.last = meter.last.map(|last| last + (code >> 1) as f64);
    Some(())
}

/// Returns a difference as an integer, if it is one that a float of that size holds exactly.
fn whole(difference: f64) -> Option<u64> {
    const EXACT: f64 = (1_u64 << 52) as f64;
    let fits = (0.0..EXACT).contains(&difference) && difference.fract() == 0.0;
    fits.then_some(difference as u64)
}

fn write_accounts(writer: &mut Writer, feed: &Feed, known: usize, ledgers: &[Ledger]) {
    writer.count(feed.accounts.len() as u64);
    for (at, account) in feed.accounts.iter().enumerate() {
        if at >= known {
            let ledger = ledgers.get(account.ledger);
            writer.text(ledger.map_or("", |ledger| &ledger.key));
            writer.option(ledger, |writer, ledger| writer.labels(ledger.group()));
        }
        write_round(writer, account);
    }
}

/// Writes what a scrape brought an account, and what it still had.
fn write_round(writer: &mut Writer, account: &Account) {
    let Round { refused, sampled, reset, baseline, over, timed } = account.round;
    let flags = [refused, sampled, reset, baseline, over];
    let flags = flags.into_iter().rev().fold(0, |bits, flag| bits << 1 | u64::from(flag));
    writer.count(timed.saturating_mul(32).saturating_add(flags));
    let Pending { total, named, upper } = account.pending;
    [total, named, upper].into_iter().for_each(|part| writer.signed(part));
}

/// Reads what [`write_round`] wrote.
pub(crate) fn read_round(reader: &mut Reader<'_>, account: &mut Account) -> Option<()> {
    let bits = reader.count()?;
    let flag = |number: u32| bits >> number & 1 == 1;
    account.round = Round {
        refused: flag(0),
        sampled: flag(1),
        reset: flag(2),
        baseline: flag(3),
        over: flag(4),
        timed: bits / 32,
    };
    let (total, named, upper) = (reader.signed()?, reader.signed()?, reader.signed()?);
    account.pending = Pending { total, named, upper };
    Some(())
}

fn write_passage(writer: &mut Writer, passage: &Passage) {
    let Passage { feed: _, at, before, awaited, life, gap, until } = *passage;
    let since = |writer: &mut Writer, time: TimeMs| writer.signed(at.0.saturating_sub(time.0));
    writer.option(before, since);
    writer.option(awaited, since);
    match life {
        Life::Same => writer.count(0),
        Life::Untold => writer.count(1),
        Life::Started(start) => {
            writer.count(2);
            since(writer, start);
        }
    }
    writer.flag(gap);
    since(writer, until);
}

pub(crate) fn read_passage(reader: &mut Reader<'_>, feed: usize, at: TimeMs) -> Option<Passage> {
    let since =
        |reader: &mut Reader<'_>| reader.signed().map(|since| TimeMs(at.0.saturating_sub(since)));
    let (before, awaited) = (reader.option(since)?, reader.option(since)?);
    let life = match reader.count()? {
        0 => Life::Same,
        1 => Life::Untold,
        2 => Life::Started(since(reader)?),
        _ => return None,
    };
    Some(Passage { feed, at, before, awaited, life, gap: reader.flag()?, until: since(reader)? })
}
