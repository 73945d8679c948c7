use super::level::Level;
use super::live::Live;
use super::marks::{Marks, Trace};
use super::window::Window;
use super::{Bands, Distribution};
use crate::Outcome;
use crate::edge::{Edge, Kind};
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
    /// Exits that would have been stamped before their entries.
    skewed: u64,
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
            skewed: 0,
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

    /// Takes edges in order, and notes the levels that they make.
    pub(crate) fn apply_all(&mut self, edges: &[Edge], marks: &mut Marks) {
        let Some(first) = edges.first() else { return };
        let mut trace = Trace::new(first.at_ns, first.instrument());
        let mut rest = edges;
        loop {
            // Mostly nothing happens between an entry and its exit.
            if let [entry, exit, after @ ..] = rest
                && exit.leaves(entry)
                && let Some(level) = self.level.visit((entry.at_ns, exit.at_ns), entry.count)
            {
                let stay_ns = exit.at_ns - entry.at_ns;
                self.end_of(exit, stay_ns, self.bands.index(level) as u8);
                trace.visit((entry.at_ns, exit.at_ns), [level, self.level.now()], marks);
                rest = after;
            } else if let [edge, after @ ..] = rest {
                self.apply(edge);
                trace.pass(edge.at_ns, self.level.now(), marks);
                rest = after;
            } else {
                break;
            }
        }
        trace.end(marks);
    }

    #[inline(always)]
    pub(crate) fn apply(&mut self, edge: &Edge) {
        match edge.kind() {
            Kind::Enter => self.enter(edge),
            Kind::Leave => self.leave(edge),
            Kind::Limit => self.level.set_limit(edge.at_ns, Some(edge.operand)),
            Kind::NoLimit => self.level.set_limit(edge.at_ns, None),
            Kind::Observe => {}
        }
    }

    fn enter(&mut self, edge: &Edge) {
        self.level.change(edge.at_ns, i64::from(edge.count));
        // Without room the entry is only part of the level: it has no age, and the lowest band.
        self.live.insert(edge.key(), edge.count, self.band_now() as u8);
        self.settle();
    }

    fn leave(&mut self, edge: &Edge) {
        let (key, count) = (edge.key(), edge.count);
        let stay_ns = edge.at_ns.saturating_sub(key.at_ns);
        let found = self.live.remove(key);
        if found.is_none() && self.untold() < u64::from(count) {
            self.stayed_ns += i128::from(stay_ns) * i128::from(count);
            return; // It has left already: only the residual shows it.
        }
        self.level.change(edge.at_ns, -i64::from(count));
        self.settle();
        self.end_of(edge, stay_ns, found.unwrap_or(0));
    }

    /// Counts an exit of what entered in `band` and stayed so long.
    #[inline(always)]
    fn end_of(&mut self, exit: &Edge, stay_ns: u64, band: u8) {
        self.stayed_ns += (u128::from(stay_ns) * u128::from(exit.count)) as i128;
        self.end(exit.outcome(), band, 1);
        if !exit.key().timed() {
            return; // Known to a merge's interval only, which is worse than not at all.
        }
        // A real stay is never as short: an owner makes it so when the clock disagrees.
        self.skewed += u64::from(stay_ns == 1);
        if let Some(duration) = &mut self.duration {
            duration.observe(usize::from(exit.value()), stay_ns);
        }
        self.note_min(exit.at_ns, stay_ns);
    }

    /// Returns how many are in progress that aren't known by their keys.
    #[cold]
    fn untold(&self) -> u64 {
        self.level.now().saturating_sub(self.live.count()) + self.stale
    }

    #[inline(always)]
    fn settle(&mut self) {
        if self.stale > 0 {
            self.settle_stale();
        }
    }

    /// Takes out of `live` what folded exits have left there: the oldest, since no one knows which.
    fn settle_stale(&mut self) {
        if self.live.count() > self.level.now() {
            self.live.keep_youngest(self.level.now());
        }
        if self.live.count() == 0 && self.level.at_ns() > self.folded_ns {
            self.stale = 0;
        }
    }

    #[inline(always)]
    fn end(&mut self, outcome: u8, band: u8, times: u64) {
        let place = usize::from(outcome) * self.bands.len() + usize::from(band);
        if let Some(count) = self.ends.as_mut().and_then(|ends| ends.get_mut(place)) {
            *count += times;
        }
    }

    #[inline(always)]
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

    /// Takes how many exits would have been stamped before their entries.
    pub(crate) fn take_skewed(&mut self) -> u64 {
        std::mem::take(&mut self.skewed)
    }

    /// Carries the account on to the watermark.
    pub(crate) fn advance(&mut self, to_ns: u64) {
        self.level.advance(to_ns);
        if let Some(window) = &mut self.duration_min {
            window.advance(to_ns, u64::MAX);
        }
    }

    /// Returns the place of the present level's band.
    #[inline(always)]
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
