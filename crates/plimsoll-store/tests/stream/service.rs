//! A service and a daemon that live through troubles, the engine beside the truth.

#![allow(clippy::expect_used, unreachable_pub, reason = "a module of one test")]

use super::rules::{ALLOWED, AlertLives, PERIOD, ROWS, lengths};
use super::truth::{Held, MINUTE, Stretch, Truth};
use crate::scene::{Directory, Scene, errors, flush, ms, target};
use plimsoll_model::{TimeMs, WindowCounts};
use plimsoll_slo::{
    AlertName, Alerts, Exclusion, Milli, Objective, Period, Policy, PolicyRow, Slo, Windows, Zone,
    assess,
};
use plimsoll_store::{Archive, Limits, Store};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use std::sync::Arc;
use std::time::Duration;

/// 2026-01-01, so that exclusions have a date.
const BEGAN: i64 = 1_767_225_600_000;

/// No trouble comes sooner.
const CALM: i64 = 4;

/// What may happen to a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    Misses,
    Restarts,
    Refusals,
    Kills,
    Exclusion,
    ClockSteps,
    LateBirth,
}

impl Trouble {
    pub const ALL: [Self; 7] = [
        Self::Misses,
        Self::Restarts,
        Self::Refusals,
        Self::Kills,
        Self::Exclusion,
        Self::ClockSteps,
        Self::LateBirth,
    ];
}

/// What the process has counted.
#[derive(Clone, Copy, Debug, Default)]
struct Process {
    started: i64,
    good: u64,
    bad: u64,
    /// What it had counted at the last settlement.
    settled: (u64, u64),
}

pub struct Stream {
    random: SmallRng,
    troubles: Vec<Trouble>,
    scene: Scene,
    slo: Slo,
    alerts: Alerts,
    truth: Truth,
    lives: AlertLives,
    process: Process,
    settled: i64,
    gap: bool,
    /// The process that answers next started then, by its own word, if it is another one.
    restarted: Option<i64>,
    mood: usize,
    missing: i64,
    away: i64,
    wall_offset: i64,
    /// Made when it is first needed: most streams keep nothing.
    archive: Option<(Archive, Directory)>,
    pub kills: u32,
}

/// When each alert fires since, by the engine and by the replay.
type Step = ([Option<i64>; 4], [Option<i64>; 4]);

impl Stream {
    pub fn new(seed: u64, troubles: &[Trouble]) -> Self {
        let mut random = SmallRng::seed_from_u64(seed);
        let start = BEGAN + MINUTE * random.random_range(60..250);
        let length = MINUTE * random.random_range(1..40);
        let is_excluded = random.random_range(0..2) == 0 && troubles.contains(&Trouble::Exclusion);
        let excluded = if is_excluded { start..start + length } else { 0..0 };
        let slo = slo(is_excluded.then(|| exclusion(start, length)));
        let mut scene = Scene::new(slo.clone(), MINUTE);
        scene.scrape(BEGAN, &[("requests_total", 0.0), (START, started_s(BEGAN - 5_000))]);
        Self {
            random,
            troubles: troubles.to_vec(),
            scene,
            slo,
            alerts: Alerts::default(),
            truth: Truth { began: BEGAN, now: BEGAN, excluded, ..Truth::default() },
            lives: AlertLives::default(),
            process: Process { started: BEGAN - 5_000, ..Process::default() },
            settled: BEGAN,
            gap: false,
            restarted: None,
            mood: 0,
            missing: 0,
            away: 0,
            wall_offset: 0,
            archive: None,
            kills: 0,
        }
    }

    /// Draws in any case, so that a trouble that is left out changes none of the others.
    fn strikes(&mut self, trouble: Trouble, one_in: u32) -> bool {
        let strikes = self.random.random_range(0..one_in) == 0;
        strikes && self.troubles.contains(&trouble)
    }

