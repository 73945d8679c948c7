//! The accounting that the merge does: what each instrument makes of its edges.

mod activity;
mod bands;
mod distribution;
mod layout;
mod level;
mod live;
mod marks;
mod window;

pub(crate) use activity::ActivityAccount;
pub(crate) use bands::Bands;
pub(crate) use distribution::{Distribution, HistogramAccount, ROW};
pub(crate) use layout::Layout;
pub(crate) use level::Level;

use crate::edge::{Change, Edge};
use crate::fold::Fold;
use crate::merge::Sink;
use marks::Marks;

/// How many instruments that take edges a process may make.
const ACCOUNTS_MAX: usize = 1 << 20;

/// Every instrument that takes edges, by its number.
#[derive(Debug, Default)]
pub(crate) struct Accounts {
    open: Vec<Option<Account>>,
    /// Exits that would have been stamped before their entries.
    skewed: u64,
    marks: Marks,
}

/// One instrument's account.
#[derive(Debug)]
pub(crate) enum Account {
    Activity(Box<ActivityAccount>),
    Histogram(Box<HistogramAccount>),
}

impl Accounts {
    /// Opens an account and returns its number, or none when there are too many.
    pub(crate) fn open(&mut self, account: Account) -> Option<u32> {
        let number = self.open.len();
        if number >= ACCOUNTS_MAX {
            return None;
        }
        self.open.push(Some(account));
        u32::try_from(number).ok()
    }

    /// Closes an account; edges that still name it are dropped.
    pub(crate) fn close(&mut self, number: u32) {
        if let Some(account) = self.open.get_mut(number as usize) {
            *account = None;
        }
    }

    /// Returns how many exits would have been stamped before their entries.
    pub(crate) fn skewed(&self) -> u64 {
        self.skewed
    }

    /// Returns the last seconds of all levels.
    pub(crate) fn marks(&self) -> &Marks {
        &self.marks
    }

    /// Carries an activity on to the watermark and returns it.
    pub(crate) fn activity_at(&mut self, number: u32, at_ns: u64) -> Option<&ActivityAccount> {
        match self.get_mut(number) {
            Some(Account::Activity(account)) => {
                account.advance(at_ns);
                Some(account)
            }
            _ => None,
        }
    }

    /// Returns an activity's highest level of late, and when it was last reached.
    pub(crate) fn crest(&self, number: u32) -> Option<(u64, u64)> {
        self.activity(number).map(|account| account.level().crest())
    }

    /// Returns the lower edges of an activity's bands; none when its account is closed.
    pub(crate) fn band_names(&self, number: u32) -> Vec<String> {
        self.activity(number).map(|account| account.bands().names().collect()).unwrap_or_default()
    }

    pub(crate) fn activity(&self, number: u32) -> Option<&ActivityAccount> {
        match self.open.get(number as usize) {
            Some(Some(Account::Activity(account))) => Some(account),
            _ => None,
        }
    }

    pub(crate) fn histogram(&self, number: u32) -> Option<&HistogramAccount> {
        match self.open.get(number as usize) {
            Some(Some(Account::Histogram(account))) => Some(account),
            _ => None,
        }
    }

    fn get_mut(&mut self, number: u32) -> Option<&mut Account> {
        self.open.get_mut(number as usize)?.as_mut()
    }

    /// Returns the place of an observation among the histogram's series.
    fn series_of(&self, number: u32, index: u8) -> usize {
        let banded = self.histogram(number).map(HistogramAccount::banded);
        match banded.and_then(|activity| self.activity(activity)) {
            Some(activity) => activity.band_now(),
            None => usize::from(index),
        }
    }
}

impl Sink for Accounts {
    #[inline]
    fn apply(&mut self, edge: &Edge) {
        match edge.change {
            Change::Observe { value, index } => {
                let series = self.series_of(edge.instrument, index);
                if let Some(Account::Histogram(account)) = self.get_mut(edge.instrument) {
                    account.distribution.observe(series, value, 1);
                }
            }
            change => {
                // A real stay is never as short: an owner makes it so when the clock disagrees.
                if matches!(change, Change::Leave { key, .. } if key.timed() && edge.at_ns == key.at_ns + 1)
                {
                    self.skewed += 1;
                }
                if let Some(Account::Activity(account)) = self.get_mut(edge.instrument) {
                    account.apply(edge.at_ns, change);
                    let level = account.level().now();
                    self.marks.note(edge.at_ns, edge.instrument, level);
                }
            }
        }
    }

    fn apply_fold(&mut self, instrument: u32, fold: &Fold, at_ns: u64) {
        match self.get_mut(instrument) {
            Some(Account::Activity(account)) => account.apply_fold(fold, at_ns),
            Some(Account::Histogram(_)) => {
                for ((_, index), (count, sum)) in &fold.ends {
                    let series = self.series_of(instrument, *index);
                    if let Some(Account::Histogram(account)) = self.get_mut(instrument) {
                        account.distribution.observe_mean(series, *sum, *count);
                    }
                }
            }
            None => {}
        }
    }

    fn forget_progress(&mut self) {
        for account in self.open.iter_mut().flatten() {
            if let Account::Activity(account) = account {
                account.forget_progress();
            }
        }
    }
}
