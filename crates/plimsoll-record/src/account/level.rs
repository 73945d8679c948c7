use super::bounds::Bounds;
use super::window::Window;
use std::sync::Arc;

/// Upper bounds of the time-weighted histogram: none, one, and the powers of two.
const DEFAULT_EDGES: [u64; 12] = [0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1_024];

/// How long a crest stands against lower ones, as a peak does.
const CREST_NS: u64 = 60_000_000_000;

/// A level over time. All sums are integers of nanoseconds, so that nothing drifts.
#[derive(Debug)]
pub(crate) struct Level {
    /// Below zero only while an exit is known and its entry isn't yet, which takes a fold.
    now: i64,
    limit: Option<u64>,
    /// The sums stand here.
    at_ns: u64,
    integral_ns: i128,
    /// The greatest integral before a late exit: it may lower the integral, but never a counter.
    integral_ns_max: i128,
    saturated_ns: u64,
    /// From which level on time counts as saturated: the limit, or one that is never reached.
    full_at: u64,
    peak: Window,
    /// The highest level of the last 60 s, and when it was last reached.
    crest: (u64, u64),
    /// Time at a level by bucket of `edges`; the last is above them all.
    at_level_ns: Vec<u64>,
    bucket: usize,
    edges: Arc<Bounds>,
}

impl Level {
    /// Makes an empty level that begins at `at_ns`.
    pub(crate) fn new(limit: Option<u64>, edges: &[u64], at_ns: u64) -> Self {
        let edges =
            Bounds::new(edges.iter().chain(&DEFAULT_EDGES).chain(&limit).copied().collect());
        let mut peak = Window::new(0);
        peak.advance(at_ns, 0);
        let at_level_ns = vec![0; edges.as_slice().len() + 1];
        Self {
            now: 0,
            limit,
            at_ns,
            integral_ns: 0,
            integral_ns_max: 0,
            saturated_ns: 0,
            full_at: limit.unwrap_or(u64::MAX),
            peak,
            crest: (0, at_ns),
            at_level_ns,
            bucket: 0,
            edges,
        }
    }

    /// Carries the level on to `to_ns`; an earlier time changes nothing.
    #[inline(always)]
    pub(crate) fn advance(&mut self, to_ns: u64) {
        let Some(passed_ns) = to_ns.checked_sub(self.at_ns) else { return };
        self.at_ns = to_ns;
        self.integral_ns += match u64::try_from(self.now) {
            // One multiplication, where that of `i128` takes three.
            Ok(now) => (u128::from(now) * u128::from(passed_ns)) as i128,
            Err(_) => i128::from(self.now) * i128::from(passed_ns),
        };
        if self.now() >= self.full_at {
            self.saturated_ns += passed_ns;
        }
        if let Some(time) = self.at_level_ns.get_mut(self.bucket) {
            *time += passed_ns;
        }
        self.peak.advance(to_ns, self.now());
    }

    /// Changes the level at `at_ns`. A late change counts from where the level stands, and puts only
    /// the integral right.
    #[inline(always)]
    pub(crate) fn change(&mut self, at_ns: u64, by: i64) {
        self.advance(at_ns);
        if at_ns < self.at_ns {
            self.correct_integral(i128::from(by) * i128::from(self.at_ns - at_ns));
        }
        self.now = self.now.saturating_add(by);
        let now = self.now();
        self.bucket = self.edges.place(now);
        self.peak.update(|peak| peak.max(now));
        self.note_crest(now, self.at_ns);
    }

    /// Does what [`Level::change`] does when `count` enter and leave again and nothing happens between;
    /// returns the level that they make. It does nothing in the rare cases that need more care.
    #[inline(always)]
    pub(crate) fn visit(&mut self, (enter_ns, leave_ns): (u64, u64), count: u32) -> Option<u64> {
        let before = u64::try_from(self.now).ok()?;
        let within = before.checked_add(u64::from(count))?;
        let (passed_ns, stay_ns) = (enter_ns.checked_sub(self.at_ns)?, leave_ns - enter_ns);
        if !self.peak.covers(leave_ns) {
            return None;
        }
        self.at_ns = leave_ns;
        let time_ns =
            u128::from(before) * u128::from(passed_ns) + u128::from(within) * u128::from(stay_ns);
        self.integral_ns += time_ns as i128;
        if within >= self.full_at {
            self.saturated_ns += stay_ns + if before >= self.full_at { passed_ns } else { 0 };
        }
        for (bucket, ns) in [(self.bucket, passed_ns), (self.edges.place(within), stay_ns)] {
            if let Some(time) = self.at_level_ns.get_mut(bucket) {
                *time += ns;
            }
        }
        self.peak.update(|peak| peak.max(within));
        self.note_crest(within, enter_ns);
        self.note_crest(before, leave_ns);
        Some(within)
    }

    #[inline(always)]
    fn note_crest(&mut self, level: u64, at_ns: u64) {
        if level >= self.crest.0 || at_ns.saturating_sub(self.crest.1) > CREST_NS {
            self.crest = (level, at_ns);
        }
    }

    /// Empties the level where it stands.
    pub(crate) fn empty(&mut self) {
        self.change(self.at_ns, self.now.saturating_neg());
    }

    /// Corrects the integral by what edges without an order add to it.
    #[cold]
    pub(crate) fn correct_integral(&mut self, by_ns: i128) {
        self.integral_ns_max = self.integral_ns_max.max(self.integral_ns);
        self.integral_ns += by_ns;
    }

