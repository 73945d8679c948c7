//! How many are in flight, for the probers that sort their markers by it.

use crate::source::InFlight;
use plimsoll_model::{TimeMs, catalog};
use plimsoll_store::{LevelView, Store};
use std::sync::Arc;
use std::time::Duration;

/// A level that is older says nothing about the marker that is written now.
const GOOD_FOR_MIN: Duration = Duration::from_secs(2);

/// Tells each prober how many are in flight now.
pub(super) fn tell(probers: &[Arc<InFlight>], store: &Store, now: TimeMs, slice: Duration) {
    if probers.is_empty() {
        return;
    }
    let levels = store.levels();
    let good_for = GOOD_FOR_MIN.max(2 * slice);
    for prober in probers {
        prober.tell(sum(&levels, prober.operation(), now, good_for));
    }
}

/// Returns how many of an operation are in flight over all targets that have it. Nothing is known if none
/// has it, or if one was scraped too long ago: what it holds may be most of them.
fn sum(levels: &[LevelView], operation: &str, now: TimeMs, good_for: Duration) -> Option<u64> {
    let of_operation = levels.iter().filter(|level| {
        level.name == catalog::IN_FLIGHT.name && level.labels.get("operation") == Some(operation)
    });
    let mut all = of_operation.map(|level| {
        let level_now = level.now.filter(|_| now.since(level.at) <= good_for)?;
        Some(level_now.max(0.0).round() as u64)
    });
    let first = all.next()??;
    all.try_fold(first, |sum, next| Some(sum.saturating_add(next?)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use plimsoll_model::Labels;
    use plimsoll_store::TargetIndex;

    fn level(operation: &str, now: Option<f64>, at_ms: i64) -> LevelView {
        LevelView {
            target: TargetIndex(0),
            name: catalog::IN_FLIGHT.name,
            labels: Labels::new([("operation", operation)]).expect("valid"),
            now,
            limit: None,
            peak: None,
            mean: None,
            saturated_ratio: None,
            oldest_age_seconds: None,
            at: TimeMs(at_ms),
        }
    }

    fn known(levels: &[LevelView]) -> Option<u64> {
        sum(levels, "authorize", TimeMs(10_000), Duration::from_secs(2))
    }

    #[test]
    fn it_is_the_sum_over_targets_and_unknown_when_one_is() {
        let [one, other] = [level("authorize", Some(3.0), 9_500), level("pay", Some(9.0), 9_500)];
        assert_eq!(known(&[]), None, "nobody tells");
        assert_eq!(known(std::slice::from_ref(&other)), None, "nobody tells of this one");
        assert_eq!(known(&[one.clone(), other, level("authorize", Some(4.0), 8_000)]), Some(7));
        assert_eq!(known(&[one.clone(), level("authorize", Some(4.0), 7_999)]), None, "too old");
        assert_eq!(known(&[one, level("authorize", None, 9_500)]), None, "a level that is NaN");
        assert_eq!(known(&[level("authorize", Some(0.0), 9_500)]), Some(0), "idle is known");
    }
}
