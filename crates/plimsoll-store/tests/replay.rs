//! Random lives of a process, replayed by brute force: every event is kept in a list, and every
//! window is summed anew from it.

#![allow(clippy::expect_used, clippy::panic, reason = "a test")]

mod scene;

use plimsoll_model::{Counts, WindowCounts};
use plimsoll_slo::{Slo, Windows};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use scene::{Scene, errors, ms};
use std::time::Duration;

const SLICE: i64 = 1000;
const SECONDS: i64 = 10_000;

/// A stretch between two scrapes that could be settled, as somebody with every event sees it.
#[derive(Clone, Copy, Debug)]
struct Stretch {
    from: i64,
    to: i64,
    /// The process of its end was started then; before that nothing is known.
    known_from: i64,
    good: u64,
    bad: u64,
    /// Scrapes were missed or refused within.
    gap: bool,
    /// What the rate known before says about the time before `known_from`, in events per ms.
    rate: f64,
}

/// The truth about a random life.
#[derive(Default)]
struct Truth {
    stretches: Vec<Stretch>,
    /// Since when nothing was heard, if so.
    silent_since: Option<i64>,
}

impl Truth {
    /// The mean rate of what is known, weighed by how much known time came after.
    fn rate(&self) -> f64 {
        let (mut events, mut time, mut later) = (0.0, 0.0, 0.0);
        for stretch in self.stretches.iter().rev() {
            let known = (stretch.to - stretch.known_from) as f64;
            let weight = (-later / 600_000.0_f64).exp();
            events += weight * (stretch.good + stretch.bad) as f64;
            time += weight * known;
            later += known;
        }
        events / time
    }

    /// What lies in `(from, now]`: whole stretches by their end, gaps only if they begin inside or
    /// are no longer than `point`.
    fn window(&self, from: i64, now: i64, point: i64) -> WindowCounts {
        let mut sum = WindowCounts::default();
        let mut unknown = 0.0;
        for stretch in self.stretches.iter().rev().take_while(|stretch| stretch.to > from) {
            let counts = Counts { good: stretch.good, bad: stretch.bad, unknown: 0 };
            let begins_inside =
                stretch.known_from >= from || stretch.to - stretch.known_from <= point;
            if stretch.gap && !begins_inside {
                sum.cut += counts
            } else {
                sum.counts += counts
            }
            sum.known += ms(stretch.to - stretch.known_from.max(from));
            sum.expected += ms(stretch.to - stretch.from.max(from));
            let lost = (stretch.known_from - stretch.from.max(from)).max(0);
            unknown += stretch.rate * lost as f64;
        }
        if let Some(since) = self.silent_since {
            sum.expected += ms(now - since.max(from));
            unknown += self.rate() * (now - since.max(from)) as f64;
        }
        sum.counts.unknown = unknown.round() as u64;
        sum
    }
}

/// A process that counts, dies and comes back, and a daemon that sometimes doesn't reach it.
struct Life {
    random: SmallRng,
    scene: Scene,
    truth: Truth,
    started: i64,
    good: u64,
    bad: u64,
    settled: Option<i64>,
    /// Counts of the running process at the last settlement.
    settled_counts: (u64, u64),
    gap: bool,
    restarted: bool,
    /// How often the scrape before a settled one failed.
    outage: i64,
}

impl Life {
    fn new(seed: u64, slo: Slo) -> Self {
        Self {
            random: SmallRng::seed_from_u64(seed),
            scene: Scene::new(slo, SLICE),
            truth: Truth::default(),
            started: -5000,
            good: 0,
            bad: 0,
            settled: None,
            settled_counts: (0, 0),
            gap: false,
            restarted: false,
            outage: 0,
        }
    }

    fn second(&mut self, at: i64) {
        let faulty = (at / 600_000) % 4 == 3;
        for millisecond in at - SLICE + 1..=at {
            if self.random.random_range(0..20) == 0 {
                let bad = self.random.random_range(0..if faulty { 3 } else { 500 }) == 0;
                *(if bad { &mut self.bad } else { &mut self.good }) += 1;
            }
            // Restarts lie further apart than one process' start time may wander.
            if self.random.random_range(0..400_000) == 0 && millisecond - self.started > 2000 {
                (self.started, self.good, self.bad) = (millisecond, 0, 0);
                (self.restarted, self.settled_counts) = (true, (0, 0));
            }
        }
        if self.outage == 0 && self.random.random_range(0..300) == 0 {
            self.outage = self.random.random_range(1..40) * self.random.random_range(1..20);
        }
        let refused = self.random.random_range(0..500) == 0 && self.bad > 0;
        if self.outage > 0 {
            self.outage -= 1;
            (self.gap, self.truth.silent_since) = (true, self.settled);
            return self.scene.miss(at);
        }
        self.scrape(at, refused);
        if refused {
            (self.gap, self.truth.silent_since) = (true, self.settled);
        } else {
            self.settle(at);
        }
    }

