//! One target's series: what each is for, and what the last scrape said.

use crate::account::{Account, Passage, Slot};
use crate::birth::{Birth, is_within};
use crate::books::Books;
use crate::increase::{Life, Meter, Reading, is_ahead};
use crate::level::{LevelBoard, LevelNames};
use crate::reckoning::Reckoning;
use crate::target::Target;
use plimsoll_model::{LevelPart, RefusalReason, Sample, Scrape, SeriesIndex, SeriesKey, TimeMs};
use std::collections::{BTreeMap, HashMap};

/// Two start times of one process may differ by this much: some exporters derive it anew from the
/// boot time at each scrape.
const START_TOLERANCE_S: f64 = 1.0;

/// A target that said nothing for so many intervals is silent, even if nobody reported a miss.
const INTERVALS_UNTIL_SILENT: i64 = 2;

/// The roles of gone series that are kept in any case.
const ROLES_SPARE: usize = 1_000;

/// What a series is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// Nothing.
    Ignored,
    /// It says when the process started.
    Start,
    /// It says when a counter was created; the number of its birth.
    Created(u32),
    /// It is read; the number of its use.
    Used(u32),
}

/// What a series that is read is read for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Use {
    pub(crate) meter: Option<u32>,
    /// The accounts that it tells what is good.
    pub(crate) gauges: Vec<u32>,
    pub(crate) level: Option<(u32, LevelPart)>,
}

/// What a counter counts for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wire {
    pub(crate) account: u32,
    pub(crate) slot: Slot,
    /// Units of the account that each of its increases is worth.
    pub(crate) worth: i64,
}

/// A counter and whom it counts for.
#[derive(Clone, Debug)]
pub(crate) struct WiredMeter {
    pub(crate) key: SeriesKey,
    pub(crate) meter: Meter,
    pub(crate) wires: Vec<Wire>,
    pub(crate) birth: Option<u32>,
}

/// One target, its series and what they said.
#[derive(Debug)]
pub(crate) struct Feed {
    pub(crate) number: usize,
    pub(crate) target: Target,
    /// Of the series that were seen lately.
    pub(crate) roles: HashMap<SeriesIndex, Role>,
    /// Those of the last scrape, in its order.
    line: Vec<(SeriesIndex, Role)>,
    pub(crate) uses: Vec<Use>,
    pub(crate) meters: Vec<WiredMeter>,
    pub(crate) meter_numbers: HashMap<SeriesKey, u32>,
    pub(crate) births: Vec<Birth>,
    pub(crate) birth_numbers: HashMap<SeriesKey, u32>,
    pub(crate) accounts: Vec<Account>,
    /// By ledger.
    account_numbers: HashMap<usize, u32>,
    pub(crate) levels: LevelBoard,
    pub(crate) level_names: LevelNames,
    /// When the process started, in seconds since the Unix epoch by its own clock.
    pub(crate) start_s: Option<f64>,
    /// Since when it was watched.
    pub(crate) watched: Option<TimeMs>,
    /// The last successful scrape.
    pub(crate) scraped: Option<TimeMs>,
    /// The last scrape, successful or not.
    pub(crate) heard: Option<TimeMs>,
    /// The archive was written for other SLIs: a series that it doesn't know needn't be new.
    pub(crate) other_slis: bool,
    /// Scrapes were missed since the last successful one.
    pub(crate) missed: bool,
    pub(crate) refused: BTreeMap<&'static str, (RefusalReason, u64)>,
    /// Grows whenever every series was forgotten, from 1.
    pub(crate) wiring: u64,
}

impl Feed {
    pub(crate) fn new(
        number: usize,
        target: Target,
        level_names: LevelNames,
        watched: Option<TimeMs>,
    ) -> Self {
        Self {
            number,
            target,
            roles: HashMap::new(),
            line: Vec::new(),
            uses: Vec::new(),
            meters: Vec::new(),
            meter_numbers: HashMap::new(),
            births: Vec::new(),
            birth_numbers: HashMap::new(),
            accounts: Vec::new(),
            account_numbers: HashMap::new(),
            levels: LevelBoard::default(),
            level_names,
            start_s: None,
            watched,
            scraped: None,
            heard: None,
            other_slis: false,
            missed: false,
            refused: BTreeMap::new(),
            wiring: 1,
        }
    }

