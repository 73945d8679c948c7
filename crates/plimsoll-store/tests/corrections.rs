//! Corrections: counted over every window, kept over restarts, with who made them.

#![allow(clippy::expect_used, clippy::panic, reason = "a test")]

mod scene;

use plimsoll_model::{Counts, TimeMs};
use plimsoll_slo::{Span, Windows};
use plimsoll_store::{Archive, Correction, CorrectionError, NewCorrection};
use scene::{Directory, HOUR, MINUTE, Scene, errors, flush, ms};

const START: &str = "process_start_time_seconds";

/// Two hours at 600 a minute; of the ten minutes after the first hour 100 a minute fail.
fn life(directory: &Directory) -> (Archive, Scene) {
    let mut archive = Archive::open(&directory.0).expect("opens");
    let mut scene = Scene::new(errors(), MINUTE);
    for minute in 0..=120_i64 {
        let bad = 100.0 * (minute - 60).clamp(0, 10) as f64;
        let requests = 600.0 * minute as f64;
        scene.scrape(
            minute * MINUTE,
            &[(START, 1.0), ("requests_total", requests), ("errors_total", bad)],
        );
    }
    flush(&mut archive, &mut scene);
    (archive, scene)
}

fn asked(from: i64, to: i64, good: u64, bad: u64) -> NewCorrection {
    NewCorrection {
        slo: "shop/availability".into(),
        span: Span { start: TimeMs(from * MINUTE), end: TimeMs(to * MINUTE) },
        good,
        bad,
        reason: "a load test".into(),
        author: "ada".into(),
        at: TimeMs(2 * HOUR),
    }
}

fn correct(
    archive: &mut Archive,
    scene: &mut Scene,
    asked: NewCorrection,
) -> Result<Correction, CorrectionError> {
    let recent = scene.store.ledgers()[0].recent();
    let made = archive.correct(asked, &recent)?;
    scene.store.correct(&made);
    Ok(made)
}

#[test]
fn a_correction_counts_in_every_window_and_the_observed_stays() {
    let directory = Directory::new("corrections");
    let (mut archive, mut scene) = life(&directory);
    assert_eq!(scene.counts(3 * HOUR), (71_000, 1_000, 0));
    let made = correct(&mut archive, &mut scene, asked(60, 70, 5_990, 10)).expect("made");
    assert_eq!(made.was, Counts { good: 5_000, bad: 1_000, unknown: 0 });
    assert_eq!(scene.counts(3 * HOUR), (71_990, 10, 0));
    // Of the last 55 minutes five lie in the corrected ten.
    assert_eq!(scene.counts(55 * MINUTE), (33_000 - 5, 5, 0));
    assert_eq!(scene.counts(30 * MINUTE), (18_000, 0, 0));
    let ledger = &scene.store.ledgers()[0];
    assert_eq!(ledger.observed().counts, Counts { good: 71_000, bad: 1_000, unknown: 0 });
    // It outlives a restart.
    drop(archive);
    let archive = Archive::open(&directory.0).expect("opens");
    let mut again = Scene::new(errors(), MINUTE);
    archive.load(&mut again.store).expect("loads");
    assert_eq!(again.counts(3 * HOUR), (71_990, 10, 0));
}

#[test]
fn a_later_correction_replaces_what_it_covers_and_the_trail_keeps_both() {
    let directory = Directory::new("corrections-trail");
    let (mut archive, mut scene) = life(&directory);
    correct(&mut archive, &mut scene, asked(60, 65, 3_000, 0)).expect("made");
    correct(&mut archive, &mut scene, asked(60, 70, 5_900, 100)).expect("made");
    assert_eq!(scene.counts(3 * HOUR), (71_900, 100, 0));
    let trail = archive.corrections().expect("reads");
    let told: Vec<_> = trail.iter().map(|one| (one.asked.good, one.in_force)).collect();
    assert_eq!(told, [(3_000, false), (5_900, true)]);
    assert_eq!(trail[0].asked.author, "ada");
}

#[test]
fn what_cannot_be_corrected_says_why() {
    let directory = Directory::new("corrections-refused");
    let (mut archive, mut scene) = life(&directory);
    correct(&mut archive, &mut scene, asked(60, 70, 6_000, 0)).expect("made");
    for (asked, word) in [
        (asked(60, 62, 0, 0), "to: history is kept in slots of 5m"),
        (asked(65, 60, 0, 0), "from: has to be before to"),
        (asked(115, 125, 0, 0), "to: history is kept from"),
        (
            asked(65, 75, 0, 0),
            "from: the correction of 1970-01-01T01:00:00Z to 1970-01-01T01:10:00Z",
        ),
        (NewCorrection { slo: "shop/none".into(), ..asked(60, 70, 0, 0) }, "slo: nothing"),
    ] {
        let refused = correct(&mut archive, &mut scene, asked).expect_err(word);
        assert!(refused.to_string().starts_with(word), "{refused}");
    }
    for minute in 121..=125 {
        scene.miss(minute * MINUTE);
    }
    let late = NewCorrection { at: TimeMs(125 * MINUTE), ..asked(115, 125, 0, 0) };
    let refused = correct(&mut archive, &mut scene, late).expect_err("still open");
    assert!(matches!(refused, CorrectionError::StillOpen(since) if since == 2 * HOUR), "{refused}");
    assert_eq!(archive.corrections().expect("reads").len(), 1);
    assert_eq!(scene.window(3 * HOUR).expected, ms(125 * MINUTE));
}
