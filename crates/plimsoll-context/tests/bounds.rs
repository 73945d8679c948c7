//! Bounds and verdicts, against worlds in which every commit is known.

#![allow(clippy::expect_used, reason = "a test fails by it")]

use plimsoll_context::{
    Bounds, Clock, DecisionPoint, DecisionSpec, ManualClock, Reading, Report, Source, Verdict,
};
use plimsoll_record::Registry;
use rand::{Rng, SeedableRng, rngs::SmallRng};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const MS: u64 = 1_000_000;
const VALIDITY_NS: u64 = 300 * MS;
const ERROR_NS: u64 = 2 * MS;

/// What a store showed: the version that was true from one commit to the next.
#[derive(Clone, Copy, Debug)]
struct Shown {
    as_of_ns: u64,
    since_ns: u64,
    until_ns: u64,
}

/// A store whose commits come at random, and whose clock is wrong by a constant.
struct Store {
    commits_ns: Vec<u64>,
    error_ns: i64,
}

impl Store {
    fn random(random: &mut SmallRng, now_ns: u64) -> Self {
        let gap_ns = random.random_range(1..400) * MS;
        let mut commits_ns = vec![0];
        let mut at_ns = now_ns - 2_000 * MS;
        while at_ns < now_ns + 2_000 * MS {
            at_ns += random.random_range(1..2 * gap_ns);
            commits_ns.push(at_ns);
        }
        let most = ERROR_NS as i64;
        Self { commits_ns, error_ns: random.random_range(-most..=most) }
    }

    /// Shows what was true at `as_of_ns`.
    fn show(&self, as_of_ns: u64) -> Shown {
        let next = self.commits_ns.partition_point(|at_ns| *at_ns <= as_of_ns);
        let (since_ns, until_ns) = (self.commits_ns[next - 1], self.commits_ns[next]);
        Shown { as_of_ns, since_ns, until_ns }
    }

    fn wall(&self, at_ns: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_nanos(at_ns.saturating_add_signed(self.error_ns))
    }

    /// Says as much of what it showed as it pleases.
    fn reading(&self, shown: Shown, now_ns: u64, random: &mut SmallRng) -> Reading {
        let [as_of, since, until] =
            [shown.as_of_ns, shown.since_ns, shown.until_ns].map(|at_ns| self.wall(at_ns));
        match random.random_range(0..5) {
            0 => Reading::as_of(as_of).since(since),
            1 if shown.until_ns <= now_ns => Reading::valid(since..until),
            2 if shown.until_ns <= now_ns => Reading::as_of(as_of).until(until),
            _ => Reading::as_of(as_of),
        }
    }
}

/// Staleness at `now_ns`, spread and coherence gap, by their definitions.
fn truth_ns(shown: &[Shown], now_ns: u64) -> (u64, u64, u64) {
    let staleness = shown.iter().map(|of| now_ns.saturating_sub(of.until_ns)).max();
    let as_of = || shown.iter().map(|of| of.as_of_ns);
    let spread = as_of().max().unwrap_or(0) - as_of().min().unwrap_or(0);
    let since = shown.iter().map(|of| of.since_ns).max().unwrap_or(0);
    let until = shown.iter().map(|of| of.until_ns).min().unwrap_or(0);
    (staleness.unwrap_or(0), spread, since.saturating_sub(until))
}

fn holds(bounds: Bounds, truth_ns: u64) -> bool {
    let truth = Duration::from_nanos(truth_ns);
    bounds.lower <= truth && bounds.upper.is_none_or(|upper| truth <= upper)
}

/// Takes one decision in a random world; returns what was said of it, and the truth.
fn decide(
    point: &DecisionPoint,
    source: &Source,
    clock: &ManualClock,
    random: &mut SmallRng,
) -> (Report, (u64, u64, u64), bool) {
    let mut decision = point.begin([]);
    let mut shown = Vec::new();
    let mut is_known = true;
    for _ in 0..random.random_range(1..5) {
        clock.advance(Duration::from_nanos(random.random_range(0..5 * MS)));
        let now_ns = clock.own_ns();
        let store = Store::random(random, now_ns);
        let lag_ms_max = [3, 100, 500][random.random_range(0..3)];
        let lag_ns = random.random_range(1..lag_ms_max * MS);
        let of = store.show(now_ns - lag_ns);
        shown.push(of);
        let reading = if random.random_bool(0.02) {
            is_known = false;
            Reading::unknown()
        } else {
            store.reading(of, now_ns, random)
        };
        decision.read(source, reading);
    }
    clock.advance(Duration::from_nanos(random.random_range(0..50 * MS)));
    let report = decision.begin_commit().committed();
    (report, truth_ns(&shown, clock.own_ns()), is_known)
}

