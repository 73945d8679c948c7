//! A data file that can't be used says so, and is left as it is.
#![allow(clippy::expect_used, clippy::panic, reason = "a test")]

mod life;
mod scene;

use plimsoll_store::{Archive, OpenError};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use scene::{Directory, MINUTE, Scene, errors, flush};
use std::path::Path;

#[test]
fn a_directory_that_is_in_use_says_so() {
    let directory = Directory::new("locked");
    let _first = Archive::open(&directory.0).expect("opened");
    let error = Archive::open(&directory.0).expect_err("locked");
    assert!(matches!(error, OpenError::Locked(_)), "{error}");
    assert!(error.to_string().contains("another process is using it"), "{error}");
}

#[test]
fn a_path_that_is_no_directory_says_so() {
    let directory = Directory::new("file");
    std::fs::create_dir_all(&directory.0).expect("made");
    let file = directory.0.join("not-a-directory");
    std::fs::write(&file, "x").expect("written");
    for path in [file.clone(), file.join("below")] {
        let error = Archive::open(&path).expect_err("no directory");
        assert!(matches!(error, OpenError::NotADirectory(_)), "{error}");
    }
}

#[test]
fn a_file_of_a_newer_version_says_so() {
    let directory = Directory::new("newer");
    drop(Archive::open(&directory.0).expect("opened"));
    let database = redb::Database::open(directory.file()).expect("opened");
    let write = database.begin_write().expect("begun");
    let meta = redb::TableDefinition::<&str, u64>::new("meta");
    write.open_table(meta).expect("opened").insert("format", 99).expect("put");
    write.commit().expect("committed");
    drop(database);
    let before = std::fs::read(directory.file()).expect("read");
    let error = Archive::open(&directory.0).expect_err("newer");
    assert!(matches!(error, OpenError::Newer { found: 99, known: 2, .. }), "{error}");
    let unchanged = std::fs::read(directory.file()).expect("read") == before;
    assert!(unchanged, "the file was changed");
}

/// The bytes of a file with days of data in it: closed, and as a kill would leave it.
fn filled(directory: &Directory) -> [Vec<u8>; 2] {
    let mut scene = Scene::of(life::slos(), MINUTE);
    let mut archive = Archive::open(&directory.0).expect("opened");
    for minute in 0..=5000 {
        life::tick(&mut scene, minute);
        if minute % 1000 == 0 {
            flush(&mut archive, &mut scene);
        }
    }
    let killed = std::fs::read(directory.file()).expect("read");
    drop(archive);
    [std::fs::read(directory.file()).expect("read"), killed]
}

fn assert_left_alone(path: &Path, directory: &Directory, what: &str) {
    let before = std::fs::read(path).expect("read");
    match Archive::open(&directory.0) {
        Err(OpenError::Corrupt { .. }) => {}
        Err(other) => panic!("{what}: {other}"),
        Ok(_) => panic!("{what}: opened"),
    }
    let unchanged = std::fs::read(path).expect("read") == before;
    assert!(unchanged, "{what}: the file was changed");
}

#[test]
fn a_corrupt_file_is_named_and_left_as_it_is() {
    let directory = Directory::new("corrupt");
    let path = directory.file();
    for good in filled(&directory) {
        std::fs::write(&path, b"this is no database, and never was").expect("written");
        assert_left_alone(&path, &directory, "text");
        std::fs::write(&path, &good[..good.len() / 2]).expect("written");
        assert_left_alone(&path, &directory, "half");
        std::fs::write(&path, &good[..100]).expect("written");
        assert_left_alone(&path, &directory, "a hundred bytes");
        let mut zeroed = good.clone();
        zeroed[4096..].fill(0);
        std::fs::write(&path, &zeroed).expect("written");
        assert_left_alone(&path, &directory, "zeros after the header");
        let mut noisy = good.clone();
        noisy[64..320].iter_mut().for_each(|byte| *byte ^= 0x5a);
        std::fs::write(&path, &noisy).expect("written");
        assert_left_alone(&path, &directory, "a noisy header");
        std::fs::write(&path, &good).expect("written");
        Archive::open(&directory.0).expect("the good one opens");
    }
}

/// A flipped bit anywhere: either it lies where nothing is kept, or the file is left alone.
#[test]
fn a_flipped_bit_never_costs_the_file() {
    let directory = Directory::new("flipped");
    let path = directory.file();
    let mut random = SmallRng::seed_from_u64(7);
    for good in filled(&directory) {
        // Most of the file is room for more.
        let used: Vec<usize> = (0..good.len()).filter(|at| good[*at] != 0).collect();
        let mut refused = 0;
        for round in 0..60 {
            let mut flipped = good.clone();
            let at = used[random.random_range(0..used.len())];
            flipped[at] ^= 1 << random.random_range(0..8);
            std::fs::write(&path, &flipped).expect("written");
            match Archive::open(&directory.0) {
                Ok(_) => {}
                Err(OpenError::Corrupt { .. }) => {
                    refused += 1;
                    let unchanged = std::fs::read(&path).expect("read") == flipped;
                    assert!(unchanged, "round {round}: bit at byte {at}: the file was changed");
                }
                Err(other) => panic!("round {round}: {other}"),
            }
        }
        assert!(refused > 0, "no flip was noticed");
    }
}

#[test]
fn a_record_that_cannot_be_read_is_an_error_and_not_a_guess() {
    let directory = Directory::new("record");
    filled(&directory);
    let database = redb::Database::open(directory.file()).expect("opened");
    let write = database.begin_write().expect("begun");
    let targets = redb::TableDefinition::<&str, &[u8]>::new("targets");
    let bytes: &[u8] = &[1, 2, 3];
    write.open_table(targets).expect("opened").insert("shop\na:1\n", bytes).expect("put");
    write.commit().expect("committed");
    drop(database);
    let archive = Archive::open(&directory.0).expect("opened");
    let mut store = Scene::new(errors(), MINUTE).store;
    let error = archive.load(&mut store).expect_err("a broken record");
    assert!(error.to_string().contains("target \"shop\\na:1\\n\""), "{error}");
}
