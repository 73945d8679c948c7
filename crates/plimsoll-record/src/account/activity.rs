use super::level::Level;
use super::live::Live;
use super::window::Window;
use super::{Bands, Distribution};
use crate::Outcome;
use crate::edge::{Change, EntryKey};
use crate::fold::Fold;

/// What an activity makes of its edges.
#[derive(Debug)]
pub(crate) struct ActivityAccount {
    level: Level,
    live: Live,
    /// How much of `live` may have left already: folded exits don't say whose they were.
    stale: u64,
    /// The stamp of the last folded edge: from then on all entries of folded exits are known.
    folded_ns: u64,
    bands: Bands,
    duration: Option<Distribution>,
    duration_min: Option<Window>,
    /// Ends by outcome and band.
    ends: Option<Vec<u64>>,
    /// Σ of stays × their counts, kept apart from the level's integral to check it.
    stayed_ns: i128,
}

/// An exit, as far as the account needs it.
struct Exit {
    at_ns: u64,
    key: EntryKey,
    count: u32,
    outcome: u8,
    value: u8,
}

impl ActivityAccount {
    pub(crate) fn new(level: Level, bands: Bands) -> Self {
        Self {
            level,
            live: Live::default(),
            stale: 0,
            folded_ns: 0,
            bands,
            duration: None,
            duration_min: None,
            ends: None,
            stayed_ns: 0,
        }
    }

    pub(crate) fn with_duration(mut self, duration: Distribution) -> Self {
        self.duration = Some(duration);
        self
    }

    pub(crate) fn with_duration_min(mut self) -> Self {
        self.duration_min = Some(Window::new(u64::MAX));
        self
    }

    pub(crate) fn with_ends(mut self) -> Self {
        self.ends = Some(vec![0; Outcome::ALL.len() * self.bands.len()]);
        self
    }

    #[inline]
    pub(crate) fn apply(&mut self, at_ns: u64, change: Change) {
        match change {
            Change::Enter { key, count } => self.enter(at_ns, key, count),
            Change::Leave { key, count, outcome, value } => {
                let outcome = outcome.index();
                self.leave(&Exit { at_ns, key, count, outcome, value });
            }
            Change::Limit(limit) => self.level.set_limit(at_ns, limit),
            Change::Observe { .. } => {}
        }
    }

    fn enter(&mut self, at_ns: u64, key: EntryKey, count: u32) {
        self.level.change(at_ns, i64::from(count));
        // Without room the entry is only part of the level: it has no age, and the lowest band.
        self.live.insert(key, count, self.band_now() as u8);
        self.settle();
    }

    fn leave(&mut self, exit: &Exit) {
        let stay_ns = exit.at_ns.saturating_sub(exit.key.at_ns);
        self.stayed_ns += i128::from(stay_ns) * i128::from(exit.count);
        let untold = self.level.now().saturating_sub(self.live.count());
        let found = self.live.remove(exit.key);
        if found.is_none() && untold + self.stale < u64::from(exit.count) {
            return; // It has left already: only the residual shows it.
        }
        self.level.change(exit.at_ns, -i64::from(exit.count));
        self.settle();
        self.end(exit.outcome, found.unwrap_or(0), 1);
        if !exit.key.timed() {
            return; // Known to a merge's interval only, which is worse than not at all.
        }
        if let Some(duration) = &mut self.duration {
            duration.observe(usize::from(exit.value), stay_ns, 1);
        }
        self.note_min(exit.at_ns, stay_ns);
    }

    /// Takes out of `live` what folded exits have left there: the oldest, since no one knows which.
    fn settle(&mut self) {
        if self.live.count() > self.level.now() {
            self.live.keep_youngest(self.level.now());
        }
        if self.live.count() == 0 && self.level.at_ns() > self.folded_ns {
            self.stale = 0;
        }
    }

    fn end(&mut self, outcome: u8, band: u8, times: u64) {
        let place = usize::from(outcome) * self.bands.len() + usize::from(band);
        if let Some(count) = self.ends.as_mut().and_then(|ends| ends.get_mut(place)) {
            *count += times;
        }
    }

    fn note_min(&mut self, at_ns: u64, stay_ns: u64) {
        if let Some(window) = &mut self.duration_min {
            window.advance(at_ns, u64::MAX);
            window.update(|least_ns| least_ns.min(stay_ns));
        }
    }

    /// Takes the sums of edges without an order: integral and counts stay exact, the rest is as if
    /// they had come at `at_ns`, the oldest first.
    pub(crate) fn apply_fold(&mut self, fold: &Fold, at_ns: u64) {
        let age =
            |count: u64, stamps_ns: u128| i128::from(count) * i128::from(at_ns) - stamps_ns as i128;
        let by = fold.entered as i64 - fold.left as i64;
        self.level.change(at_ns, by);
        self.level
            .correct_integral(age(fold.entered, fold.entered_ns) - age(fold.left, fold.left_ns));
        self.stayed_ns += fold.stayed_ns as i128;
        self.stale += fold.left;
        self.folded_ns = fold.until_ns;
        self.settle();
        let band = self.band_now() as u8;
        for ((outcome, value), (times, sum_ns)) in &fold.ends {
            self.end(*outcome, band, *times);
            if let Some(duration) = &mut self.duration {
                duration.observe_mean(usize::from(*value), *sum_ns, *times);
            }
        }
        if let Some(limit) = fold.limit {
            self.level.set_limit(at_ns, limit);
        }
    }

    /// Forgets what is in progress.
    pub(crate) fn forget_progress(&mut self) {
        self.level.empty();
        self.live = Live::default();
        self.stale = 0;
        self.stayed_ns = self.level.integral_ns();
    }

    /// Carries the account on to the watermark.
    pub(crate) fn advance(&mut self, to_ns: u64) {
        self.level.advance(to_ns);
        if let Some(window) = &mut self.duration_min {
            window.advance(to_ns, u64::MAX);
        }
    }

    /// Returns the place of the present level's band.
    pub(crate) fn band_now(&self) -> usize {
        self.bands.index(self.level.now())
    }

    pub(crate) fn level(&self) -> &Level {
        &self.level
    }

    pub(crate) fn duration(&self) -> Option<&Distribution> {
        self.duration.as_ref()
    }

    pub(crate) fn bands(&self) -> &Bands {
        &self.bands
    }

    /// Returns the ends by outcome and band, outcome first.
    pub(crate) fn ends(&self) -> &[u64] {
        self.ends.as_deref().unwrap_or_default()
    }

    /// Returns the shortest stay that ended within the last 60 s, if any did.
    pub(crate) fn duration_min_ns(&self) -> Option<u64> {
        let least_ns = self.duration_min.as_ref()?.values().min()?;
        (least_ns != u64::MAX).then_some(least_ns)
    }

    /// Returns the age of the oldest at `now_ns`, zero when there is none.
    pub(crate) fn oldest_age_ns(&self, now_ns: u64) -> u64 {
        self.live.oldest_ns().map_or(0, |oldest_ns| now_ns.saturating_sub(oldest_ns))
    }

    /// Returns ∫ level dt − Σ stays − Σ ages, at the time that the account stands at: 0 when every
    /// exit belongs to one entry (Little's law).
    pub(crate) fn residual_ns(&self) -> i128 {
        self.level.integral_ns() - self.stayed_ns - self.live.age_ns(self.level.at_ns())
    }
}