    pub(crate) fn set_limit(&mut self, at_ns: u64, limit: Option<u64>) {
        self.advance(at_ns);
        self.limit = limit;
        self.full_at = limit.unwrap_or(u64::MAX);
    }

    /// Returns the level, which is never shown below zero.
    #[inline(always)]
    pub(crate) fn now(&self) -> u64 {
        u64::try_from(self.now).unwrap_or(0)
    }

    pub(crate) fn limit(&self) -> Option<u64> {
        self.limit
    }

    /// Returns the highest level of late, and when it was last reached.
    pub(crate) fn crest(&self) -> (u64, u64) {
        self.crest
    }

    pub(crate) fn peak(&self) -> u64 {
        self.peak.values().max().unwrap_or(0)
    }

    /// Returns when the sums stand.
    pub(crate) fn at_ns(&self) -> u64 {
        self.at_ns
    }

    /// Returns ∫ level dt.
    pub(crate) fn integral_ns(&self) -> i128 {
        self.integral_ns
    }

    /// Returns ∫ level dt as a counter, which never falls.
    pub(crate) fn time_ns(&self) -> u128 {
        self.integral_ns_max.max(self.integral_ns).unsigned_abs()
    }

    pub(crate) fn saturated_ns(&self) -> u64 {
        self.saturated_ns
    }

    /// Returns the buckets' upper bounds and the time in each; the last is above them all.
    pub(crate) fn time_at_level_ns(&self) -> (&[u64], &[u64]) {
        (self.edges.as_slice(), &self.at_level_ns)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{Rng, SeedableRng, rngs::SmallRng};

    const S: u64 = 1_000_000_000;

    /// The peak as its definition says it: of all levels since the start of the second 60 s ago.
    fn peak(changes: &[(u64, u64)], now_ns: u64) -> u64 {
        let from_ns = (now_ns / S).saturating_sub(60) * S;
        let before = changes.iter().rev().find(|(at_ns, _)| *at_ns <= from_ns);
        let within = changes.iter().filter(|(at_ns, _)| (from_ns..=now_ns).contains(at_ns));
        within.chain(before).map(|(_, level)| *level).max().unwrap_or(0)
    }

    #[test]
    fn the_peak_of_minutes_equals_its_definition() {
        let mut random = SmallRng::seed_from_u64(7);
        let mut level = Level::new(None, &[], 0);
        let (mut at_ns, mut changes) = (0, vec![(0, 0)]);
        for _ in 0..3_000 {
            at_ns += match random.random_range(0..20) {
                0 => random.random_range(0..100 * S),
                1..5 => random.random_range(0..3 * S),
                _ => random.random_range(0..S / 10),
            };
            let to = random.random_range(0..50) / random.random_range(1..20);
            level.change(at_ns, to as i64 - level.now() as i64);
            changes.push((at_ns, to));
            at_ns += random.random_range(0..2 * S);
            level.advance(at_ns);
            assert_eq!(level.peak(), peak(&changes, at_ns), "at {at_ns} ns");
        }
    }

    /// All that a level shows.
    fn shown(level: &Level) -> (u64, u64, i128, u64, (u64, u64), Vec<u64>) {
        let (_, at_level_ns) = level.time_at_level_ns();
        let sums = (level.integral_ns(), level.saturated_ns());
        (level.now(), level.peak(), sums.0, sums.1, level.crest(), at_level_ns.to_vec())
    }

    #[test]
    fn a_visit_is_an_entry_and_an_exit() {
        let mut random = SmallRng::seed_from_u64(11);
        let (mut one, mut two) = (Level::new(Some(5), &[3], 0), Level::new(Some(5), &[3], 0));
        let (mut at_ns, mut visits) = (0, 0);
        for _ in 0..10_000 {
            let by = random.random_range(-(one.now() as i64).min(3)..=3);
            let count = random.random_range(1..200);
            at_ns += random.random_range(0..S / 50);
            let left_ns = at_ns + random.random_range(1..S / 100);
            if one.visit((at_ns, left_ns), count).is_some() {
                visits += 1;
            } else {
                one.change(at_ns, i64::from(count));
                one.change(left_ns, -i64::from(count));
            }
            two.change(at_ns, i64::from(count));
            two.change(left_ns, -i64::from(count));
            assert_eq!(shown(&one), shown(&two), "at {left_ns} ns");
            at_ns = left_ns + random.random_range(0..S / 50);
            one.change(at_ns, by);
            two.change(at_ns, by);
        }
        assert!(visits > 9_000, "{visits} visits");
    }

    #[test]
    fn a_limit_counts_from_when_it_is_set() {
        let mut level = Level::new(None, &[], 0);
        level.change(10, 5);
        level.set_limit(20, Some(5));
        level.set_limit(50, Some(6));
        level.change(60, 1);
        level.advance(75);
        assert_eq!(level.saturated_ns(), 30 + 15);
    }

    #[test]
    fn a_late_change_puts_only_the_integral_right() {
        let mut level = Level::new(Some(1), &[], 0);
        level.advance(100);
        level.change(40, 1);
        assert_eq!((level.integral_ns(), level.saturated_ns(), level.peak()), (60, 0, 1));
        level.advance(110);
        level.change(90, -1);
        assert_eq!((level.integral_ns(), level.saturated_ns()), (50, 10));
        assert_eq!(level.time_ns(), 70, "a counter doesn't fall");
    }
}
