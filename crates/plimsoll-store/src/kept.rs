//! What outlives a restart, as plain records: taken out of a store by its checkpoints, put back
//! when an archive is loaded.

use crate::Ledger;
use crate::aside::Aside;
use crate::books::Books;
use crate::gap::Gap;
use crate::tally::Tally;
use crate::tier::WrittenTier;
use crate::wire::{Reader, Writer};
use plimsoll_model::{Labels, TimeMs};
use plimsoll_slo::{Backend, Composite, EventsPart, LevelBound, Sli, Slo};
use std::fmt::Write;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

/// The end of the year 9999: what lies after it is no time.
pub(crate) const TIME_MS_MAX: i64 = 253_402_300_799_999;

/// The longest period and slice that a record may claim: a hundred years.
const LENGTH_MS_MAX: u64 = 3_155_760_000_000;

/// What is kept of a ledger beside its slots and its history.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct KeptLedger {
    pub(crate) now: TimeMs,
    pub(crate) period_ms: u64,
    pub(crate) history_ms: i64,
    slice_ms: u64,
    group: Labels,
    pub(crate) watched_since: Option<TimeMs>,
    pub(crate) last_known: Option<TimeMs>,
    lag_closed: Option<i64>,
    gaps: Vec<Gap>,
    /// What the period of the calendar that began then held.
    so_far: Option<(TimeMs, Tally)>,
    left_out: LeftOut,
}

/// What exclusions left out.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct LeftOut {
    /// Of the period of the calendar that began then.
    so_far: Option<(TimeMs, Tally)>,
    /// Of a rolling period, by slice.
    slots: Vec<(i64, Tally)>,
}

/// Returns what tells a ledger from every other, over restarts too: its id and its SLI, so that a
/// changed SLI starts anew beside the old history while a changed objective doesn't.
pub(crate) fn ledger_key(slo: &Slo, group: &Labels) -> String {
    format!("{}/{}{group}\n{}", slo.service, slo.name, sli_text(slo))
}

/// Writes the SLI in words that don't change with a release.
fn sli_text(slo: &Slo) -> String {
    let mut text = match &slo.sli {
        Sli::Events { total, part, unknown } => {
            let mut text = match part {
                EventsPart::Good(good) => format!("events {total} good {good}"),
                EventsPart::Bad(bad) => format!("events {total} bad {bad}"),
            };
            if let Some(unknown) = unknown {
                let _ = write!(text, " unknown {unknown}");
            }
            text
        }
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
        if let Some(known) = self.find_ledger(key) {
            return Some(known);
        }
        let (mut slos, grouped) = (self.slos.iter(), !group.is_empty());
        let slo = slos.position(|slo| grouped && ledger_key(slo, group) == key)?;
        self.ledger_of_group(slo, group.clone())
    }

    /// Returns the ledger with that key.
    pub(crate) fn find_ledger(&self, key: &str) -> Option<usize> {
        self.by_key.get(key).copied()
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
            so_far: ledger.so_far.as_ref().map(|so_far| so_far.kept()),
            left_out: match ledger.aside.as_deref() {
                None => LeftOut::default(),
                Some(Aside::Calendar(so_far)) => {
                    LeftOut { so_far: Some(so_far.kept()), ..LeftOut::default() }
                }
                Some(Aside::Rolling { tiers, .. }) => {
                    LeftOut { slots: tiers.slots().collect(), ..LeftOut::default() }
                }
            },
        }
    }

    /// Says whether some ledger can have written it: what comes from elsewhere is computed with.
    pub(crate) fn can_be(&self) -> bool {
        let lengths = [self.period_ms, self.slice_ms, self.history_ms.unsigned_abs()];
        let gaps = self.gaps.iter().flat_map(|gap| [gap.first, gap.last]);
        let slices = gaps.chain(self.left_out.slots.iter().map(|(slice, _)| *slice));
        let times = [Some(self.now), self.watched_since, self.last_known].into_iter().flatten();
        self.history_ms > 0
            && lengths.into_iter().all(|length| (1..=LENGTH_MS_MAX).contains(&length))
            && times.map(|time| time.0).chain(slices).all(|at| (0..=TIME_MS_MAX).contains(&at))
    }

    pub(crate) fn slice_ms(&self) -> i64 {
        i64::try_from(self.slice_ms).unwrap_or(i64::MAX)
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
        for so_far in [self.so_far, self.left_out.so_far] {
            writer.option(so_far, |writer, (start, tally)| {
                writer.time(start);
                writer.tally(tally);
            });
        }
        writer.count(self.left_out.slots.len() as u64);
        for (slice, tally) in &self.left_out.slots {
            writer.signed(*slice);
            writer.tally(*tally);
        }
        writer.into_bytes()
    }

    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(bytes);
        let mut kept = Self {
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
            so_far: None,
            left_out: LeftOut::default(),
        };
        // Records from before there were calendars and exclusions end here.
        if !reader.is_at_end() {
            let so_far = |reader: &mut Reader<'_>| Some((reader.time()?, reader.tally()?));
            kept.so_far = reader.option(so_far)?;
            kept.left_out.so_far = reader.option(so_far)?;
            kept.left_out.slots =
                reader.list(|reader| Some((reader.signed()?, reader.tally()?)))?;
        }
        reader.is_at_end().then_some(kept)
    }
}

/// The slots of one tier, as an archive keeps them.
#[derive(Debug)]
pub(crate) enum KeptTier {
    /// By the time that they begin at: what format 1 wrote.
    Slots(Vec<(i64, Tally)>),
    /// As they lay in memory.
    Columns(Box<WrittenTier>),
}

impl KeptTier {
    const SLOTS: u8 = 0;
    const COLUMNS: u8 = 1;

