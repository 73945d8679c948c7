//! The accounting that the merge does: what each instrument makes of its edges.

mod activity;
mod bands;
mod bounds;
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

use crate::edge::{Edge, INSTRUMENTS_MAX, Kind};
use crate::fold::Fold;
use crate::merge::Sink;
use marks::Marks;

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
        if number >= INSTRUMENTS_MAX {
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

    /// Takes the observations of a histogram that is split by band.
    fn observe_all(&mut self, number: u32, edges: &[Edge]) {
        let Some(first) = edges.first() else { return };
        // The level doesn't change between them.
        let series = self.series_of(number, first.value());
        if let Some(Account::Histogram(account)) = self.get_mut(number) {
            let observed = edges.iter().filter(|edge| edge.kind() == Kind::Observe);
            observed.for_each(|edge| account.distribution.observe(series, edge.operand));
        }
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
    /// A histogram that is split by band comes between the edges of its activity.
    #[inline]
    fn group(&self, instrument: u32) -> u32 {
        self.histogram(instrument).map_or(instrument, HistogramAccount::banded)
    }

    fn apply(&mut self, edges: &[Edge]) {
        for run in edges.chunk_by(|edge, next| edge.instrument() == next.instrument()) {
            let Some(number) = run.first().map(Edge::instrument) else { continue };
            match self.open.get_mut(number as usize) {
                Some(Some(Account::Activity(account))) => {
                    account.apply_all(run, &mut self.marks);
                    self.skewed += account.take_skewed();
                }
                Some(Some(Account::Histogram(_))) => self.observe_all(number, run),
                Some(None) | None => {}
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
