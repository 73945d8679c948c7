//! A backup and back: the same counts, the same history; rubbish is refused where it stands.
#![allow(clippy::expect_used, clippy::panic, reason = "a test")]

mod life;
mod scene;

use flate2::read::GzDecoder;
use life::all_windows;
use plimsoll_model::TimeMs;
use plimsoll_slo::Span;
use plimsoll_store::{Archive, ImportError, Limits, Mark, NewCorrection, Recent, Store};
use scene::{Directory, MINUTE, Scene, ms, target};
use std::sync::Arc;

/// Lives for 1,003 minutes, the last three of them only in the journal, and exports.
fn exported(directory: &Directory) -> (Scene, Archive, Vec<u8>) {
    let mut scene = Scene::of(life::slos(), MINUTE);
    let mut archive = Archive::open(&directory.0).expect("opened");
    for minute in 0..1003 {
        life::tick(&mut scene, minute);
        if minute == 500 {
            archive.flush(scene.store.checkpoint()).expect("flushed");
        }
        if minute >= 999 {
            archive.flush(scene.store.progress()).expect("flushed");
        }
    }
    let mark = Mark {
        kind: "deploy".into(),
        service: "shop".into(),
        at: TimeMs(MINUTE),
        text: "v2 \"é\"\n".into(),
    };
    archive.put_mark(&mark).expect("kept");
    for (first, last, bad) in [(960, 980, 10), (950, 990, 30)] {
        let ledger = &scene.store.ledgers()[0];
        let made = archive.correct(asked(ledger.id(), first, last, bad), &ledger.recent());
        scene.store.correct(&made.expect("made"));
    }
    let mut checkpoint = scene.store.progress();
    checkpoint.alerts = Some(vec![("shop/availability".into(), b"[{\"a\":1}]".to_vec())]);
    archive.flush(checkpoint).expect("flushed");
    let mut backup = Vec::new();
    archive.backup().expect("read").write(&mut backup).expect("written");
    (scene, archive, backup)
}

fn asked(slo: &str, first: i64, last: i64, bad: u64) -> NewCorrection {
    NewCorrection {
        slo: slo.into(),
        span: Span { start: TimeMs(first * MINUTE), end: TimeMs(last * MINUTE) },
        good: 1,
        bad,
        reason: "a load test".into(),
        author: "ada".into(),
        at: TimeMs(1002 * MINUTE),
    }
}

#[test]
fn a_backup_brings_everything_back() {
    let (directory, other) = (Directory::new("exported"), Directory::new("imported"));
    let (scene, archive, backup) = exported(&directory);
    let ledgers = Archive::import(&other.0, backup.as_slice(), u64::MAX).expect("imported");
    assert_eq!(ledgers, 5, "four SLOs, one of them in two groups");
    let imported = Archive::open(&other.0).expect("opened");
    let slos = life::slos().into_iter().map(Arc::new).collect();
    let mut store = Store::new(slos, Limits { slice: ms(MINUTE) }).expect("valid");
    store.add_target(target("a:1", MINUTE));
    imported.load(&mut store).expect("loaded");
    assert!(all_windows(&store) == all_windows(&scene.store), "the windows differ");
    let stretch = (TimeMs(0), TimeMs(1003 * MINUTE));
    let history = |archive: &Archive| {
        archive.history("shop/latency", stretch, ms(1), &Recent::default()).expect("read")
    };
    assert!(history(&imported).len() > 100 && history(&imported) == history(&archive));
    assert_eq!(imported.alerts().expect("read"), archive.alerts().expect("read"));
    let marks = |archive: &Archive| archive.marks(TimeMs(0), TimeMs(i64::MAX)).expect("read");
    assert_eq!(marks(&imported), marks(&archive));
    assert_eq!(imported.last_step().expect("read"), archive.last_step().expect("read"));
    let corrections = |archive: &Archive| archive.corrections().expect("read");
    let in_force: Vec<bool> = corrections(&imported).iter().map(|made| made.in_force).collect();
    assert_eq!(in_force, [false, true], "the second covers the first");
    assert_eq!(corrections(&imported), corrections(&archive));
    let occupied =
        Archive::import(&other.0, backup.as_slice(), u64::MAX).expect_err("there is one");
    assert!(matches!(occupied, ImportError::Occupied(_)), "{occupied}");
}

