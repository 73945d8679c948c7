//! Reads a journal again: what was counted since the last whole checkpoint counts once more.
//!
//! Selectors and labels play no part in it: the journal says what each counter came to and what that
//! was worth to which ledger, so a configuration that changed meanwhile changes nothing of the past.

use crate::account::Account;
use crate::books::Books;
use crate::increase::Meter;
use crate::journal::{Event, read_meter, read_passage, read_round};
use crate::kept_feed::{KeptAccount, KeptFeed};
use crate::wire::Reader;
use plimsoll_model::{SeriesKey, TimeMs};
use std::collections::HashMap;

/// The feeds of a journal aren't those of the store that reads it: their numbers lie far apart.
const FIRST_NUMBER: usize = 1 << 31;

/// Feeds as they were at the last whole checkpoint, and then after each event.
#[derive(Debug, Default)]
pub(crate) struct Replay {
    ghosts: Vec<Ghost>,
    by_key: HashMap<String, usize>,
    /// By the number that the journal gives them.
    by_number: HashMap<u64, usize>,
    now: Option<TimeMs>,
}

/// A feed of the past.
#[derive(Debug)]
struct Ghost {
    key: String,
    number: usize,
    kept: KeptFeed,
    /// One for each that is kept; without a ledger where its SLO is gone.
    accounts: Vec<Account>,
    /// How many of them the journal has named.
    named: usize,
    is_gone: bool,
}

impl Replay {
    /// Takes a feed up as it was kept.
    pub(crate) fn add(&mut self, key: &str, kept: KeptFeed, books: &mut Books) {
        let number = FIRST_NUMBER + self.ghosts.len();
        let accounts = kept.accounts.iter().map(|account| account.revive(number, books)).collect();
        self.by_key.insert(key.into(), self.ghosts.len());
        self.ghosts.push(Ghost {
            key: key.into(),
            number,
            kept,
            accounts,
            named: 0,
            is_gone: false,
        });
    }

    /// Plays one record of the journal; `None` when it can't be what was written.
    pub(crate) fn play(&mut self, bytes: &[u8], books: &mut Books) -> Option<()> {
        let mut reader = Reader::new(bytes);
        while !reader.is_at_end() {
            let (event, at) = (Event::read(&mut reader)?, reader.time()?);
            books.foresee(at);
            if event == Event::Step {
                self.now = self.now.max(Some(at));
                books.advance(at);
                continue;
            }
            let number = reader.count()?;
            if event == Event::Name {
                self.name(number, reader.text()?, reader.count()?, books);
                continue;
            }
            let ghost = self.ghosts.get_mut(*self.by_number.get(&number)?)?;
            match event {
                Event::Scrape => ghost.scrape(&mut reader, at, books)?,
                Event::Miss => ghost.each(books, |account, number, ledger| {
                    account.miss(number, at, ledger);
                }),
                _ => {
                    ghost.each(books, |account, number, ledger| account.leave(number, at, ledger));
                    ghost.is_gone = true;
                }
            }
        }
        Some(())
    }

    /// Returns the time of the last step.
    pub(crate) fn now(&self) -> Option<TimeMs> {
        self.now
    }

    /// Returns every feed as it is now, and lets the ledgers forget them.
    pub(crate) fn finish(self, books: &mut Books) -> Vec<(String, KeptFeed)> {
        let here = self.ghosts.into_iter().filter(|ghost| !ghost.is_gone);
        let kept = here.map(|ghost| ghost.into_kept(books)).collect();
        books.ledgers.iter_mut().for_each(crate::Ledger::forget_feeds);
        kept
    }

    fn name(&mut self, number: u64, key: &str, slis: u64, books: &mut Books) {
        let known = self.by_key.get(key).and_then(|at| self.ghosts.get(*at));
        if known.is_none_or(|ghost| ghost.is_gone) {
            self.add(key, KeptFeed { slis, ..KeptFeed::default() }, books);
        }
        if let Some(at) = self.by_key.get(key) {
            self.by_number.insert(number, *at);
        }
    }
}

impl Ghost {
    fn scrape(&mut self, reader: &mut Reader<'_>, at: TimeMs, books: &mut Books) -> Option<()> {
        let start_s = reader.option(Reader::float)?;
        let passage = read_passage(reader, self.number, at)?;
        // Another process, or the first that the journal tells of: its names all follow.
        if reader.flag()? {
            self.kept.meters.clear();
        }
        for meter in 0..reader.length()? {
            if self.kept.meters.len() <= meter {
                let key = SeriesKey { name: reader.text()?.into(), labels: reader.labels()? };
                self.kept.meters.push((key, Meter::new(1.0)));
            }
            read_meter(reader, &mut self.kept.meters.get_mut(meter)?.1)?;
        }
        for account in 0..reader.length()? {
            self.read_account(reader, account, books)?;
        }
        for account in &mut self.accounts {
            if let Some(ledger) = books.ledgers.get_mut(account.ledger) {
                account.settle(&passage, ledger);
            }
        }
        (self.kept.start_s, self.kept.scraped) = (start_s, Some(at));
        Some(())
    }

    fn read_account(
        &mut self,
        reader: &mut Reader<'_>,
        at: usize,
        books: &mut Books,
    ) -> Option<()> {
        if self.named <= at {
            let (key, group) = (reader.text()?, reader.option(Reader::labels)?);
            self.named += 1;
            if self.accounts.len() <= at {
                group.and_then(|group| books.ledger_with_key(key, &group));
                let kept = KeptAccount::new(key);
                self.accounts.push(kept.revive(self.number, books));
                self.kept.accounts.push(kept);
            }
        }
        read_round(reader, self.accounts.get_mut(at)?)
    }

    fn into_kept(mut self, books: &Books) -> (String, KeptFeed) {
        for (kept, account) in self.kept.accounts.iter_mut().zip(&self.accounts) {
            kept.update(account, self.number, books);
        }
        (self.key, self.kept)
    }

    fn each(
        &mut self,
        books: &mut Books,
        mut act: impl FnMut(&mut Account, usize, &mut crate::Ledger),
    ) {
        for account in &mut self.accounts {
            if let Some(ledger) = books.ledgers.get_mut(account.ledger) {
                act(account, self.number, ledger);
            }
        }
    }
}
