//! A file that a former version wrote goes on counting.
#![allow(clippy::expect_used, reason = "a test")]

mod life;
mod scene;

use flate2::read::GzDecoder;
use life::all_windows;
use plimsoll_model::TimeMs;
use plimsoll_store::{Archive, Limits, Recent, Store};
use scene::{Directory, MINUTE, Scene, ms, target};
use std::io::Read;
use std::sync::Arc;

/// Written by format 1 after 2,000 minutes of `life`.
const FORMAT_1: &[u8] = include_bytes!("fixtures/format-1.redb.gz");

#[test]
fn a_file_of_format_1_opens_and_counts_on() {
    let directory = Directory::new("format-1");
    let mut file = Vec::new();
    GzDecoder::new(FORMAT_1).read_to_end(&mut file).expect("unpacked");
    std::fs::create_dir_all(&directory.0).expect("made");
    std::fs::write(directory.file(), &file).expect("written");

    let archive = Archive::open(&directory.0).expect("opened");
    assert_eq!(archive.last_step().expect("read"), Some(TimeMs(1999 * MINUTE)));
    let alerts = archive.alerts().expect("read");
    assert_eq!(alerts, [("shop/availability".to_owned(), b"[]".to_vec())]);
    let marks = archive.marks(TimeMs(0), TimeMs(MINUTE)).expect("read");
    assert_eq!(marks.iter().map(|mark| &*mark.text).collect::<Vec<_>>(), ["v2"]);

    let mut scene = Scene::of(life::slos(), MINUTE);
    let slos = life::slos().into_iter().map(Arc::new).collect();
    scene.store = Store::new(slos, Limits { slice: ms(MINUTE) }).expect("valid");
    scene.target = scene.store.add_target(target("a:1", MINUTE));
    archive.load(&mut scene.store).expect("loaded");
    let mut other = Scene::of(life::slos(), MINUTE);
    (0..2000).for_each(|minute| life::tick(&mut other, minute));
    assert_eq!(all_windows(&scene.store), all_windows(&other.store));
    (2000..2200).for_each(|minute| life::tick(&mut scene, minute));
    (2000..2200).for_each(|minute| life::tick(&mut other, minute));
    assert_eq!(all_windows(&scene.store), all_windows(&other.store));

    let stretch = (TimeMs(0), TimeMs(2000 * MINUTE));
    let day = ms(86_400_000);
    let points = archive.history("shop/latency", stretch, day, &Recent::default()).expect("read");
    // The process began a second after it was first looked for, so all that it counted is seen.
    let good: u64 = points.iter().map(|point| point.counts.good).sum();
    assert_eq!(good, 9 * 1999);

    drop(archive);
    let archive = Archive::open(&directory.0).expect("opened as its own format");
    assert_eq!(archive.last_step().expect("read"), Some(TimeMs(1999 * MINUTE)));
}