#[test]
fn bounds_hold_the_truth_and_no_verdict_is_wrong() {
    let clock = Arc::new(ManualClock::new());
    let point = DecisionSpec::new("random", Duration::from_nanos(VALIDITY_NS))
        .clock_error(Duration::from_nanos(ERROR_NS))
        .clock(Arc::clone(&clock) as _)
        .register_in(&Registry::new())
        .expect("registers");
    let source = point.source("store");
    let mut random = SmallRng::seed_from_u64(7);
    let mut verdicts = [0_u32; 3];
    for round in 0..50_000 {
        let (report, (staleness, spread, gap), is_known) =
            decide(&point, &source, &clock, &mut random);
        assert!(holds(report.staleness, staleness), "{round}: {report:?}, {staleness} ns");
        assert!(holds(report.coherence_gap, gap), "{round}: {report:?}, {gap} ns");
        assert_eq!(report.staleness.upper.is_some(), is_known, "{round}: unknown is unknown");
        if is_known {
            // What a validity says of the time that it stands for is its end.
            assert!(report.spread.lower <= Duration::from_nanos(spread + 500 * MS), "{round}");
        }
        let is_bad = staleness > VALIDITY_NS || gap > VALIDITY_NS;
        match report.verdict {
            Verdict::Valid => assert!(!is_bad && is_known, "{round}: {report:?}"),
            Verdict::Invalid => assert!(is_bad, "{round}: {report:?}"),
            Verdict::Unknown => {}
        }
        verdicts[report.verdict as usize] += 1;
    }
    assert!(verdicts.iter().all(|count| *count > 1_000), "each is met: {verdicts:?}");
}

/// A point with a window of 300 ms and a clock error of 2 ms, its source, and its clocks.
fn point() -> (DecisionPoint, Source, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::new());
    let point = DecisionSpec::new("auth", Duration::from_millis(300))
        .clock_error(Duration::from_millis(2))
        .clock(Arc::clone(&clock) as _)
        .register_in(&Registry::new())
        .expect("registers");
    let source = point.source("store");
    (point, source, clock)
}

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

#[test]
fn three_sources_have_the_spread_and_the_gap_that_were_computed_by_hand() {
    let (point, source, clock) = point();
    let now = clock.wall();
    let mut decision = point.begin([]);
    decision.read(&source, Reading::as_of(now - ms(20)).since(now - ms(50)));
    decision.read(&source, Reading::valid(now - ms(400)..now - ms(150)));
    decision.read(&source, Reading::as_of(now - ms(90)));
    clock.advance(ms(10));
    let report = decision.begin_commit().committed();
    // The second was replaced 160 ms before the commit; the first became true 100 ms after that.
    let bounds =
        |at: u64, error: u64| Bounds { lower: ms(at - error), upper: Some(ms(at + error)) };
    assert_eq!(report.staleness, bounds(160, 2));
    assert_eq!(report.spread, bounds(130, 4));
    assert_eq!(report.coherence_gap, bounds(100, 4));
    assert_eq!(report.verdict, Verdict::Valid);
}

#[test]
fn only_what_is_certain_is_valid_or_invalid() {
    let cases = [
        (298, false, Verdict::Valid),
        (299, false, Verdict::Unknown),
        (5_000, false, Verdict::Unknown),
        (302, true, Verdict::Unknown),
        (303, true, Verdict::Invalid),
    ];
    for (age_ms, is_replaced, verdict) in cases {
        let (point, source, clock) = point();
        let at = clock.wall() - ms(age_ms);
        let reading = if is_replaced { Reading::valid(at - ms(9)..at) } else { Reading::as_of(at) };
        let mut decision = point.begin([]);
        decision.read(&source, reading);
        assert_eq!(decision.begin_commit().committed().verdict, verdict, "{age_ms} ms");
    }
}

#[test]
fn a_value_that_stays_true_is_not_stale_however_old_it_is() {
    let (point, source, clock) = point();
    let now = clock.wall();
    let mut decision = point.begin([]);
    decision.read(&source, Reading::valid(now - ms(900_000)..now + ms(60_000)));
    let report = decision.begin_commit().committed();
    assert_eq!(report.staleness, Bounds { lower: ms(0), upper: Some(ms(2)) });
    assert_eq!(report.verdict, Verdict::Valid);
}

#[test]
fn a_gap_is_never_longer_than_the_staleness() {
    let (point, source, clock) = point();
    let mut decision = point.begin([]);
    // 298 ms and 2 of error are just within the window; the sources differ by two errors.
    decision.read(&source, Reading::as_of(clock.wall() - ms(298)));
    decision.read(&source, Reading::as_of(clock.wall()));
    let report = decision.begin_commit().committed();
    let upper = [report.staleness, report.coherence_gap, report.spread].map(|bounds| bounds.upper);
    assert_eq!(upper, [Some(ms(300)), Some(ms(300)), Some(ms(302))]);
    assert_eq!(report.verdict, Verdict::Valid);
}
