//! Decisions that are dropped at every await of every way to commit.

#![allow(clippy::expect_used, reason = "a test fails by it")]

mod reading;

use plimsoll_context::{ConflictKey, Decision, DecisionPoint, DecisionSpec, Reading, Stamp};
use plimsoll_record::Registry;
use reading::{histogram, value};
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

const CARD: ConflictKey = ConflictKey::from_hash(4_711);

/// How often a store's commit is pending before it answers.
const STEPS: usize = 4;

/// Answers after so many steps.
async fn store<T>(answer: T) -> T {
    let mut left = STEPS;
    poll_fn(|_| match left {
        0 => Poll::Ready(()),
        _ => {
            left -= 1;
            Poll::Pending
        }
    })
    .await;
    answer
}

type Commit = Pin<Box<dyn Future<Output = ()>>>;

fn boxed(commit: impl Future + 'static) -> Commit {
    Box::pin(async {
        commit.await;
    })
}

type Way = (fn(Decision) -> Commit, &'static str);

/// Each way to commit by a future, and the outcome that it comes to when nobody drops it.
const WAYS: [Way; 6] = [
    (|decision| boxed(decision.commit(store(Ok::<_, ()>(())))), "committed"),
    (|decision| boxed(decision.commit(store(Err::<(), _>(())))), "aborted"),
    (|decision| boxed(decision.commit_versioned(store(Ok::<_, ()>(((), 8))))), "committed"),
    (|decision| boxed(decision.commit_guarded(store(Ok::<_, ()>(Some(()))))), "committed"),
    (|decision| boxed(decision.commit_guarded(store(Ok::<Option<()>, ()>(None)))), "refused"),
    (|decision| boxed(decision.commit_guarded(store(Err::<Option<()>, _>(())))), "aborted"),
];

fn begin(point: &DecisionPoint) -> Decision {
    let source = point.source("exposure");
    let mut decision = point.begin([CARD]);
    decision.read(&source, Reading::as_of(Stamp::Own(0)));
    decision.read_version(CARD, 7);
    decision
}

/// Polls so many times and drops it; returns whether it had ended.
fn polled(mut commit: Pin<&mut impl Future>, times: usize) -> bool {
    let mut context = Context::from_waker(Waker::noop());
    (0..times).any(|_| commit.as_mut().poll(&mut context).is_ready())
}

/// Decisions that ended with an outcome, whatever the verdict.
fn ended(registry: &Registry, outcome: &str) -> f64 {
    let labels = [("decision", "auth"), ("band", "1"), ("outcome", outcome)];
    let verdicts = ["valid", "invalid", "unknown"].map(|verdict| {
        let [decision, band, outcome] = labels;
        let labels = [decision, band, outcome, ("verdict", verdict)];
        value(registry, "concurrency_decisions", labels)
    });
    let plain = value(registry, "concurrency_decisions", labels);
    verdicts.into_iter().chain([plain]).flatten().sum()
}

#[test]
fn a_commit_that_is_dropped_at_any_await_is_cancelled_once_and_in_nobodys_way() {
    for (way, (commit, outcome)) in WAYS.into_iter().enumerate() {
        for polls in 0..=STEPS + 1 {
            let registry = Registry::new();
            let spec = DecisionSpec::new("auth", Duration::from_secs(1));
            let point = spec.register_in(&registry).expect("registers");
            let has_ended = polled(pin!(commit(begin(&point))), polls);
            assert_eq!(has_ended, polls > STEPS, "way {way} after {polls} polls");
            for of in ["committed", "refused", "aborted", "cancelled"] {
                let expected = if has_ended { outcome } else { "cancelled" };
                let count = f64::from(u8::from(of == expected));
                assert_eq!(ended(&registry, of), count, "{of}, way {way} after {polls} polls");
            }
            let labels = [("decision", "auth")];
            let in_flight = value(&registry, "concurrency_decision_in_flight", labels);
            assert_eq!((in_flight, point.in_flight()), (Some(0.0), 0));
            let labels = [("decision", "auth"), ("band", "1")];
            let lengths = histogram(&registry, "concurrency_decision_staleness_seconds", labels);
            assert_eq!(lengths.count(), u64::from(has_ended && outcome == "committed"));
            let next = point.begin([CARD]).begin_commit_guarded();
            assert!(next.is_some(), "no commit is under way any more: way {way}, {polls} polls");
        }
    }
}
