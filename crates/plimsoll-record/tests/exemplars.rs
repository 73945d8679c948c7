//! In which trace the slowest stay, the slowest value and the peak were. A process of its own, since the source of traces is the
//! process's and every merge takes what was offered.

#![allow(clippy::expect_used)] // a test stops at the first thing that is not as it must be

use plimsoll_model::{Details, Exemplar, Labels, TraceContext, catalog};
use plimsoll_record::{ActivitySpec, HistogramSpec, Outcome, Registry, Split, exemplar};
use std::cell::Cell;
use std::time::Duration;

thread_local! {
    static TRACE: Cell<Option<u8>> = const { Cell::new(None) };
}

fn of(first: u8) -> TraceContext {
    TraceContext { trace_id: [first; 16], span_id: [first; 8] }
}

fn traced(first: u8) {
    TRACE.set(Some(first));
}

fn exemplars(details: &Details, family: &str, labels: &Labels) -> Vec<Exemplar> {
    details.get(family, labels).map(|detail| detail.exemplars.clone()).unwrap_or_default()
}

#[test]
fn the_slowest_and_the_peak_know_their_trace() {
    exemplar::trace_by(|| TRACE.get().map(of));
    let registry = Registry::new();
    let labels = Labels::new([("operation", "exemplars")]).expect("valid");
    let spec = ActivitySpec::new(&catalog::IN_FLIGHT, labels.clone())
        .duration(&catalog::OPERATION_DURATION, Split::OUTCOME);
    let activity = registry.activity(spec).expect("registered");
    let of_lock = Labels::new([("lock", "exemplars")]).expect("valid");
    let spec = HistogramSpec::new(&catalog::LOCK_WAIT, of_lock.clone());
    let waits = registry.histogram(spec).expect("registered");
    drop(registry.snapshot_detailed());

    // The peak, 2, is reached while the traced one is in it; the other has no trace.
    let slow = activity.guard();
    let other = activity.guard();
    TRACE.set(None);
    std::thread::sleep(Duration::from_millis(3));
    other.end(Outcome::Error);
    traced(7);
    std::thread::sleep(Duration::from_millis(3));
    slow.end(Outcome::Ok);
    traced(8);
    [40_000, 7_000_000, 6_000_000].into_iter().for_each(|wait_ns| waits.observe(wait_ns));

    let (_, details) = registry.snapshot_detailed();
    let ok = labels.with("outcome", "ok").expect("valid");
    let found = exemplars(&details, catalog::OPERATION_DURATION.name, &ok);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].trace, of(7));
    assert!((0.006..60.0).contains(&found[0].value), "{found:?}");
    let error = labels.with("outcome", "error").expect("valid");
    assert_eq!(exemplars(&details, catalog::OPERATION_DURATION.name, &error), []);

    let peak = exemplars(&details, "concurrency_in_flight_time_weighted", &labels);
    assert_eq!(peak.len(), 1);
    assert_eq!((peak[0].value, peak[0].trace), (2.0, of(7)));
    assert!(peak[0].unix_ns < found[0].unix_ns, "it peaked before the stay was over");

    // 6 ms came after a longer one, so that nobody asked for its trace.
    let found = exemplars(&details, catalog::LOCK_WAIT.name, &of_lock);
    let shown: Vec<_> = found.iter().map(|one| (one.value, one.trace)).collect();
    assert_eq!(shown, [(0.000_04, of(8)), (0.007, of(8))]);
}
