//! Counters, and histograms of ready values.

use super::model;
use crate::account::{Distribution, Layout};
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

fn observed() -> Arc<Observed> {
    Arc::new(Observed::new(Layout::new(&[], false), 1))
}

/// Returns the count and the sum of what is gathered.
fn shown(observed: &Observed) -> (u64, u128) {
    let shown: Distribution = observed.gather();
    let value = shown.values().next().expect("one series");
    (value.count(), value.sum as u128)
}

/// Holds a reading to what may be seen: whole values, and each that is counted in the sum.
fn check((count, sum): (u64, u128), values: &[u64]) {
    let whole = (0..1_u32 << values.len()).any(|subset| {
        let within = |at: &usize| subset & (1 << at) != 0;
        let of: u128 = (0..values.len()).filter(within).map(|at| u128::from(values[at])).sum();
        of == sum && u64::from(subset.count_ones()) >= count
    });
    assert!(whole, "{count} values of {sum}");
}

#[test]
fn a_sum_is_of_whole_values_and_of_all_that_are_counted() {
    model(|| {
        let observed = observed();
        let writer = {
            let observed = Arc::clone(&observed);
            thread::spawn(move || BIG.map(|value| observed.observe_at(Some(0), 0, value)))
        };
        check(shown(&observed), &BIG);
        writer.join().expect("observes");
        assert_eq!(shown(&observed), (2, BIG.iter().map(|value| u128::from(*value)).sum()));
    });
}

#[test]
fn what_threads_beyond_the_lines_observe_is_whole_too() {
    model(|| {
        let observed = observed();
        let writers = BIG.map(|value| {
            let observed = Arc::clone(&observed);
            thread::spawn(move || observed.observe_at(None, 0, value))
        });
        check(shown(&observed), &BIG);
        writers.into_iter().for_each(|thread| thread.join().expect("observes"));
        assert_eq!(shown(&observed), (2, BIG.iter().map(|value| u128::from(*value)).sum()));
    });
}

#[test]
fn a_line_passes_on_with_what_was_written_there() {
    model(|| {
        let observed = observed();
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
