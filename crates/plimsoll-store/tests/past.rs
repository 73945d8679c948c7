//! Somebody else's past before one's own: what was seen here stays, and the sums are those of both.
#![allow(clippy::expect_used, clippy::panic, reason = "a test")]

mod life;
mod scene;

use plimsoll_model::{Counts, TimeMs};
use plimsoll_slo::{Slo, Span, Windows};
use plimsoll_store::{Archive, Filled, Limits, NewCorrection, Past, Recent, Store};
use scene::{Directory, MINUTE, Scene, ms};
use std::sync::Arc;
use std::time::Duration;

fn shared(slos: Vec<Slo>) -> Vec<Arc<Slo>> {
    slos.into_iter().map(Arc::new).collect()
}

/// Lives for some minutes and returns what an archive of it gives as a past.
fn past(name: &str, slos: Vec<Slo>, minutes: i64) -> (Scene, Past) {
    let directory = Directory::new(name);
    let mut archive = Archive::open(&directory.0).expect("opened");
    let mut scene = Scene::of(slos.clone(), MINUTE);
    for minute in 0..minutes {
        life::tick(&mut scene, minute);
        if minute % 60 == 0 {
            archive.flush(scene.store.progress()).expect("flushed");
        }
    }
    archive.flush(scene.store.progress()).expect("flushed");
    let past = archive.into_past(shared(slos)).expect("read");
    (scene, past)
}

fn empty(slos: Vec<Slo>) -> Store {
    Store::new(shared(slos), Limits { slice: ms(MINUTE) }).expect("valid")
}

fn periods(store: &Store) -> Vec<(String, Counts, Duration, Duration)> {
    let held = |ledger: &plimsoll_store::Ledger| {
        let held = ledger.period();
        (ledger.id().to_owned(), held.counts, held.known, held.expected)
    };
    let mut all: Vec<_> = store.ledgers().iter().map(held).collect();
    all.sort_by(|one, other| one.0.cmp(&other.0));
    all
}

#[test]
fn an_empty_store_gets_all_of_it_in_every_window() {
    let (scene, past) = past("past-all", life::slos(), 1003);
    let mut store = empty(life::slos());
    let found = store.precede(past);
    assert_eq!((found.filled.len(), found.foreign.len()), (5, 0));
    assert_eq!(periods(&store), periods(&scene.store));
    for ledger in store.ledgers() {
        let theirs = scene.store.ledgers().iter().find(|other| other.id() == ledger.id());
        let theirs = theirs.expect("the same");
        for length in ledger.slo().windows(ledger.slice()) {
            let (own, other) = (ledger.window(length).counts, theirs.window(length).counts);
            // What an edge may be wrong by: one in 120, or one slot of history.
            let most = length.as_millis() as u64 / 120 + 300_000;
            let rate = if ledger.slo().sli.counts_time() { 60_000 } else { 600 };
            let apart = own.good.abs_diff(other.good) + own.bad.abs_diff(other.bad);
            assert!(apart <= most * rate / 60_000, "{} {length:?}: {own:?} {other:?}", ledger.id());
        }
        assert_eq!(ledger.last_known(), theirs.last_known(), "{}", ledger.id());
        assert_eq!(ledger.watched_since(), theirs.watched_since(), "{}", ledger.id());
    }
}

