//! The log and its merge.

use super::{ModelClock, model};
use crate::Outcome;
use crate::edge::{Draft, Edge, EntryKey, Kind};
use crate::fold::Fold;
use crate::merge::{Merge, Sink};
use crate::recorder::Recorder;
use crate::sync::Arc;
use loom::thread;

/// What has been handed on.
#[derive(Debug, Default)]
struct Handed {
    edges: Vec<Edge>,
    folded: u64,
}

impl Sink for Handed {
    fn group(&self, _: u32) -> u32 {
        0
    }

    fn apply(&mut self, edges: &[Edge]) {
        self.edges.extend(edges);
    }

    fn apply_fold(&mut self, _: u32, fold: &Fold, _: u64) {
        self.folded += fold.entered + fold.left;
    }

    fn forget_progress(&mut self) {}
}

type Modelled = Recorder<ModelClock, Handed>;

/// How many edges a merge had handed on, and up to when.
struct Merged {
    watermark_ns: u64,
    edges: usize,
    exact: bool,
}

fn recorder() -> Arc<Modelled> {
    Arc::new(Recorder::new(ModelClock::new(), Handed::default()))
}

fn merge(recorder: &Modelled) -> Merged {
    merged(&recorder.merge())
}

fn merged(merge: &Merge<Handed>) -> Merged {
    Merged {
        watermark_ns: merge.watermark_ns(),
        edges: merge.sink.edges.len(),
        exact: merge.inexact_ns() == 0,
    }
}

/// Enters once through the thread's own log, or through the shared one if it gets none.
fn enter(recorder: &Modelled, instrument: u32) -> EntryKey {
    match recorder.adopt() {
        Some(mut owner) => {
            let key = recorder.record(&mut owner, Draft::enter(instrument, 1));
            recorder.vacate(owner);
            key
        }
        None => recorder.record_shared(Draft::enter(instrument, 1)),
    }
}

/// Holds each merge to what was published: all of it up to the watermark, in order, nothing beyond.
fn check(recorder: &Modelled, merges: &[Merged], published: usize) {
    merge(recorder);
    let merge = recorder.merge();
    let stamps: Vec<u64> = merge.sink.edges.iter().map(|edge| edge.at_ns).collect();
    assert_eq!(
        stamps.len() + merge.sink.folded as usize,
        published,
        "every edge is handed on once"
    );
    for merged in merges.iter().filter(|merged| merged.exact) {
        let earlier = stamps.iter().filter(|at_ns| **at_ns <= merged.watermark_ns).count();
        assert_eq!(merged.edges, earlier, "at {} of {stamps:?}", merged.watermark_ns);
    }
    assert!(stamps.is_sorted() || merge.inexact_ns() > 0, "{stamps:?}");
}

#[test]
fn a_merge_hands_on_all_that_is_earlier_than_its_watermark() {
    model(|| {
        let recorder = recorder();
        let mut owner = recorder.adopt().expect("nobody else wants one");
        let writer = {
            let recorder = Arc::clone(&recorder);
            thread::spawn(move || {
                for instrument in 0..2 {
                    recorder.record(&mut owner, Draft::enter(instrument, 1));
                }
            })
        };
        let merges = [merge(&recorder), merge(&recorder)];
        writer.join().expect("writes");
        check(&recorder, &merges, 2);
    });
}

#[test]
fn two_logs_come_into_one_order() {
    model(|| {
        let recorder = recorder();
        let writers = [0, 1].map(|instrument| {
            let mut owner = recorder.adopt().expect("nobody else wants one");
            let recorder = Arc::clone(&recorder);
            thread::spawn(move || {
                recorder.record(&mut owner, Draft::enter(instrument, 1));
            })
        });
        let merges = [merge(&recorder)];
        writers.into_iter().for_each(|writer| writer.join().expect("writes"));
        check(&recorder, &merges, 2);
    });
}

#[test]
fn a_log_passes_on_to_another_thread_with_what_is_in_it() {
    model(|| {
        let recorder = recorder();
        let writer = {
            let recorder = Arc::clone(&recorder);
            thread::spawn(move || enter(&recorder, 0))
        };
        enter(&recorder, 1);
        let merges = [merge(&recorder)];
        writer.join().expect("writes");
        check(&recorder, &merges, 2);
    });
}

#[test]
fn an_exit_on_another_thread_comes_after_its_entry() {
    model(|| {
        let recorder = recorder();
        let key = enter(&recorder, 0);
        let writer = {
            let recorder = Arc::clone(&recorder);
            thread::spawn(move || {
                let mut owner = recorder.adopt().expect("nobody else wants one");
                let draft = Draft::leave(0, key, 1).ending(Outcome::Ok, 0);
                recorder.record(&mut owner, draft);
            })
        };
        let merges = [merge(&recorder)];
        writer.join().expect("writes");
        check(&recorder, &merges, 2);
        let merge = recorder.merge();
        let kinds = merge.sink.edges.iter().map(|edge| (edge.kind(), edge.key()));
        assert!(kinds.eq([(Kind::Enter, key), (Kind::Leave, key)]));
    });
}

#[test]
fn what_comes_without_a_log_is_in_the_merge_that_passes_it() {
    model(|| {
        let recorder = recorder();
        let writer = {
            let recorder = Arc::clone(&recorder);
            thread::spawn(move || {
                for instrument in 0..2 {
                    recorder.record_shared(Draft::enter(instrument, 1));
                }
            })
        };
        let merges = [merge(&recorder), merge(&recorder)];
        writer.join().expect("writes");
        let lost = usize::from(!merge(&recorder).exact);
        if lost == 0 {
            check(&recorder, &merges, 2);
        }
    });
}

#[test]
fn what_finds_its_log_full_is_kept() {
    model(|| {
        let recorder = recorder();
        let mut owner = recorder.adopt().expect("nobody else wants one");
        for instrument in 0..3 {
            assert!(owner.has_room(), "a log has four slots");
            owner.push(&Draft::enter(instrument, 1), recorder.budget());
        }
        let writer = {
            let recorder = Arc::clone(&recorder);
            thread::spawn(move || {
                for instrument in 3..6 {
                    recorder.record(&mut owner, Draft::enter(instrument, 1));
                }
            })
        };
        let merges = [merge(&recorder)];
        writer.join().expect("writes");
        check(&recorder, &merges, 6);
    });
}

#[test]
fn an_owner_that_merges_passes_nothing_that_is_on_its_way() {
    model(|| {
        let recorder = recorder();
        let [mut owner, mut other] =
            [(); 2].map(|()| recorder.adopt().expect("nobody else wants one"));
        recorder.record(&mut other, Draft::enter(0, 1));
        for instrument in 1..4 {
            assert!(owner.has_room(), "a log has four slots");
            owner.push(&Draft::enter(instrument, 1), recorder.budget());
        }
        let writer = {
            let recorder = Arc::clone(&recorder);
            thread::spawn(move || {
                for instrument in 4..6 {
                    recorder.record(&mut other, Draft::enter(instrument, 1));
                }
            })
        };
        // There is no room, so it merges: without a fence if the other log shows enough.
        recorder.record(&mut owner, Draft::enter(6, 1));
        let merges = [merged(&recorder.as_merged())];
        writer.join().expect("writes");
        check(&recorder, &merges, 7);
    });
}