    /// Marks what a tier wrote.
    pub(crate) fn columns(mut written: Vec<u8>) -> Vec<u8> {
        written.push(Self::COLUMNS);
        written
    }

    /// Marks what format 1 wrote.
    pub(crate) fn slots_of(mut written: Vec<u8>) -> Vec<u8> {
        written.push(Self::SLOTS);
        written
    }

    /// Iterates over the slots by the time that they begin at.
    pub(crate) fn slots(&self, slice_ms: i64) -> Box<dyn Iterator<Item = (i64, Tally)> + '_> {
        match self {
            Self::Slots(slots) => Box::new(slots.iter().copied()),
            Self::Columns(written) => {
                Box::new(written.slots().map(move |(slice, tally)| (slice * slice_ms, tally)))
            }
        }
    }

    /// Writes the slots by the time that they begin at.
    pub(crate) fn write_slots(&self) -> Vec<u8> {
        let slots: Vec<_> = self.slots(1).collect();
        let mut writer = Writer::default();
        writer.count(slots.len() as u64);
        let mut before = 0;
        for (start_ms, tally) in slots {
            writer.signed(start_ms - before);
            writer.tally(tally);
            before = start_ms;
        }
        Self::slots_of(writer.into_bytes())
    }

    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        match bytes.split_last()? {
            (&Self::SLOTS, rest) => read_slots(rest).map(Self::Slots),
            (&Self::COLUMNS, rest) => WrittenTier::read(rest).map(Box::new).map(Self::Columns),
            _ => None,
        }
    }
}

impl Ledger {
    /// Puts back what was kept, with its tiers by number.
    pub(crate) fn restore(&mut self, kept: &KeptLedger, tiers: &[(usize, KeptTier)]) {
        self.now = Some(kept.now);
        self.tiers.advance(kept.now.0.saturating_sub(1).div_euclid(self.slice_ms));
        let old_ms = i64::try_from(kept.slice_ms).unwrap_or(i64::MAX);
        for (at, tier) in tiers {
            match tier {
                KeptTier::Slots(slots) => self.restore_slots(kept, slots.iter().copied()),
                KeptTier::Columns(written) => {
                    if old_ms != self.slice_ms || !self.tiers.take_over(*at, written) {
                        let slots = written.slots();
                        let slots = slots.map(|(slice, tally)| (slice * old_ms, tally));
                        self.restore_slots(kept, slots);
                    }
                }
            }
        }
        self.take_gaps(kept, kept.now);
        // With another slice, a slice's number means another time.
        let slice_ms = self.slice_ms;
        let moved = |slice: i64| slice.saturating_mul(old_ms).div_euclid(slice_ms);
        self.restore_period(kept, moved);
        (self.watched_since, self.last_known) = (kept.watched_since, kept.last_known);
        self.handed_at = Some(kept.now);
        if let Some(lag) = self.lag.as_mut() {
            lag.restore(kept.lag_closed.map(moved));
        }
    }

    /// Takes over the gaps that end by `until`.
    pub(crate) fn take_gaps(&mut self, kept: &KeptLedger, until: TimeMs) {
        let (old_ms, slice_ms) = (kept.slice_ms(), self.slice_ms);
        let moved = |slice: i64| slice.saturating_mul(old_ms).div_euclid(slice_ms);
        let ends = |gap: &&Gap| gap.last.saturating_mul(old_ms) < until.0;
        for gap in kept.gaps.iter().filter(ends) {
            let (first, last) = (moved(gap.first), moved(gap.last));
            self.gaps.add(Gap { first, last, counts: gap.counts });
        }
    }

    fn restore_period(&mut self, kept: &KeptLedger, moved: impl Fn(i64) -> i64) {
        let newest = kept.now.0.saturating_sub(1).div_euclid(self.slice_ms);
        if let Some(so_far) = self.so_far.as_mut() {
            so_far.advance(newest);
            // A period that the SLO didn't have before is summed from slots, but for its first one.
            if !kept.so_far.is_some_and(|(start, tally)| so_far.restore(start, tally)) {
                so_far.tally = self.tiers.window(newest - so_far.first() + 1).0;
            }
        }
        if kept.left_out == LeftOut::default() {
            return;
        }
        match (self.aside(), kept.left_out.so_far) {
            (Aside::Calendar(so_far), Some((start, tally))) => {
                so_far.advance(newest);
                so_far.restore(start, tally);
            }
            (aside, _) => {
                aside.advance(newest);
                let slots = kept.left_out.slots.iter();
                slots.for_each(|(slice, tally)| aside.add(moved(*slice), *tally));
            }
        }
    }

    fn restore_slots(&mut self, kept: &KeptLedger, slots: impl Iterator<Item = (i64, Tally)>) {
        for (start_ms, tally) in slots.filter(|(start_ms, _)| *start_ms <= kept.now.0) {
            self.tiers.add(start_ms.div_euclid(self.slice_ms), tally);
        }
    }
}

/// Reads the slots of a tier by the time that they begin at.
fn read_slots(bytes: &[u8]) -> Option<Vec<(i64, Tally)>> {
    let mut reader = Reader::new(bytes);
    let mut slots = reader.list(|reader| Some((reader.signed()?, reader.tally()?)))?;
    let mut start_ms = 0_i64;
    for (delta, _) in &mut slots {
        start_ms = start_ms.checked_add(*delta)?;
        *delta = start_ms;
    }
    reader.is_at_end().then_some(slots)
}

/// Returns a length in milliseconds.
pub(crate) fn millis(length: std::time::Duration) -> u64 {
    u64::try_from(length.as_millis()).unwrap_or(u64::MAX)
}