    pub(crate) fn ingest(
        &mut self,
        at: TimeMs,
        scrape: &Scrape,
        lookup: impl Fn(SeriesIndex) -> Option<SeriesKey>,
        books: &mut Books,
    ) {
        for refusal in &scrape.refused {
            self.refuse(refusal.reason, refusal.samples);
        }
        if self.scraped.is_some_and(|last| at <= last) {
            return self.refuse(RefusalReason::OutOfOrder, scrape.samples.len() as u64);
        }
        let start_s = self.read_clocks(scrape, &lookup, books);
        let life = self.life(start_s, at);
        if matches!(life, Life::Started(_)) {
            // Every counter of the new process counts from zero, and none of the old one comes
            // back: this also bounds what series that came and went leave behind.
            self.unwire();
            self.read_clocks(scrape, &lookup, books);
        }
        // Nothing is expected before the first process that was ever seen.
        let began = match life {
            Life::Started(start) => Some(start.min(at)),
            Life::Same | Life::Untold => None,
        };
        let passage = Passage {
            feed: self.number,
            at,
            before: self.scraped.or(began),
            life,
            gap: self.missed || self.scraped.is_some_and(|last| self.is_late(last, at)),
            awaited: self
                .watched
                .filter(|since| self.scraped.is_none() && !self.is_late(*since, at)),
            until: TimeMs(at.0.saturating_add(INTERVALS_UNTIL_SILENT * self.interval_ms())),
        };
        let line = std::mem::take(&mut self.line);
        for (sample, (_, role)) in scrape.samples.iter().zip(&line) {
            if let Role::Used(number) = role {
                self.read(*number, sample, &passage);
            }
        }
        self.forget_gone(&line);
        self.line = line;
        books.journal.scrape(self, &passage, start_s, &books.ledgers);
        for account in &mut self.accounts {
            if let Some(ledger) = books.ledgers.get_mut(account.ledger) {
                account.settle(&passage, ledger);
                ledger.set_between_edges(self.number, account.between_edges());
            }
        }
        (self.start_s, self.scraped, self.heard) = (start_s, Some(at), Some(at));
        (self.missed, self.other_slis) = (false, false);
    }

    /// Finds the role of each new series and reads those that tell when something began. Returns
    /// when the process started.
    fn read_clocks(
        &mut self,
        scrape: &Scrape,
        lookup: &impl Fn(SeriesIndex) -> Option<SeriesKey>,
        books: &mut Books,
    ) -> Option<f64> {
        self.births.iter_mut().for_each(Birth::begin_scrape);
        let mut line = std::mem::take(&mut self.line);
        line.resize(scrape.samples.len(), (SeriesIndex(u32::MAX), Role::Ignored));
        let mut start_s = None;
        for (sample, place) in scrape.samples.iter().zip(&mut line) {
            // Nearly always a scrape has the series of the one before, in its order.
            if place.0 != sample.series {
                *place = (sample.series, self.role(sample.series, lookup, books));
            }
            match place.1 {
                Role::Start if sample.value.is_finite() => {
                    start_s = start_s.or(Some(sample.value));
                }
                Role::Created(number) if sample.value.is_finite() => {
                    if let Some(birth) = self.births.get_mut(number as usize) {
                        birth.take(sample.value);
                    }
                }
                _ => {}
            }
        }
        self.line = line;
        start_s
    }

    fn role(
        &mut self,
        series: SeriesIndex,
        lookup: &impl Fn(SeriesIndex) -> Option<SeriesKey>,
        books: &mut Books,
    ) -> Role {
        if let Some(role) = self.roles.get(&series) {
            return *role;
        }
        let role = lookup(series).map_or(Role::Ignored, |key| self.resolve(&key, books));
        self.roles.insert(series, role);
        role
    }

    fn life(&self, start_s: Option<f64>, at: TimeMs) -> Life {
        let Some(start_s) = start_s else { return Life::Untold };
        let start = TimeMs((start_s * 1000.0) as i64);
        match (self.scraped, self.start_s, self.watched) {
            (Some(_), Some(before), _) if (start_s - before).abs() <= START_TOLERANCE_S => {
                Life::Same
            }
            (Some(_), Some(_), _) => Life::Started(start),
            (None, _, Some(watched)) if is_within(start, watched, at) => Life::Started(start),
            _ => Life::Untold,
        }
    }

