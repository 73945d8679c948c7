//! What can go wrong with a log for each thread, what keeps it from going wrong, and the test that fails
//! without that. Names with `::` are models; of the others [`every_test_of_the_table_is_there`] knows
//! where they are.
//!
//! | failure | remedy | test |
//! |---|---|---|
//! | a late stamp is missed | a head that is odd before the clock is read, and a fence on all threads | `log::a_merge_hands_on_all_that_is_earlier_than_its_watermark` |
//! | an owner that merges passes an edge that is on its way | stamps of a log ascend, so that what it has published speaks for it; for a silent log, the fence | `log::an_owner_that_merges_passes_nothing_that_is_on_its_way` |
//! | two instruments of a snapshot stand at two instants | one watermark for all logs | `snapshot::both_levels_stand_at_the_instant_of_each_snapshot_of_two_scrapers` |
//! | a stopped thread holds every scrape up | the watermark waits for 100 ms, and the span says that it is inexact | `a_stopped_owner_holds_the_watermark_for_a_tenth_of_a_second` |
//! | a peak of an inexact span is anything | it is off by the edges that came late at most | `a_peak_of_an_inexact_span_is_off_by_the_late_edges_at_most` |
//! | a reading runs ahead: a lock is held twice | entries are stamped in order | `an_entry_is_stamped_in_order`, `a_lock_that_is_handed_over_is_never_held_twice` |
//! | a scrape sees another order than the edges had | a stable sort by stamp, then by log | `every_scrape_equals_a_replay_of_the_edges_up_to_its_watermark` |
//! | a full log is waited for, or loses edges | edges are kept beside it, then folded into sums | `a_full_log_keeps_what_comes_beside_it_until_it_is_merged`, `edges_that_find_no_room_keep_their_sums`, `log::what_finds_its_log_full_is_kept` |
//! | merging records and waits for itself | the merge is only ever tried by who records | `an_allocator_that_records_waits_for_nothing` |
//! | each thread leaves a log behind | a log passes on with what is in it | `threads_that_come_and_go_share_their_logs`, `log::a_log_passes_on_to_another_thread_with_what_is_in_it` |
//! | a stay of more than 814 s wraps | an exit carries its entry's whole stamp | `a_stay_of_days_keeps_its_length` |
//! | a thread that is torn down has no log | shared logs, which are only ever tried | `an_edge_after_the_threads_log_is_gone_still_counts`, `log::what_comes_without_a_log_is_in_the_merge_that_passes_it` |
//! | a forked child shows its parent's requests | logs and progress of another process are forgotten | `a_child_forgets_what_its_parent_has_in_progress` |
//! | a clock steps back | an exit comes after its entry, and is counted | `a_clock_that_steps_back_shortens_a_stay_and_is_counted` |
//! | a value is in the sum by half, or counted before it is in the sum | the order of its additions | `ready::a_sum_is_of_whole_values_and_of_all_that_are_counted` |
//! | two threads write one line of a histogram | a line is passed on, and beyond the lines they add | `ready::a_line_passes_on_with_what_was_written_there`, `threads_that_come_and_go_and_those_beyond_the_lines_lose_nothing` |
//! | a list of waits shows half of one | a slot is written and read under a lock that is only ever tried | `table::readers_see_whole_entries_and_all_that_last` |

#![allow(clippy::expect_used)] // A test fails by it.

use crate::Registry;
use crate::clock::{Clock, now_ns};
use crate::edge::Draft;
use crate::given_up::{self, MS, TestClock, merge_at, peak, recorder_by, stopped_while};
use crate::{ActivitySpec, Outcome};
use plimsoll_model::{Labels, Value, catalog};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

/// Returns all Rust sources below a folder.
fn sources(folder: &Path) -> String {
    let entries = std::fs::read_dir(folder).expect("it is there");
    entries
        .map(|entry| entry.expect("readable").path())
        .map(|path| match path.extension() {
            _ if path.is_dir() => sources(&path),
            Some(extension) if extension == "rs" => {
                std::fs::read_to_string(&path).expect("readable")
            }
            _ => String::new(),
        })
        .collect()
}

#[test]
fn every_test_of_the_table_is_there() {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let all = sources(&package.join("src")) + &sources(&package.join("tests"));
    let table: String =
        include_str!("soundness.rs").lines().filter(|line| line.starts_with("//! | ")).collect();
    let named: Vec<&str> = table.split('`').skip(1).step_by(2).collect();
    assert!(named.len() > 20, "{named:?}");
    for name in named {
        let function = name.rsplit("::").next().unwrap_or(name);
        let test =
            all.split("#[test]").any(|of| of.trim_start().starts_with(&format!("fn {function}()")));
        assert!(test, "{name}");
    }
}

/// A processor that reads its clock ahead of its turn, by up to 370 ns as was measured, unless it is told
/// to read in order.
#[derive(Clone, Default)]
struct Ahead(TestClock);

impl Clock for Ahead {
    fn now_ns(&self) -> u64 {
        self.0.now_ns()
    }

