//! What is offered as an exemplar.

use super::model;
use crate::exemplar::Offers;
use crate::sync::Arc;
use loom::thread;

/// A value and its trace.
type Offer = (u64, u64);

fn consider(offers: &Offers<Offer>, value: u64) {
    offers.consider(0, value, || Some((value, 10 * value)));
}

#[test]
fn offers_are_whole_taken_once_and_never_end() {
    model(|| {
        let offers = Arc::new(Offers::new());
        offers.open();
        let offering = [5, 7].map(|value| {
            let offers = Arc::clone(&offers);
            thread::spawn(move || consider(&offers, value))
        });
        let mut taken = offers.take();
        offering.into_iter().for_each(|thread| thread.join().expect("offers"));
        taken.extend(offers.take());
        taken.sort_unstable();
        assert!([&[][..], &[(5, 50)], &[(7, 70)], &[(5, 50), (7, 70)]].contains(&&taken[..]));
        // What was longest before the last taking hides nothing that comes after it.
        consider(&offers, 1);
        assert_eq!(offers.take(), [(1, 10)]);
    });
}

#[test]
fn the_longest_is_offered_unless_the_list_is_in_use() {
    model(|| {
        let offers = Arc::new(Offers::new());
        offers.open();
        let other = {
            let offers = Arc::clone(&offers);
            thread::spawn(move || [3, 9, 4].map(|value| consider(&offers, value)))
        };
        other.join().expect("offers");
        assert_eq!(offers.take(), [(3, 30), (9, 90)], "4 isn't the longest");
    });
}