    /// Lives a minute and compares; nothing to compare while the daemon is away.
    pub fn minute(&mut self, minute: i64) -> Option<Step> {
        let now = BEGAN + minute * MINUTE;
        self.truth.now = now;
        self.work(now);
        // An exclusion and what goes before it are free of gaps: what of a gap it leaves out isn't
        // told by any rule.
        let near = self.truth.excluded.start - 45 * MINUTE..self.truth.excluded.end + MINUTE;
        let calm = minute < CALM || near.contains(&now);
        let (misses, kills) =
            (self.strikes(Trouble::Misses, 30), self.strikes(Trouble::Kills, 200));
        let length = self.random.random_range(1..6) * self.random.random_range(1..7);
        let refused = self.strikes(Trouble::Refusals, 40) && !calm;
        if !calm && self.away == 0 && self.missing == 0 {
            if kills {
                self.kill();
                self.away = length + 2;
            } else if misses {
                self.missing = length;
            }
        }
        if self.away > 0 {
            self.away -= 1;
            (self.gap, self.truth.silent_since) = (true, Some(self.settled));
            return None;
        }
        self.look(now, refused);
        if self.archive.is_some() && minute % 5 == 0 {
            self.flush();
        }
        let assessment = assess(&self.slo, &self.scene.store.ledgers()[0], TimeMs(now));
        self.alerts.step(TimeMs(now), &assessment);
        let found = AlertName::ALL.map(|name| self.alerts.firing(name).map(|it| it.since.0));
        // How many events are unknown is rounded piece by piece, and held to the truth elsewhere.
        let (truth, ledger) = (&self.truth, &self.scene.store.ledgers()[0]);
        let windows = |minutes: i64| {
            let length = minutes * MINUTE;
            (truth.window(length), ledger.window(ms(length)).counts.unknown)
        };
        let expected = self.lives.step(truth, &windows);
        Some((found, expected))
    }

    /// Lets the process serve a minute, in which it may crash.
    fn work(&mut self, now: i64) {
        if self.random.random_range(0..25) == 0 {
            self.mood = self.random.random_range(0..8);
        }
        let traffic = [600_u64, 10, 600, 60, 0, 40, 600, 5][self.mood].max(1);
        let bad_per_mille = [0, 0, 150, 350, 0, 1_000, 10, 300][self.mood];
        let crash = self.strikes(Trouble::Restarts, 60)
            && now > BEGAN + CALM * MINUTE
            && !self.truth.excluded.contains(&now);
        let crash_at = now - self.random.random_range(1..MINUTE);
        let steps_clock = self.strikes(Trouble::ClockSteps, 100);
        let step = self.random.random_range(-3_600_000..3_600_000);
        for part in 0..2 {
            let events = self.random.random_range(0..traffic);
            let fails = |random: &mut SmallRng| random.random_range(0..1_000) < bad_per_mille;
            let bad = (0..events).filter(|_| fails(&mut self.random)).count() as u64;
            self.process.good += events - bad;
            self.process.bad += bad;
            if part == 0 && crash {
                let told = crash_at + self.wall_offset;
                self.process = Process { started: told, ..Process::default() };
                self.restarted = Some(told);
            }
        }
        self.wall_offset += if steps_clock { step } else { 0 };
    }

    /// Scrapes, or fails to. What is refused was there before: nobody can tell since when a series
    /// counts whose first value can't be.
    fn look(&mut self, now: i64, refused: bool) {
        let is_late = self.troubles.contains(&Trouble::LateBirth);
        let was_there = self.restarted.is_none() && (self.process.settled.1 > 0 || !is_late);
        let refused = refused && was_there;
        if self.missing > 0 {
            self.missing -= 1;
            self.scene.miss(now);
        } else {
            let total = (self.process.good + self.process.bad) as f64;
            let mut body =
                vec![("requests_total", total), (START, started_s(self.process.started))];
            if self.process.bad > 0 || !is_late {
                body.push((
                    "errors_total",
                    if refused { f64::NAN } else { self.process.bad as f64 },
                ));
            }
            self.scene.scrape(now, &body);
            if !refused {
                return self.settle(now);
            }
        }
        (self.gap, self.truth.silent_since) = (true, Some(self.settled));
    }

