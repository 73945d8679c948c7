//! Counters, and histograms of ready values.

use super::{model, model_within};
use crate::account::Layout;
use crate::observed::Observed;
use crate::stripe::{Striped, give_back_line, take_line};
use crate::sync::Arc;
use loom::thread;

#[test]
fn a_counter_never_falls_and_loses_nothing() {
    model(|| {
        let counter = Arc::new(Striped::new());
        // Two threads on one stripe, one of them on another as well.
        let adding = [[0, 1], [0, 0]].map(|stripes| {
            let counter = Arc::clone(&counter);
            thread::spawn(move || stripes.into_iter().for_each(|stripe| counter.add_at(stripe, 1)))
        });
        let seen = [counter.sum(), counter.sum()];
        assert!(seen[0] <= seen[1] && seen[1] <= 4, "{seen:?}");
        adding.into_iter().for_each(|thread| thread.join().expect("adds"));
        assert_eq!(counter.sum(), 4);
    });
}

#[test]
fn a_total_from_elsewhere_never_falls() {
    model(|| {
        let counter = Arc::new(Striped::new());
        let raising = [3, 5].map(|total| {
            let counter = Arc::clone(&counter);
            thread::spawn(move || counter.raise_to(total))
        });
        let seen = [counter.sum(), counter.sum()];
        assert!(seen[0] <= seen[1], "{seen:?}");
        raising.into_iter().for_each(|thread| thread.join().expect("raises"));
        assert_eq!(counter.sum(), 5);
    });
}

/// Values with an upper half, of which half a sum would be seen.
const BIG: [u64; 2] = [(3 << 32) + 5, (7 << 32) + 11];

const SUM: u128 = (10 << 32) + 16;

/// Makes a histogram in which each value was observed once on this line, so that all rows are there.
fn observed(own: Option<usize>) -> Arc<Observed> {
    let observed = Observed::new(Layout::new(&[], false), 1);
    BIG.into_iter().for_each(|value| observed.observe_at(own, 0, value));
    Arc::new(observed)
}

/// Returns the count and the sum of what is gathered.
fn shown(observed: &Observed) -> (u64, u128) {
    let value = observed.gather().values().next().expect("one series");
    (value.count(), value.sum as u128)
}

/// Holds a reading to what may be seen: whole values, and each that is counted in the sum.
fn check((count, sum): (u64, u128)) {
    let [first, second] = BIG.map(u128::from);
    let may = [(2, SUM), (3, SUM + first), (3, SUM + second), (4, 2 * SUM)];
    assert!(may.iter().any(|(of, whole)| *whole == sum && count <= *of), "{count} values of {sum}");
}

#[test]
fn a_sum_is_of_whole_values_and_of_all_that_are_counted() {
    model(|| {
        let observed = observed(Some(0));
        // The reader is the one that is spawned: loom 0.7 doesn't see that a store comes after another
        // thread's load if its own thread has loaded meanwhile, and runs only one order the other way.
        let reader = {
            let observed = Arc::clone(&observed);
            thread::spawn(move || check(shown(&observed)))
        };
        BIG.into_iter().for_each(|value| observed.observe_at(Some(0), 0, value));
        reader.join().expect("reads");
        assert_eq!(shown(&observed), (4, 2 * SUM));
    });
}

#[test]
fn what_threads_beyond_the_lines_observe_is_whole_too() {
    model_within(2, || {
        let observed = observed(None);
        let writers = BIG.map(|value| {
            let observed = Arc::clone(&observed);
            thread::spawn(move || observed.observe_at(None, 0, value))
        });
        check(shown(&observed));
        writers.into_iter().for_each(|thread| thread.join().expect("observes"));
        assert_eq!(shown(&observed), (4, 2 * SUM));
    });
}

#[test]
fn a_line_passes_on_with_what_was_written_there() {
    model(|| {
        let observed = Arc::new(Observed::new(Layout::new(&[], false), 1));
        let writers = [1, 2].map(|value| {
            let observed = Arc::clone(&observed);
            thread::spawn(move || {
                let own = take_line();
                observed.observe_at(own, 0, value);
                own.into_iter().for_each(give_back_line);
            })
        });
        writers.into_iter().for_each(|thread| thread.join().expect("observes"));
        assert_eq!(shown(&observed), (2, 3));
    });
}