#[test]
fn rubbish_is_refused_with_its_line_and_leaves_nothing_behind() {
    let directory = Directory::new("rubbish-from");
    let (_, _, backup) = exported(&directory);
    let text = String::from_utf8(backup).expect("text");
    let lines: Vec<&str> = text.lines().collect();
    let last = lines.len();
    let without = |line: usize| {
        let kept = lines.iter().enumerate().filter(|(at, _)| at + 1 != line);
        kept.map(|(_, line)| format!("{line}\n")).collect::<String>()
    };
    let with_slot = |at: &str| {
        text.replacen("\"history\":[", &format!("\"history\":[[{at},[0,0,0,0,0,0]],"), 1)
    };
    let cases = [
        (String::new(), 1, "cut"),
        ("rubbish\n".into(), 1, "expected value"),
        (without(1), 1, "begins with"),
        (without(last), last, "cut"),
        (without(3), last - 1, "lines should come before"),
        (text.replacen("\"version\":2", "\"version\":9", 1), 1, "version 9"),
        (text.replacen("\"kind\":\"ledger\"", "\"kind\":\"legder\"", 1), 2, "unknown variant"),
        (text.replacen("\"record\":\"", "\"record\":\"zz", 1), 2, "hexadecimal"),
        (
            text.replacen("\"record\":\"", "\"record\":\"ffffffffffffffffffffff", 1),
            2,
            "not that of a ledger",
        ),
        (text.replacen("\"from_ms\":", "\"from_ms\":9", 1), last - 6, "before it ends"),
        (with_slot("-5"), 2, "slot -5"),
        (with_slot("300000000000000"), 2, "slot 300000000000000"),
        (text[..text.len() / 2].to_owned(), 0, ""),
    ];
    for (number, (text, line, what)) in cases.into_iter().enumerate() {
        let into = Directory::new(&format!("rubbish-{number}"));
        let error = Archive::import(&into.0, text.as_bytes(), u64::MAX).expect_err("rubbish");
        let said = error.to_string();
        match error {
            ImportError::Line { line: found, .. } if line == 0 || found == line as u64 => {}
            _ => panic!("case {number}: {said}"),
        }
        assert!(said.contains(what), "case {number}: {said}");
        let left: Vec<_> = std::fs::read_dir(&into.0).map(Iterator::collect).unwrap_or_default();
        assert!(left.is_empty(), "case {number}: {left:?}");
    }
}

/// What version 1 of the lines said of the same life, which had no corrections.
const VERSION_1: &[u8] = include_bytes!("fixtures/export-1.jsonl.gz");

#[test]
fn a_backup_of_version_1_is_still_read() {
    let directory = Directory::new("version-1");
    let backup = std::io::BufReader::new(GzDecoder::new(VERSION_1));
    assert_eq!(Archive::import(&directory.0, backup, u64::MAX).expect("imported"), 5);
    let archive = Archive::open(&directory.0).expect("opened");
    assert_eq!(archive.corrections().expect("read"), []);
    let slos: Vec<_> = life::slos().into_iter().map(Arc::new).collect();
    let mut store = Store::new(slos, Limits { slice: ms(MINUTE) }).expect("valid");
    store.add_target(target("a:1", MINUTE));
    archive.load(&mut store).expect("loaded");
    let mut scene = Scene::of(life::slos(), MINUTE);
    (0..1003).for_each(|minute| life::tick(&mut scene, minute));
    assert!(all_windows(&store) == all_windows(&scene.store), "the windows differ");
}
