use super::window::Window;

/// Upper bounds of the time-weighted histogram: none, one, and the powers of two.
const DEFAULT_EDGES: [u64; 12] = [0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1_024];

/// A level over time. All sums are integers of nanoseconds, so that nothing drifts.
#[derive(Debug)]
pub(crate) struct Level {
    /// Below zero only while an exit is known and its entry isn't yet, which takes a fold.
    now: i64,
    limit: Option<u64>,
    /// The sums stand here.
    at_ns: u64,
    integral_ns: i128,
    /// The greatest integral so far: a late exit may lower the integral, but never a counter.
    integral_ns_max: i128,
    saturated_ns: u64,
    peak: Window,
    edges: Vec<u64>,
    /// Time at a level by bucket of `edges`; the last is above them all.
    at_level_ns: Vec<u64>,
    bucket: usize,
}

impl Level {
    /// Makes an empty level that begins at `at_ns`.
    pub(crate) fn new(limit: Option<u64>, edges: &[u64], at_ns: u64) -> Self {
        let mut edges: Vec<u64> =
            edges.iter().chain(&DEFAULT_EDGES).chain(&limit).copied().collect();
        edges.sort_unstable();
        edges.dedup();
        let mut peak = Window::new(0);
        peak.advance(at_ns, 0);
        let at_level_ns = vec![0; edges.len() + 1];
        Self {
            now: 0,
            limit,
            at_ns,
            integral_ns: 0,
            integral_ns_max: 0,
            saturated_ns: 0,
            peak,
            edges,
            at_level_ns,
            bucket: 0,
        }
    }

    /// Carries the level on to `to_ns`; an earlier time changes nothing.
    #[inline]
    pub(crate) fn advance(&mut self, to_ns: u64) {
        let Some(passed_ns) = to_ns.checked_sub(self.at_ns) else { return };
        self.at_ns = to_ns;
        self.integral_ns += i128::from(self.now) * i128::from(passed_ns);
        self.integral_ns_max = self.integral_ns_max.max(self.integral_ns);
        if self.limit.is_some_and(|limit| self.now() >= limit) {
            self.saturated_ns += passed_ns;
        }
        if let Some(time) = self.at_level_ns.get_mut(self.bucket) {
            *time += passed_ns;
        }
        self.peak.advance(to_ns, self.now());
    }

    /// Changes the level at `at_ns`. A late change counts from where the level stands, and puts only
    /// the integral right.
    #[inline]
    pub(crate) fn change(&mut self, at_ns: u64, by: i64) {
        self.advance(at_ns);
        self.integral_ns += i128::from(by) * i128::from(self.at_ns - at_ns);
        self.now = self.now.saturating_add(by);
        self.bucket = self.edges.partition_point(|edge| *edge < self.now());
        let now = self.now();
        self.peak.update(|peak| peak.max(now));
    }

    /// Empties the level where it stands.
    pub(crate) fn empty(&mut self) {
        self.change(self.at_ns, self.now.saturating_neg());
    }

    /// Corrects the integral by what edges without an order add to it.
    pub(crate) fn correct_integral(&mut self, by_ns: i128) {
        self.integral_ns += by_ns;
    }

    pub(crate) fn set_limit(&mut self, at_ns: u64, limit: Option<u64>) {
        self.advance(at_ns);
        self.limit = limit;
    }

    /// Returns the level, which is never shown below zero.
    #[inline]
    pub(crate) fn now(&self) -> u64 {
        u64::try_from(self.now).unwrap_or(0)
    }

    pub(crate) fn limit(&self) -> Option<u64> {
        self.limit
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
        self.integral_ns_max.unsigned_abs()
    }

    pub(crate) fn saturated_ns(&self) -> u64 {
        self.saturated_ns
    }

    /// Returns the buckets' upper bounds and the time in each; the last is above them all.
    pub(crate) fn time_at_level_ns(&self) -> (&[u64], &[u64]) {
        (&self.edges, &self.at_level_ns)
    }
}
