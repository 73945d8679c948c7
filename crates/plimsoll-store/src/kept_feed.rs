//! What outlives a restart of a target: its counters, and what they said about each ledger.

use crate::Store;
use crate::account::{Account, Doubt, Pending, Rate};
use crate::books::Books;
use crate::feed::{Feed, WiredMeter};
use crate::increase::Meter;
use crate::lag::Verdict;
use crate::reckoning::Reckoning;
use crate::wire::{Reader, Writer};
use plimsoll_model::{SeriesKey, TimeMs};

/// What is kept of a target.
#[derive(Clone, Debug, Default)]
pub(crate) struct KeptFeed {
    pub(crate) start_s: Option<f64>,
    pub(crate) scraped: Option<TimeMs>,
    /// Of the SLIs that its series were chosen for.
    pub(crate) slis: u64,
    pub(crate) meters: Vec<(SeriesKey, Meter)>,
    pub(crate) accounts: Vec<KeptAccount>,
}

/// What is kept of an account.
#[derive(Clone, Debug)]
pub(crate) struct KeptAccount {
    /// The key of its ledger.
    ledger: String,
    pending: Pending,
    settled: Option<TimeMs>,
    rate: Rate,
    open: bool,
    awaited: Option<TimeMs>,
    doubt: Doubt,
    /// What its gauges last said.
    verdict: Option<Verdict>,
}

impl KeptAccount {
    pub(crate) fn new(ledger: &str) -> Self {
        Self {
            ledger: ledger.into(),
            pending: Pending::default(),
            settled: None,
            rate: Rate::default(),
            open: false,
            awaited: None,
            doubt: Doubt::default(),
            verdict: None,
        }
    }

    /// Takes over what `account` of feed number `feed` has come to.
    pub(crate) fn update(&mut self, account: &Account, feed: usize, books: &Books) {
        (self.pending, self.settled) = (account.pending, account.settled);
        (self.rate, self.open, self.doubt) = (account.rate, account.open, account.doubt);
        self.awaited = account.awaited;
        let lag = books.ledgers.get(account.ledger).and_then(|ledger| ledger.lag.as_ref());
        self.verdict = lag.and_then(|lag| lag.verdict_of(feed));
    }

    /// Makes the account again, for feed number `feed`; without a ledger when its SLO is gone.
    pub(crate) fn revive(&self, feed: usize, books: &mut Books) -> Account {
        let Some(number) = books.find_ledger(&self.ledger) else {
            return Account::new(usize::MAX, Reckoning::Saturated);
        };
        let Some(ledger) = books.ledgers.get_mut(number) else {
            return Account::new(usize::MAX, Reckoning::Saturated);
        };
        let mut account = Account::new(number, Reckoning::of(&ledger.slo().sli));
        (account.pending, account.settled) = (self.pending, self.settled);
        (account.rate, account.doubt) = (self.rate, self.doubt);
        account.awaited = self.awaited;
        if let Some(lag) = ledger.lag.as_mut() {
            lag.await_word(feed);
            if let Some(verdict) = self.verdict {
                lag.restore_verdict(feed, verdict);
            }
        }
        if self.open {
            account.fall_silent(feed, ledger);
        }
        account
    }

    fn write(&self, writer: &mut Writer) {
        writer.text(&self.ledger);
        let Pending { total, named, upper } = self.pending;
        [total, named, upper].into_iter().for_each(|part| writer.count(part.cast_unsigned()));
        writer.option(self.settled, Writer::time);
        writer.float(self.rate.counts);
        writer.float(self.rate.ms);
        writer.flag(self.open);
        writer.option(self.doubt.started, Writer::time);
        writer.flag(self.doubt.untold);
        writer.flag(self.doubt.gap);
        writer.option(self.awaited, Writer::time);
        writer.option(self.verdict, |writer, verdict| {
            writer.flag(verdict.over);
            writer.flag(verdict.over_since);
            writer.time(verdict.until);
        });
    }