/// The past tells of minutes 0 to 1,000 at 600 a minute without an error; what was seen here begins
/// at minute 502 at 100 a minute, half of them bad.
#[test]
fn what_was_seen_here_stays_and_is_never_counted_twice() {
    let slos = || vec![scene::errors()];
    let mut other = Scene::of(slos(), MINUTE);
    let directory = Directory::new("past-own-other");
    let mut archive = Archive::open(&directory.0).expect("opened");
    for minute in 0..=1_000_i64 {
        let requests = ("requests_total", 600.0 * minute as f64);
        let start = ("process_start_time_seconds", 1.0);
        other.scrape(minute * MINUTE, &[start, requests, ("errors_total", 0.0)]);
    }
    archive.flush(other.store.checkpoint()).expect("flushed");
    let past = archive.into_past(shared(slos())).expect("read");

    let mut own = Scene::of(slos(), MINUTE);
    own.store.advance(TimeMs(502 * MINUTE));
    for minute in 502..=1_000_i64 {
        let n = (minute - 502) as f64;
        let start = ("process_start_time_seconds", 502.0 * 60.0);
        let counters = [("requests_total", 100.0 * n), ("errors_total", 50.0 * n)];
        own.scrape(minute * MINUTE, &[start, counters[0], counters[1]]);
    }
    let seen = own.counts(30 * 24 * scene::HOUR);
    assert_eq!((seen.0, seen.1), (24_900, 24_900));
    let found = own.store.precede(past.clone());
    let until = TimeMs(500 * MINUTE);
    let span = Some(Span { start: TimeMs(0), end: until });
    let id = "shop/availability".to_owned();
    let own_since = own.store.ledgers()[0].watched_since();
    assert_eq!(own_since, TimeMs(0), "what is known reaches back now");
    assert_eq!(found.filled, [Filled { id, span, own_since: TimeMs(502 * MINUTE) }]);
    // The slot of minutes 500 to 505 belongs to what was seen here: 500 × 600 before it.
    let (good, bad, unknown) = own.counts(30 * 24 * scene::HOUR);
    assert_eq!((good, bad, unknown - seen.2), (24_900 + 300_000, 24_900, 0));
    assert_eq!(own.counts(60 * MINUTE), (3_000, 3_000, 0), "the last hour is what it was");
    // A second time there is nothing left to fill.
    let again = own.store.precede(past);
    assert_eq!(again.filled[0].span, None);
    assert_eq!(own.counts(30 * 24 * scene::HOUR), (good, bad, unknown));
}

#[test]
fn it_goes_to_disk_as_a_whole_with_history_corrections_and_marks() {
    let (from, into) = (Directory::new("past-from"), Directory::new("past-into"));
    let mut archive = Archive::open(&from.0).expect("opened");
    let mut scene = Scene::of(life::slos(), MINUTE);
    (0..1000).for_each(|minute| life::tick(&mut scene, minute));
    archive.flush(scene.store.checkpoint()).expect("flushed");
    let asked = NewCorrection {
        slo: "shop/availability".into(),
        span: Span { start: TimeMs(100 * MINUTE), end: TimeMs(200 * MINUTE) },
        good: 1,
        bad: 2,
        reason: "a load test".into(),
        author: "ada".into(),
        at: TimeMs(999 * MINUTE),
    };
    let recent = scene.store.ledgers()[0].recent();
    scene.store.correct(&archive.correct(asked, &recent).expect("made"));
    let mark = plimsoll_store::Mark {
        kind: "deploy".into(),
        service: "shop".into(),
        at: TimeMs(MINUTE),
        text: "v2".into(),
    };
    archive.put_mark(&mark).expect("kept");
    let stretch = (TimeMs(0), TimeMs(1000 * MINUTE));
    let history = |archive: &Archive| {
        archive.history("shop/latency", stretch, ms(1), &Recent::default()).expect("read")
    };
    let (told, corrections) = (history(&archive), archive.corrections().expect("read"));
    let past = archive.into_past(shared(life::slos())).expect("read");

    let mut store = empty(life::slos());
    store.precede(past);
    let mut archive = Archive::open(&into.0).expect("opened");
    archive.put_mark(&mark).expect("kept");
    archive.flush(store.progress()).expect("flushed");
    drop(archive);
    let archive = Archive::open(&into.0).expect("opened");
    let mut again = empty(life::slos());
    archive.load(&mut again).expect("loaded");
    assert_eq!(periods(&again), periods(&scene.store));
    assert_eq!(history(&archive), told);
    assert_eq!(archive.corrections().expect("read"), corrections);
    let marks = archive.marks(TimeMs(0), TimeMs(i64::MAX)).expect("read");
    assert_eq!(marks, [mark], "the same mark is kept once");
}