    fn scrape(&mut self, at: i64, refused: bool) {
        let total = (self.good + self.bad) as f64;
        let mut series = vec![("requests_total", total)];
        // The error series appears with the first error.
        if self.bad > 0 {
            series.push(("errors_total", if refused { f64::NAN } else { self.bad as f64 }));
        }
        series.push(("process_start_time_seconds", self.started as f64 / 1000.0));
        self.scene.scrape(at, &series);
    }

    fn settle(&mut self, at: i64) {
        if let Some(from) = self.settled {
            // Only what was lost before a restart is worth a rate.
            let rate = if self.restarted { self.truth.rate() } else { 0.0 };
            let known_from = if self.restarted { self.started } else { from };
            let (good, bad) = (self.good - self.settled_counts.0, self.bad - self.settled_counts.1);
            let gap = self.gap;
            self.truth.stretches.push(Stretch { from, to: at, known_from, good, bad, gap, rate });
        }
        (self.settled, self.settled_counts) = (Some(at), (self.good, self.bad));
        (self.gap, self.restarted, self.truth.silent_since) = (false, false, None);
    }
}

/// Says whether two windows agree: counts and gaps to the event, shares of time to a rounding for
/// each stretch that an edge may cut.
fn agree(found: &WindowCounts, truth: &WindowCounts) -> bool {
    let at_hand = |window: &WindowCounts| {
        let Counts { good, bad, .. } = window.counts;
        (good, bad, window.cut.good, window.cut.bad)
    };
    let near = |found: Duration, truth: Duration| found.abs_diff(truth) <= ms(50);
    at_hand(found) == at_hand(truth)
        && near(found.known, truth.known)
        && near(found.expected, truth.expected)
        && found.counts.unknown.abs_diff(truth.counts.unknown) <= 3
}

#[test]
fn every_window_equals_the_replay_of_every_event() {
    let mut slo = errors();
    slo.period = plimsoll_slo::Period::Rolling(Duration::from_secs(2 * 3600));
    let (mut gaps_cut, mut coarse) = (0, 0);
    for seed in 1..=3 {
        let mut life = Life::new(seed, slo.clone());
        for second in 1..=SECONDS {
            let now = second * SLICE;
            life.second(now);
            if second < 600 || life.random.random_range(0..150) > 0 {
                continue;
            }
            let ledger = &life.scene.store.ledgers()[0];
            for length in slo.windows(ms(SLICE)) {
                let found = ledger.window(length);
                let length = i64::try_from(length.as_millis()).expect("short");
                let what = format!("seed {seed}, {length} ms to {now}");
                // The edge lies on a slot: at most 1/120 of the window before its nominal place.
                // A gap that is no longer than that may count as a point.
                let slices = (length / 120 / SLICE).max(1);
                let reached = i64::try_from(found.expected.as_millis()).expect("short");
                let back = ((reached - length) / SLICE).clamp(0, slices - 1);
                let edges = (back - 1).max(0)..=(back + 1).min(slices - 1);
                let points = if slices == 1 { vec![0] } else { vec![0, slices * SLICE] };
                let truths: Vec<_> = edges
                    .flat_map(|back| points.iter().map(move |point| (back, *point)))
                    .map(|(back, point)| life.truth.window(now - length - back * SLICE, now, point))
                    .collect();
                let agreed = truths.iter().any(|truth| agree(&found, truth));
                assert!(agreed, "{what}: {found:?} is none of {truths:?}");
                gaps_cut += usize::from(found.cut != Counts::default());
                coarse += usize::from(slices > 1);
                assert!(!found.rate_unknown, "{what}");
            }
        }
        assert!(
            life.truth.stretches.iter().any(|s| s.gap && s.known_from > s.from),
            "a restart in a gap"
        );
    }
    assert!(gaps_cut > 20 && coarse > 100, "{gaps_cut} cut, {coarse} coarse");
}