    fn settle(&mut self, now: i64) {
        let from = self.settled;
        // A start by another clock is only known to lie between the two scrapes.
        let known_from = self.restarted.map_or(from, |told| told.clamp(from, now));
        let rate = if self.restarted.is_some() { self.truth.rate } else { 0.0 };
        let (good, bad) = self.process.settled;
        self.truth.push(Stretch {
            from,
            to: now,
            known_from,
            good: self.process.good - good,
            bad: self.process.bad - bad,
            gap: self.gap,
            rate,
        });
        self.process.settled = (self.process.good, self.process.bad);
        (self.settled, self.gap, self.restarted) = (now, false, None);
        self.truth.silent_since = None;
    }

    fn held(&self, minutes: i64) -> WindowCounts {
        self.scene.store.ledgers()[0].window(ms(minutes * MINUTE))
    }

    /// Holds every window against the truth; says whether an edge cut a gap.
    pub fn hold_windows(&self) -> Result<bool, String> {
        let mut is_cut = false;
        for minutes in lengths() {
            let (found, truth) = (self.held(minutes), self.truth.window(minutes * MINUTE));
            let counts = (found.counts.good, found.counts.bad, found.cut.good, found.cut.bad);
            let near = |found: Duration, truth: i64| found.abs_diff(ms(truth)) <= ms(3);
            let agree = counts == (truth.good, truth.bad, truth.cut_good, truth.cut_bad)
                && near(found.known, truth.known)
                && near(found.expected, truth.expected)
                && (found.counts.unknown as f64 - truth.unknown).abs() <= 3.0
                && !found.rate_unknown;
            if !agree {
                return Err(format!(
                    "{minutes} minutes hold {found:?}, and the truth is {truth:?}"
                ));
            }
            is_cut |= truth != Held { cut_good: 0, cut_bad: 0, ..truth };
        }
        Ok(is_cut)
    }

    fn flush(&mut self) {
        let (archive, _) = self.archive.get_or_insert_with(|| {
            let directory = Directory::new("stream");
            (Archive::open(&directory.0).expect("opened"), directory)
        });
        flush(archive, &mut self.scene);
    }

    /// Ends the engine as a kill does after a flush, and starts it over what was kept.
    fn kill(&mut self) {
        self.kills += 1;
        self.flush();
        let limits = Limits { slice: ms(MINUTE) };
        self.scene.store = Store::new(vec![Arc::new(self.slo.clone())], limits).expect("valid");
        self.scene.target = self.scene.store.add_target(target("a:1", MINUTE));
        if let Some((archive, _)) = &self.archive {
            archive.load(&mut self.scene.store).expect("loaded");
        }
        let kept = self.alerts.iter().cloned().collect();
        self.alerts = Alerts::restore(kept);
    }
}

const START: &str = "process_start_time_seconds";

fn started_s(at: i64) -> f64 {
    at as f64 / 1_000.0
}

fn slo(exclusion: Option<Exclusion>) -> Slo {
    let mut slo = errors();
    slo.objective = Objective::from_ppm(1_000_000 - ALLOWED as u32).expect("valid");
    slo.period = Period::Rolling(ms(PERIOD));
    let row = |(severity, burn, long, short, pending)| PolicyRow {
        severity,
        burn: Milli(burn),
        long: ms(long * MINUTE),
        short: ms(short * MINUTE),
        pending_for: ms(pending * MINUTE),
    };
    slo.alerting.policy = Policy { name: "quick".into(), rows: ROWS.map(row).to_vec() };
    slo.exclusions = exclusion.into_iter().map(Arc::new).collect();
    slo
}

fn exclusion(start: i64, length: i64) -> Exclusion {
    Exclusion {
        reason: "maintenance".into(),
        start: chrono::DateTime::from_timestamp_millis(start).expect("a time").naive_utc(),
        recurrence: None,
        duration: ms(length),
        zone: Zone::UTC,
    }
}
