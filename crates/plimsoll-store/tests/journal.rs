//! A kill between two whole checkpoints: what was flushed since is read again and counts the same.
#![allow(clippy::expect_used, reason = "a test")]

mod life;
mod scene;

use life::all_windows;
use plimsoll_model::TimeMs;
use plimsoll_store::{Archive, Limits, Store, Target, TargetIndex};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use scene::{Directory, MINUTE, Scene, ms, target};
use std::sync::Arc;

/// Two targets that restart, go away and come back, each with its own gaps.
struct World {
    scene: Scene,
    other: Option<TargetIndex>,
    random: SmallRng,
    /// Since when each process runs.
    born: [i64; 2],
}

fn second() -> Target {
    target("b:1", MINUTE)
}

impl World {
    fn new(seed: u64) -> Self {
        let mut scene = Scene::of(life::slos(), MINUTE);
        let other = Some(scene.store.add_target(second()));
        Self { scene, other, random: SmallRng::seed_from_u64(seed), born: [0, 0] }
    }

    fn minute(&mut self, minute: i64) {
        for number in 0..2 {
            if self.random.random_range(0..40) == 0 {
                self.born[number] = minute;
            }
        }
        if self.random.random_range(0..30) == 0 {
            match self.other.take() {
                Some(target) => self.scene.store.remove_target(target),
                None => self.other = Some(self.scene.store.add_target(second())),
            }
        }
        let at = minute * MINUTE;
        for (number, target) in [Some(self.scene.target), self.other].into_iter().enumerate() {
            let Some(target) = target else { continue };
            match self.random.random_range(0..8) {
                0 => self.scene.store.miss(target, TimeMs(at)),
                1 => {}
                _ => self.scrape(target, at, self.born[number]),
            }
        }
        self.scene.store.advance(TimeMs(at));
    }

    fn scrape(&mut self, target: TargetIndex, at: i64, born: i64) {
        let n = (at / MINUTE - born) as f64;
        let noise = self.random.random_range(0..20);
        let requests = if noise == 1 { f64::NAN } else { 600.0 * n };
        let mut series = vec![
            ("requests_total{region=\"eu\"}", requests),
            ("requests_total{region=\"us\"}", 40.5 * n),
            ("errors_total{region=\"us\"}", (n / 7.0).floor()),
            ("latency_seconds_bucket{le=\"0.2\"}", 8.0 * n),
            ("latency_seconds_bucket{le=\"0.3\"}", 9.0 * n),
            ("latency_seconds_bucket{le=\"+Inf\"}", 10.0 * n),
        ];
        if noise != 2 {
            series.push(("process_start_time_seconds", (born * 60) as f64));
        }
        if noise > 3 {
            let lag = f64::from(self.random.random_range(0..20));
            series.push(("concurrency_consumer_lag_seconds{partition=\"0\"}", lag));
        }
        self.scene.scrape_of(target, at, &series);
    }

    /// Starts the engine anew over a copy of the file as it is at this moment.
    fn revived(&self, directory: &Directory, name: &str) -> Store {
        let killed = Directory::new(name);
        std::fs::create_dir_all(&killed.0).expect("made");
        std::fs::copy(directory.file(), killed.file()).expect("copied");
        let archive = Archive::open(&killed.0).expect("opened again");
        let slos = life::slos().into_iter().map(Arc::new).collect();
        let mut store = Store::new(slos, Limits { slice: ms(MINUTE) }).expect("valid");
        store.add_target(target("a:1", MINUTE));
        if self.other.is_some() {
            store.add_target(second());
        }
        archive.load(&mut store).expect("loaded");
        store
    }
}

#[test]
fn a_kill_at_any_instant_forgets_nothing_that_was_flushed() {
    for seed in 0..4 {
        let directory = Directory::new(&format!("journal-{seed}"));
        let mut archive = Archive::open(&directory.0).expect("opened");
        let mut world = World::new(seed);
        for minute in 0..150 {
            world.minute(minute);
            archive.flush(world.scene.store.progress()).expect("flushed");
            if world.random.random_range(0..9) == 0 {
                let revived = world.revived(&directory, &format!("revived-{seed}-{minute}"));
                let (truth, found) = (all_windows(&world.scene.store), all_windows(&revived));
                assert_eq!(found, truth, "seed {seed}, minute {minute}");
            }
        }
        assert_eq!(archive.last_step().expect("read"), Some(TimeMs(149 * MINUTE)));
    }
}

/// The counters go on from the journal, not from the whole checkpoint before it.
#[test]
fn what_was_revived_goes_on_as_if_nothing_had_happened() {
    let directory = Directory::new("go-on");
    let mut archive = Archive::open(&directory.0).expect("opened");
    let mut scene = Scene::of(life::slos(), MINUTE);
    for minute in 0..203 {
        life::tick(&mut scene, minute);
        archive.flush(scene.store.progress()).expect("flushed");
    }
    drop(archive);
    let archive = Archive::open(&directory.0).expect("opened again");
    scene.store =
        Store::new(life::slos().into_iter().map(Arc::new).collect(), Limits { slice: ms(MINUTE) })
            .expect("valid");
    archive.load(&mut scene.store).expect("loaded");
    scene.target = scene.store.add_target(target("a:1", MINUTE));
    let mut other = Scene::of(life::slos(), MINUTE);
    (0..203).for_each(|minute| life::tick(&mut other, minute));
    for minute in 203..260 {
        life::tick(&mut scene, minute);
        life::tick(&mut other, minute);
        assert_eq!(all_windows(&scene.store), all_windows(&other.store), "minute {minute}");
    }
}