    fn read(&mut self, number: u32, sample: &Sample, passage: &Passage) {
        let at = passage.at;
        let since = passage.before.or(self.watched);
        let Some(used) = self.uses.get(number as usize) else { return };
        if let Some((level, part)) = used.level {
            self.levels.set(level, part, at, sample.value);
        }
        let mut refusal = is_ahead(sample.at_ms, at).then_some(RefusalReason::InFuture);
        if let Some(wired) = used.meter.and_then(|meter| self.meters.get_mut(meter as usize)) {
            let birth = wired.birth.and_then(|birth| self.births.get(birth as usize));
            let born = birth.is_some_and(|birth| birth.is_within(wired.meter.last, since, at));
            let unknown_past = self.other_slis && wired.meter.last.is_none();
            let life = if unknown_past && passage.life == Life::Same {
                Life::Untold
            } else {
                passage.life
            };
            let reading = match refusal {
                Some(reason) => {
                    wired.meter.refuse();
                    Err(reason)
                }
                None if sample.is_delta => wired.meter.add(sample.value, sample.at_ms),
                None => wired.meter.read(sample.value, sample.at_ms, life, born),
            };
            for Wire { account, slot, worth } in &wired.wires {
                let Some(account) = self.accounts.get_mut(*account as usize) else { continue };
                if unknown_past && reading == Ok(Reading::Baseline) {
                    account.take_baseline();
                }
                match reading {
                    Ok(reading) => account.take_reading(*slot, *worth, reading),
                    Err(_) => account.take_refusal(),
                }
            }
            refusal = reading.err();
        }
        let lag_wrong = !sample.value.is_finite() && !used.gauges.is_empty();
        refusal = refusal.or(lag_wrong.then_some(RefusalReason::NotANumber));
        for account in &used.gauges {
            match (self.accounts.get_mut(*account as usize), refusal) {
                (Some(account), None) => account.take_gauge(sample.value),
                (Some(account), Some(_)) => account.take_refusal(),
                (None, _) => {}
            }
        }
        let counted = used.meter.is_some() || !used.gauges.is_empty();
        if let Some(reason) = refusal.filter(|_| counted) {
            self.refuse(reason, 1);
        }
    }

    /// Notes that the scrape at `at` failed, or that none came.
    pub(crate) fn miss(&mut self, at: TimeMs, books: &mut Books) {
        if self.scraped.is_some_and(|last| at <= last) {
            return;
        }
        (self.heard, self.missed) = (Some(at), true);
        books.journal.miss(self, at);
        self.watched.get_or_insert(at);
        for account in &mut self.accounts {
            if let Some(ledger) = books.ledgers.get_mut(account.ledger) {
                account.miss(self.number, at, ledger);
            }
        }
    }

    /// Notices that nothing was heard for too long.
    pub(crate) fn advance(&mut self, now: TimeMs, books: &mut Books) {
        if self.heard.is_some_and(|last| self.is_late(last, now)) {
            self.miss(now, books);
        }
    }

    /// Settles what is left when the target goes at `at`.
    pub(crate) fn leave(&mut self, at: TimeMs, books: &mut Books) {
        books.journal.leave(self, at);
        for account in &mut self.accounts {
            if let Some(ledger) = books.ledgers.get_mut(account.ledger) {
                account.leave(self.number, at, ledger);
            }
        }
    }

    pub(crate) fn refuse(&mut self, reason: RefusalReason, samples: u64) {
        let (_, count) = self.refused.entry(reason.as_str()).or_insert((reason, 0));
        *count = count.saturating_add(samples);
    }

    /// Returns the account of a ledger, which is made when it is new.
    pub(crate) fn account(&mut self, ledger: usize, reckoning: Reckoning) -> u32 {
        let known = self.account_numbers.get(&ledger).copied();
        known.unwrap_or_else(|| self.add_account(Account::new(ledger, reckoning)))
    }

    pub(crate) fn add_account(&mut self, account: Account) -> u32 {
        let number = u32::try_from(self.accounts.len()).unwrap_or(u32::MAX);
        self.account_numbers.insert(account.ledger, number);
        self.accounts.push(account);
        number
    }

    /// Forgets the roles of series that are gone, once they are the most: a process may give ever
    /// new ones.
    fn forget_gone(&mut self, line: &[(SeriesIndex, Role)]) {
        if self.roles.len() > 2 * line.len() + ROLES_SPARE {
            self.roles = line.iter().copied().collect();
        }
    }

    /// Forgets every series; accounts stay.
    fn unwire(&mut self) {
        self.roles.clear();
        self.line.clear();
        self.uses.clear();
        self.meters.clear();
        self.meter_numbers.clear();
        self.births.clear();
        self.birth_numbers.clear();
        self.levels = LevelBoard::default();
        self.accounts.iter_mut().for_each(Account::unwire);
        self.wiring += 1;
    }

    fn interval_ms(&self) -> i64 {
        i64::try_from(self.target.interval.as_millis()).unwrap_or(i64::MAX)
    }

    fn is_late(&self, last: TimeMs, now: TimeMs) -> bool {
        now.0.saturating_sub(last.0) > self.interval_ms().saturating_mul(INTERVALS_UNTIL_SILENT)
    }
}
