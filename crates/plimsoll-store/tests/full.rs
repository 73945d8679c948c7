//! No room: counting goes on in memory, and the file catches up when there is some.
#![allow(clippy::expect_used, clippy::panic, reason = "a test")]

mod life;
mod scene;

use life::all_windows;
use plimsoll_model::TimeMs;
use plimsoll_slo::Slo;
use plimsoll_store::{Archive, ArchiveError, Limits, Recent, Store};
use scene::{Directory, MINUTE, Scene, ms, target};
use std::sync::Arc;

/// More than fits into the file that a first flush makes.
fn many() -> Vec<Slo> {
    let copies = (0..40).flat_map(|copy| {
        life::slos().into_iter().map(move |slo| Slo { name: format!("{}-{copy}", slo.name), ..slo })
    });
    copies.collect()
}

#[test]
fn a_full_disk_is_said_and_the_file_catches_up() {
    let directory = Directory::new("full");
    let mut archive = Archive::open(&directory.0).expect("opened");
    let mut scene = Scene::of(many(), MINUTE);
    archive.flush(scene.store.checkpoint()).expect("flushed");
    let length = std::fs::metadata(directory.file()).expect("there").len();
    archive.set_bytes_max(length);
    let mut refused = 0;
    for minute in 0..500 {
        life::tick(&mut scene, minute);
        if minute % 60 == 0 {
            match archive.flush(scene.store.checkpoint()) {
                Ok(()) => {}
                Err(ArchiveError::Full(what)) => {
                    assert!(what.contains("limits.disk"), "{what}");
                    refused += 1;
                }
                Err(other) => panic!("{other}"),
            }
        }
    }
    assert!(refused > 3, "{refused}");
    assert_eq!(std::fs::metadata(directory.file()).expect("there").len(), length);
    let stretch = (TimeMs(0), TimeMs(500 * MINUTE));
    archive.history("shop/latency-7", stretch, ms(1), &Recent::default()).expect("still read");

    archive.set_bytes_max(u64::MAX);
    archive.flush(scene.store.progress()).expect("there is room again");
    drop(archive);
    let archive = Archive::open(&directory.0).expect("opened again");
    let slos = many().into_iter().map(Arc::new).collect();
    let mut store = Store::new(slos, Limits { slice: ms(MINUTE) }).expect("valid");
    store.add_target(target("a:1", MINUTE));
    archive.load(&mut store).expect("loaded");
    // Groups come in the order in which they are found.
    let [mut found, mut truth] = [&store, &scene.store].map(all_windows);
    found.sort_unstable();
    truth.sort_unstable();
    assert!(found == truth, "the windows differ");
    // Nothing of the history is missing either.
    let points = archive.history("shop/latency-7", stretch, ms(1), &Recent::default());
    let points = points.expect("read");
    assert_eq!(points.iter().map(|point| point.counts.good).sum::<u64>(), 9 * 499);
}

/// What a gap has cost so far shows before anything closes it.
#[test]
fn an_open_gap_shows_in_the_history() {
    let directory = Directory::new("open-gap");
    let archive = Archive::open(&directory.0).expect("opened");
    let mut scene = Scene::new(scene::errors(), MINUTE);
    let series = |n: f64| [("process_start_time_seconds", 1.0), ("requests_total", 600.0 * n)];
    for minute in 0..=20 {
        scene.scrape(minute * MINUTE, &series(minute as f64));
    }
    for minute in 21..=30 {
        scene.miss(minute * MINUTE);
    }
    let recent = scene.store.ledgers()[0].recent();
    let stretch = (TimeMs(20 * MINUTE), TimeMs(30 * MINUTE));
    let points = archive.history("shop/availability", stretch, ms(MINUTE), &recent).expect("read");
    let unknown: u64 = points.iter().map(|point| point.counts.unknown).sum();
    assert_eq!(unknown, 6_000, "ten minutes at the known rate: {points:?}");
    assert!(points.iter().any(|point| point.known < point.expected), "{points:?}");
}
