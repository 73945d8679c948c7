//! Levels as snapshots show them: all of them at one instant, whoever else looks.

use super::{ModelClock, model};
use crate::Outcome;
use crate::account::{Account, Accounts, ActivityAccount, Bands, Level};
use crate::edge::Draft;
use crate::recorder::Recorder;
use crate::sync::Arc;
use loom::thread;

type Modelled = Recorder<ModelClock, Accounts>;

/// What a snapshot shows of one level: how high it is, its peak and its integral.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Shown {
    now: u64,
    peak: u64,
    integral_ns: i128,
}

/// A snapshot: its instant, and both levels.
type Seen = (u64, [Shown; 2]);

fn recorder() -> Arc<Modelled> {
    let recorder = Recorder::new(ModelClock::new(), Accounts::default());
    for _ in 0..2 {
        let bands = Bands::new(&[1]).expect("ascending");
        let account = ActivityAccount::new(Level::new(None, &[], 0), bands);
        recorder.merge().sink.open(Account::Activity(Box::new(account))).expect("room");
    }
    Arc::new(recorder)
}

fn snapshot(recorder: &Modelled) -> Seen {
    let mut merge = recorder.merge();
    assert_eq!(merge.inexact_ns(), 0, "no thread is stopped for long here");
    let at_ns = merge.watermark_ns();
    let shown = [0, 1].map(|number| {
        let level = merge.sink.activity_at(number, at_ns).expect("open").level();
        Shown { now: level.now(), peak: level.peak(), integral_ns: level.integral_ns() }
    });
    (at_ns, shown)
}

/// Replays the stamps of one level up to an instant.
fn replay(edges: &[(u64, i64)], at_ns: u64) -> Shown {
    let mut edges: Vec<_> = edges.iter().filter(|(edge_ns, _)| *edge_ns <= at_ns).collect();
    edges.sort_unstable();
    let mut shown = Shown { now: 0, peak: 0, integral_ns: 0 };
    for (edge_ns, by) in edges {
        shown.now = shown.now.saturating_add_signed(*by);
        shown.peak = shown.peak.max(shown.now);
        shown.integral_ns += i128::from(*by) * i128::from(at_ns - edge_ns);
    }
    shown
}

#[test]
fn both_levels_stand_at_the_instant_of_each_snapshot_of_two_scrapers() {
    model(|| {
        let recorder = recorder();
        let mut owner = recorder.adopt().expect("nobody else wants one");
        let writer = {
            let recorder = Arc::clone(&recorder);
            thread::spawn(move || {
                let [first, second] =
                    [0, 1].map(|number| recorder.record(&mut owner, Draft::enter(number, 1)));
                let draft = Draft::leave(0, first, 1).ending(Outcome::Ok, 0);
                let left = recorder.record(&mut owner, draft);
                [vec![(first.at_ns, 1), (left.at_ns, -1)], vec![(second.at_ns, 1)]]
            })
        };
        let other = {
            let recorder = Arc::clone(&recorder);
            thread::spawn(move || snapshot(&recorder))
        };
        let mut seen = vec![snapshot(&recorder)];
        seen.push(other.join().expect("scrapes"));
        let edges = writer.join().expect("writes");
        seen.push(snapshot(&recorder));
        for (at_ns, shown) in seen {
            assert_eq!(shown, [0, 1].map(|of: usize| replay(&edges[of], at_ns)), "at {at_ns}");
        }
    });
}

#[test]
fn levels_of_two_threads_stand_at_one_instant() {
    model(|| {
        let recorder = recorder();
        let writers = [0, 1].map(|number| {
            let mut owner = recorder.adopt().expect("nobody else wants one");
            let recorder = Arc::clone(&recorder);
            thread::spawn(move || {
                vec![(recorder.record(&mut owner, Draft::enter(number, 1)).at_ns, 1)]
            })
        });
        let mut seen = vec![snapshot(&recorder)];
        let edges = writers.map(|writer| writer.join().expect("writes"));
        seen.push(snapshot(&recorder));
        for (at_ns, shown) in seen {
            assert_eq!(shown, [0, 1].map(|of: usize| replay(&edges[of], at_ns)), "at {at_ns}");
        }
    });
}