    fn now_early_ns(&self) -> u64 {
        self.0.now_ns() - 370
    }

    fn owner_fence(&self) {
        self.0.owner_fence();
    }

    fn reader_fence(&self) {
        self.0.reader_fence();
    }
}

#[test]
fn an_entry_is_stamped_in_order() {
    let clock = TestClock::default();
    let recorder = recorder_by(Ahead(clock.clone()));
    let mut owners = [0, 1].map(|_| recorder.adopt().expect("nobody else wants one"));
    let mut held = None;
    for turn in 1..1_000 {
        // One thread lets the lock go, the other one gets it 100 ns later.
        let [first, _] = &mut owners;
        if let Some(key) = held {
            recorder.record(first, Draft::leave(0, key, 1).ending(Outcome::Ok, 0));
        }
        clock.now_ns.store(turn * 1_000 + 100, Ordering::SeqCst);
        owners.swap(0, 1);
        let [first, _] = &mut owners;
        held = Some(recorder.record(first, Draft::enter(0, 1)));
        clock.now_ns.store((turn + 1) * 1_000, Ordering::SeqCst);
    }
    let mut merge = recorder.merge();
    let at_ns = merge.watermark_ns();
    assert_eq!(merge.sink.activity_at(0, at_ns).expect("open").level().peak(), 1);
}

/// Two threads take turns as fast as they can, for a second: the next one enters as soon as it sees that
/// the last one has left.
#[test]
fn a_lock_that_is_handed_over_is_never_held_twice() {
    let registry = Registry::new();
    let labels = Labels::new([("pool", "handed over")]).expect("valid");
    let held = registry.activity(ActivitySpec::new(&catalog::POOL_IN_USE, labels));
    let held = held.expect("registers");
    let turn = AtomicU64::new(0);
    let until_ns = now_ns() + 1_000 * MS;
    std::thread::scope(|scope| {
        for parity in 0..2 {
            let turn = &turn;
            scope.spawn(move || {
                while now_ns() < until_ns {
                    if turn.load(Ordering::Acquire) % 2 == parity {
                        let entered = held.enter();
                        held.leave(entered, Outcome::Ok);
                        turn.fetch_add(1, Ordering::Release);
                    }
                }
            });
        }
    });
    let peak = format!("{}_peak", catalog::POOL_IN_USE.name);
    let families = registry.snapshot().families;
    let family = families.iter().find(|family| family.name == peak).expect("exported");
    assert!(matches!(family.series[0].value, Value::Gauge(1.0)), "{:?}", family.series[0]);
}

#[test]
fn a_peak_of_an_inexact_span_is_off_by_the_late_edges_at_most() {
    // One that enters at 20 ms is seen at 160 ms: what came and went meanwhile met it unseen.
    let (clock, recorder) = given_up::recorder();
    let mut own = recorder.adopt().expect("nobody else wants one");
    let mut late = recorder.adopt().expect("nobody else wants one");
    let met = stopped_while((&clock, &recorder), (20 * MS, &mut late, Draft::enter(0, 1)), || {
        clock.now_ns.store(30 * MS, Ordering::SeqCst);
        let key = recorder.record(&mut own, Draft::enter(0, 1));
        clock.now_ns.store(40 * MS, Ordering::SeqCst);
        recorder.record(&mut own, Draft::leave(0, key, 1).ending(Outcome::Ok, 0));
        merge_at(&clock, &recorder, 150 * MS).1
    });
    assert!(met > 0, "the span says that it is inexact");
    merge_at(&clock, &recorder, 160 * MS);
    assert_eq!(peak(&recorder, 160 * MS), 1, "it was 2, and one edge came late");

    // One that leaves at 20 ms is seen to leave at 160 ms: it seems to have met what came meanwhile.
    let (clock, recorder) = given_up::recorder();
    let mut own = recorder.adopt().expect("nobody else wants one");
    let mut late = recorder.adopt().expect("nobody else wants one");
    clock.now_ns.store(10 * MS, Ordering::SeqCst);
    let key = recorder.record(&mut late, Draft::enter(0, 1));
    let leaves = Draft::leave(0, key, 1).ending(Outcome::Ok, 0);
    stopped_while((&clock, &recorder), (20 * MS, &mut late, leaves), || {
        clock.now_ns.store(30 * MS, Ordering::SeqCst);
        let key = recorder.record(&mut own, Draft::enter(0, 1));
        clock.now_ns.store(40 * MS, Ordering::SeqCst);
        recorder.record(&mut own, Draft::leave(0, key, 1).ending(Outcome::Ok, 0));
        merge_at(&clock, &recorder, 150 * MS);
    });
    let (_, _, level, integral_ns) = merge_at(&clock, &recorder, 160 * MS);
    assert_eq!(peak(&recorder, 160 * MS), 2, "it was 1, and one edge came late");
    assert_eq!((level, integral_ns), (0, i128::from(20 * MS)), "what is linear is exact");
}
