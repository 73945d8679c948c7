//! The engine's memory: every target, every SLO's ledger, every live level.

use crate::books::Books;
use crate::feed::Feed;
use crate::kept_feed::KeptFeed;
use crate::level::LevelNames;
use crate::past::Past;
use crate::{Ledger, LevelView, Target, TargetIndex};
use plimsoll_model::{RefusalReason, Scrape, SeriesIndex, SeriesKey, TimeMs, catalog};
use plimsoll_slo::Slo;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

/// What bounds a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The length of a slice: the shortest scrape interval of the configuration.
    pub slice: Duration,
}

/// Why a store couldn't be made.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A selector's regular expression isn't one.
    #[error("SLO {slo}: {pattern:?} is no regular expression: {reason}")]
    Pattern {
        /// `service/slo`.
        slo: String,
        /// The expression.
        pattern: String,
        /// What is wrong with it.
        reason: String,
    },
}

/// Every target, every SLO's ledger, every live level.
#[derive(Debug)]
pub struct Store {
    pub(crate) books: Books,
    /// By number; `None` once a target is removed.
    pub(crate) feeds: Vec<Option<Feed>>,
    /// What an archive knows about targets that weren't added yet, by key.
    pub(crate) kept: HashMap<String, KeptFeed>,
    /// The keys of targets that were removed since the last checkpoint.
    pub(crate) removed: Vec<String>,
    /// What was put before what is known since the last checkpoint.
    pub(crate) pasts: Vec<Past>,
    level_names: LevelNames,
    pub(crate) now: Option<TimeMs>,
    /// When the last whole checkpoint was taken.
    pub(crate) whole_at: Option<TimeMs>,
}

impl Store {
    /// Makes a store for these SLOs, without any target yet.
    ///
    /// # Errors
    /// A selector whose regular expression isn't one.
    pub fn new(slos: Vec<Arc<Slo>>, limits: Limits) -> Result<Self, StoreError> {
        Ok(Self {
            books: Books::new(slos, limits)?,
            feeds: Vec::new(),
            kept: HashMap::new(),
            removed: Vec::new(),
            pasts: Vec::new(),
            level_names: LevelNames::new(),
            now: None,
            whole_at: None,
        })
    }

    /// Takes a target in. What an archive knows about it is taken up again.
    pub fn add_target(&mut self, target: Target) -> TargetIndex {
        self.add_target_since(target, self.now)
    }

    /// Takes a target in that would have been heard since `watched`, had it been there: what began
    /// later counts from zero.
    pub fn add_target_since(&mut self, target: Target, watched: Option<TimeMs>) -> TargetIndex {
        let number = self.feeds.len();
        let mut feed = Feed::new(number, target, self.level_names.clone(), watched);
        if let Some(kept) = self.kept.remove(&feed.target.key()) {
            feed.restore(kept, &mut self.books);
        }
        self.feeds.push(Some(feed));
        TargetIndex(number)
    }

    /// Lets a target go: from now on nothing is expected of it.
    pub fn remove_target(&mut self, target: TargetIndex) {
        let Some(mut feed) = self.feeds.get_mut(target.0).and_then(Option::take) else { return };
        if let Some(now) = self.now {
            feed.leave(now, &mut self.books);
        }
        self.removed.push(feed.target.key());
    }

    /// Takes in what `target` exposed at `at`. `lookup` names a series; it is asked once for each
    /// new one, and once more when the process behind the target was restarted.
    pub fn ingest(
        &mut self,
        target: TargetIndex,
        at: TimeMs,
        scrape: &Scrape,
        lookup: impl Fn(SeriesIndex) -> Option<SeriesKey>,
    ) {
        self.books.foresee(at);
        if let Some(feed) = self.feeds.get_mut(target.0).and_then(Option::as_mut) {
            feed.ingest(at, scrape, lookup, &mut self.books);
        }
    }

    /// Notes that the scrape of `target` at `at` failed: its time is unknown until the next one.
    pub fn miss(&mut self, target: TargetIndex, at: TimeMs) {
        if let Some(feed) = self.feeds.get_mut(target.0).and_then(Option::as_mut) {
            feed.miss(at, &mut self.books);
        }
    }

    /// Moves time on, so that windows end at `now`. Time never moves back.
    pub fn advance(&mut self, now: TimeMs) {
        let now = self.now.map_or(now, |last| last.max(now));
        self.now = Some(now);
        self.books.foresee(now);
        for feed in self.feeds.iter_mut().flatten() {
            feed.advance(now, &mut self.books);
        }
        self.books.journal.step(now);
        self.books.advance(now);
    }

    /// Returns the ledgers: one per SLO, or one per group seen so far of an SLO with `by`.
    pub fn ledgers(&self) -> &[Ledger] {
        &self.books.ledgers
    }

    /// Returns every level of the catalog that targets exposed in their last scrape.
    pub fn levels(&self) -> Vec<LevelView> {
        let feeds = self.feeds.iter().flatten();
        feeds.flat_map(|feed| feed.levels.views(TargetIndex(feed.number), feed.scraped)).collect()
    }

    /// Returns the ids of the ledgers that `target` feeds.
    pub fn fed_by(&self, target: TargetIndex) -> Vec<&str> {
        let feed = self.feeds.get(target.0).and_then(Option::as_ref);
        let direct = feed.into_iter().flat_map(|feed| &feed.accounts).map(|account| account.ledger);
        let mut fed: Vec<usize> =
            direct.flat_map(|ledger| [vec![ledger], self.books.made_of(ledger)].concat()).collect();
        fed.sort_unstable();
        fed.dedup();
        fed.into_iter()
            .filter_map(|ledger| self.books.ledgers.get(ledger).map(Ledger::id))
            .collect()
    }

    /// Returns how many samples of `target` were refused since it was added, by reason.
    pub fn refused(&self, target: TargetIndex) -> Vec<(RefusalReason, u64)> {
        let feed = self.feeds.get(target.0).and_then(Option::as_ref);
        feed.into_iter().flat_map(|feed| feed.refused.values().copied()).collect()
    }

    /// Iterates over the names of all series that are of use, those that say since when another
    /// one counts included.
    pub fn names(&self) -> impl Iterator<Item = String> {
        let read = self.books.names().chain(self.level_names.names());
        let with_birth = read.flat_map(|name| {
            [name.to_owned(), format!("{}_created", crate::wiring::base_name(name))]
        });
        with_birth.chain([catalog::PROCESS_START_TIME.name.to_owned()])
    }

    /// Returns how many series of the SLO `service/slo` its `max_groups` refused.
    pub fn groups_refused(&self, slo: &str) -> u64 {
        self.books.refused(slo)
    }
}