    fn read(reader: &mut Reader<'_>, format: u64) -> Option<Self> {
        let mut kept = Self::new(reader.text()?);
        let mut part = || reader.count().map(u64::cast_signed);
        kept.pending = Pending { total: part()?, named: part()?, upper: part()? };
        kept.settled = reader.option(Reader::time)?;
        kept.rate = Rate { counts: reader.float()?, ms: reader.float()? };
        kept.open = reader.flag()?;
        kept.doubt = Doubt {
            started: reader.option(Reader::time)?,
            untold: reader.flag()?,
            gap: reader.flag()?,
        };
        let verdict = |reader: &mut Reader<'_>| {
            let (over, over_since) = (reader.flag()?, reader.flag()?);
            Some(Verdict { over, over_since, until: reader.time()? })
        };
        // Format 1 forgot these.
        if format > 1 {
            (kept.awaited, kept.verdict) = (reader.option(Reader::time)?, reader.option(verdict)?);
        }
        Some(kept)
    }
}

impl KeptFeed {
    /// Writes the names of the counters that are followed, in their order.
    pub(crate) fn write_roster(&self) -> Vec<u8> {
        let mut writer = Writer::default();
        writer.count(self.meters.len() as u64);
        for (key, _) in &self.meters {
            writer.text(&key.name);
            writer.labels(&key.labels);
        }
        writer.into_bytes()
    }

    /// Writes everything else that a restart mustn't forget.
    pub(crate) fn write_state(&self) -> Vec<u8> {
        let mut writer = Writer::default();
        writer.option(self.start_s, Writer::float);
        writer.option(self.scraped, Writer::time);
        writer.count(self.slis);
        writer.count(self.meters.len() as u64);
        self.meters.iter().for_each(|(_, meter)| meter.write(&mut writer));
        writer.count(self.accounts.len() as u64);
        self.accounts.iter().for_each(|account| account.write(&mut writer));
        writer.into_bytes()
    }

    /// Reads only when the target was last scraped: the outer `None` is bytes that can't be read.
    pub(crate) fn read_scraped(state: &[u8]) -> Option<Option<TimeMs>> {
        let mut reader = Reader::new(state);
        reader.option(Reader::float)?;
        reader.option(Reader::time)
    }

    /// Reads what was written in `format`.
    pub(crate) fn read(roster: &[u8], state: &[u8], format: u64) -> Option<Self> {
        let mut names = Reader::new(roster);
        let keys = names.list(|reader| {
            Some(SeriesKey { name: reader.text()?.into(), labels: reader.labels()? })
        })?;
        let mut reader = Reader::new(state);
        let (start_s, scraped) = (reader.option(Reader::float)?, reader.option(Reader::time)?);
        let slis = reader.count()?;
        let meters = reader.list(|reader| {
            let mut meter = Meter::new(1.0);
            meter.read_state(reader)?;
            Some(meter)
        })?;
        let accounts = reader.list(|reader| KeptAccount::read(reader, format))?;
        let whole = names.is_at_end() && reader.is_at_end() && keys.len() == meters.len();
        let meters = keys.into_iter().zip(meters).collect();
        whole.then_some(Self { start_s, scraped, slis, meters, accounts })
    }
}

impl Feed {
    /// Returns what a restart mustn't forget of it.
    pub(crate) fn keep(&self, books: &Books) -> KeptFeed {
        let account = |account: &Account| {
            let ledger = books.ledgers.get(account.ledger).map_or("", |ledger| &*ledger.key);
            let mut kept = KeptAccount::new(ledger);
            kept.update(account, self.number, books);
            kept
        };
        KeptFeed {
            start_s: self.start_s,
            scraped: self.scraped,
            slis: self.target.relabeling.fingerprint(books.slis),
            meters: self.meters.iter().map(|wired| (wired.key.clone(), wired.meter)).collect(),
            accounts: self.accounts.iter().map(account).collect(),
        }
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
        for kept in &kept.accounts {
            let account = kept.revive(self.number, books);
            if account.ledger < books.ledgers.len() {
                self.add_account(account);
            }
        }
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
