//! What single decisions export, by hand.

#![allow(clippy::expect_used, reason = "a test fails by it")]

mod reading;

use plimsoll_context::{
    Clock, ConflictKey, Decision, DecisionError, DecisionPoint, DecisionSpec, Guarded, ManualClock,
    Reading, Source, Stamp, Verdict,
};
use plimsoll_record::Registry;
use reading::{histogram, value};
use std::future::{pending, ready};
use std::sync::Arc;
use std::time::Duration;

struct Service {
    registry: Registry,
    clock: Arc<ManualClock>,
    point: DecisionPoint,
    exposure: Source,
}

const CARD: ConflictKey = ConflictKey::from_hash(4_711);

impl Service {
    fn new() -> Self {
        let (registry, clock) = (Registry::new(), Arc::new(ManualClock::new()));
        let point = spec()
            .bands(&[1, 3])
            .clock(Arc::clone(&clock) as _)
            .register_in(&registry)
            .expect("registers");
        let exposure = point.source("exposure");
        Self { registry, clock, point, exposure }
    }

    /// Begins a decision that reads something as old as that.
    fn begin(&self, age: Duration) -> Decision {
        let mut decision = self.point.begin([CARD]);
        decision.read(&self.exposure, Reading::as_of(self.clock.wall() - age));
        decision
    }

    /// Decisions that ended so.
    fn ended(&self, band: &str, outcome: &str, verdict: Option<&str>) -> f64 {
        let labels = [("decision", "auth"), ("band", band), ("outcome", outcome)];
        let family = "concurrency_decisions";
        let counted = match verdict {
            None => value(&self.registry, family, labels),
            Some(verdict) => {
                let [decision, band, outcome] = labels;
                let labels = [decision, band, outcome, ("verdict", verdict)];
                value(&self.registry, family, labels)
            }
        };
        counted.expect("the series is there")
    }

    fn errors(&self, reason: &str) -> f64 {
        let labels = [("decision", "auth"), ("reason", reason)];
        value(&self.registry, "concurrency_decision_errors", labels).expect("the series is there")
    }

    fn in_flight(&self) -> f64 {
        let labels = [("decision", "auth")];
        value(&self.registry, "concurrency_decision_in_flight", labels).expect("it is there")
    }
}

fn spec() -> DecisionSpec {
    DecisionSpec::new("auth", ms(300)).stripes(64)
}

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

#[tokio::test]
async fn each_way_to_end_is_counted_once() {
    let service = Service::new();
    let store = || ready(Ok::<_, ()>("stored"));
    let committed = service.begin(ms(20)).commit(store()).await.expect("the store takes it");
    assert_eq!((committed.value, committed.report.verdict), ("stored", Verdict::Valid));
    assert_eq!(service.begin(ms(20)).commit(ready(Err::<(), _>("full"))).await, Err("full"));
    service.begin(ms(20)).abort();
    drop(service.begin(ms(20)));
    let refused = service.begin(ms(20)).commit_guarded(ready(Ok::<Option<()>, ()>(None))).await;
    assert_eq!(refused, Ok(Guarded::Refused));
    assert_eq!(service.ended("1", "committed", Some("valid")), 1.0);
    assert_eq!(service.ended("1", "aborted", None), 2.0);
    assert_eq!(service.ended("1", "cancelled", None), 1.0);
    assert_eq!(service.ended("1", "refused", None), 1.0);
    assert_eq!(service.in_flight(), 0.0);
}

#[tokio::test]
async fn a_commit_that_is_dropped_at_its_await_is_cancelled_and_in_nobodys_way() {
    let service = Service::new();
    let commit = service.begin(ms(20)).commit(pending::<Result<(), ()>>());
    let timed_out = tokio::time::timeout(ms(1), commit).await;
    assert!(timed_out.is_err());
    assert_eq!(service.ended("1", "cancelled", None), 1.0);
    let stored = service.begin(ms(20)).commit_guarded(ready(Ok::<_, ()>(Some(())))).await;
    assert!(matches!(stored, Ok(Guarded::Committed(_))), "{stored:?}");
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let _committing = service.begin(ms(20)).begin_commit();
        panic!("the store's driver has a bug");
    }));
    assert!(panicked.is_err());
    assert_eq!((service.ended("1", "cancelled", None), service.in_flight()), (2.0, 0.0));
}

#[test]
fn the_band_is_the_larger_level_of_begin_and_end() {
    let service = Service::new();
    let [first, second, third] = [0; 3].map(|_| service.begin(ms(20)));
    assert_eq!(first.begin_commit().committed().band, 3, "three at its end");
    assert_eq!(second.begin_commit().committed().band, 1, "two at its begin, two at its end");
    let fourth = service.begin(ms(20));
    assert_eq!(third.begin_commit().committed().band, 3, "three at its begin");
    assert_eq!(fourth.begin_commit().committed().band, 1);
    assert_eq!(service.ended("3", "committed", Some("valid")), 2.0);
    let labels = [("decision", "auth"), ("band", "3")];
    let staleness = histogram(&service.registry, "concurrency_decision_staleness_seconds", labels);
    assert_eq!((staleness.count(), staleness.sum), (2, 0.04));
}

#[test]
fn staleness_is_recorded_at_the_read_and_at_the_commit() {
    let service = Service::new();
    let decision = service.begin(ms(250));
    service.clock.advance(ms(100));
    let report = decision.begin_commit().committed();
    assert_eq!(report.staleness.upper, Some(ms(350)));
    let labels = [("source", "exposure"), ("band", "1")];
    let read = histogram(&service.registry, "concurrency_snapshot_staleness_seconds", labels);
    assert_eq!((read.count(), read.sum), (1, 0.25));
    let labels = [("decision", "auth"), ("band", "1")];
    let at = histogram(&service.registry, "concurrency_decision_staleness_seconds", labels);
    let within: u64 = at.buckets.iter().filter(|of| of.le <= 0.3).map(|of| of.count).sum();
    assert_eq!((at.count(), within), (1, 0), "and an edge stands at the validity window");
    assert!(at.buckets.iter().any(|bucket| bucket.le == 0.3));
}

#[test]
fn a_source_says_what_time_it_stood_for() {
    let service = Service::new();
    let as_of = || {
        let family = "concurrency_snapshot_as_of_timestamp_seconds";
        value(&service.registry, family, [("source", "exposure")])
    };
    let read = |reading| {
        let mut decision = service.point.begin([CARD]);
        decision.read(&service.exposure, reading);
        as_of()
    };
    assert_eq!(as_of(), None, "nothing was read");
    // The clocks start an hour after 1970.
    let wall = service.clock.wall();
    assert_eq!(read(Reading::as_of(wall - ms(250))), Some(3_599.75));
    assert_eq!(read(Reading::unknown()), Some(3_599.75), "and no other is known");
    service.clock.step_wall(60_000);
    let own = Stamp::Own(service.clock.own_ns() - 500_000_000);
    assert_eq!(read(Reading::as_of(own)), Some(3_659.5), "by the wall as it is now");
    let wall = service.clock.wall();
    assert_eq!(read(Reading::valid(wall - ms(9)..wall + ms(9))), Some(3_660.0), "true until now");
    assert_eq!(read(Reading::as_of(wall + ms(400))), Some(3_660.0), "what can't be isn't taken");
}

#[test]
fn an_age_below_zero_is_zero_and_counted() {
    let service = Service::new();
    let erring = spec().clock_error(ms(2)).clock(Arc::clone(&service.clock) as _);
    let registry = Registry::new();
    let point = erring.register_in(&registry).expect("registers");
    let source = point.source("exposure");
    let mut decision = point.begin([CARD]);
    decision.read(&source, Reading::as_of(service.clock.wall() + ms(1)));
    let report = decision.begin_commit().committed();
    assert_eq!((report.verdict, report.staleness.upper), (Verdict::Valid, Some(ms(2))));
    let labels = [("source", "exposure"), ("band", "1")];
    let read = histogram(&registry, "concurrency_snapshot_staleness_seconds", labels);
    assert_eq!((read.count(), read.sum), (1, 0.0));
    assert_eq!(value(&registry, "concurrency_clock_skew", []), Some(1.0));
}

#[test]
fn what_is_unknown_is_counted_and_never_zero() {
    let service = Service::new();
    let mut decision = service.begin(ms(20));
    decision.read(&service.exposure, Reading::unknown());
    let report = decision.begin_commit().committed();
    assert_eq!((report.verdict, report.staleness.upper), (Verdict::Unknown, None));
    let nothing_read = service.point.begin([CARD]).begin_commit().committed();
    assert_eq!(nothing_read.verdict, Verdict::Unknown);
    assert_eq!(service.ended("1", "committed", Some("unknown")), 2.0);
    let labels = [("decision", "auth"), ("band", "1")];
    let family = "concurrency_decision_staleness_unknown";
    assert_eq!(value(&service.registry, family, labels), Some(2.0));
    for family in ["staleness", "spread", "coherence_gap"] {
        let family = format!("concurrency_decision_{family}_seconds");
        assert_eq!(histogram(&service.registry, &family, labels).count(), 0, "{family}");
    }
}

#[test]
fn a_reading_from_the_future_or_upside_down_is_counted_and_unknown() {
    let service = Service::new();
    let now = service.clock.wall();
    let readings = [
        (Reading::as_of(now + ms(1)), "ahead"),
        (Reading::as_of(Stamp::Own(u64::MAX)), "ahead"),
        (Reading::valid(now + ms(5)..now + ms(9)), "ahead"),
        (Reading::valid(now - ms(5)..now - ms(9)), "inverted"),
    ];
    for (reading, reason) in readings {
        let before = service.errors(reason);
        let mut decision = service.begin(ms(20));
        decision.read(&service.exposure, reading);
        let report = decision.begin_commit().committed();
        assert_eq!((report.verdict, report.staleness.upper), (Verdict::Unknown, None));
        assert_eq!(service.errors(reason) - before, 1.0, "{reading:?}");
    }
    assert_eq!(value(&service.registry, "concurrency_clock_skew", []), Some(3.0));
}

#[test]
fn a_step_of_the_wall_clock_makes_unknown_what_it_had_stamped() {
    for (step_ms, verdict, errors) in
        [(4, Verdict::Valid, 0.0), (-6, Verdict::Unknown, 1.0), (60_000, Verdict::Unknown, 1.0)]
    {
        let service = Service::new();
        let decision = service.begin(ms(20));
        service.clock.step_wall(step_ms);
        let mut unaffected = service.point.begin([]);
        unaffected.read(&service.exposure, Reading::as_of(Stamp::Own(service.clock.own_ns())));
        assert_eq!(decision.begin_commit().committed().verdict, verdict, "{step_ms} ms");
        assert_eq!(service.errors("clock_step"), errors);
        assert_eq!(unaffected.begin_commit().committed().verdict, Verdict::Valid);
    }
}

#[test]
fn stripes_count_who_was_overtaken() {
    let service = Service::new();
    let [first, second, third] = [0; 3].map(|_| service.begin(ms(20)));
    let other = service.point.begin([ConflictKey::from_hash(4_712)]);
    let reports = [first, second, other, third].map(|decision| decision.begin_commit().committed());
    let conflicts = reports.map(|report| report.conflicts);
    let counts = conflicts.map(|of| (of.stale_keys, of.commits_missed, of.excess_keys));
    assert_eq!(counts, [(0, 0, 0), (1, 1, 1), (0, 0, 0), (1, 2, 1)]);
    let labels = [("decision", "auth")];
    assert_eq!(value(&service.registry, "concurrency_stale_commits", labels), Some(2.0));
    assert_eq!(value(&service.registry, "concurrency_conflict_excess", labels), Some(2.0));
}

#[tokio::test]
async fn a_commit_has_begun_before_the_store_is_asked() {
    let service = Service::new();
    // Somebody else commits while the store is at it.
    let meanwhile = || service.point.begin([CARD]).begin_commit().committed().conflicts.stale_keys;
    let told = service.begin(ms(20)).commit(async { Ok::<_, ()>(meanwhile()) }).await;
    assert_eq!(told.expect("stored").value, 1);
    let store = async { Ok::<_, ()>((meanwhile(), 8)) };
    let told = service.begin(ms(20)).commit_versioned(store).await;
    assert_eq!(told.expect("stored").value, 1);
    let guarded = || service.point.begin([CARD]).begin_commit_guarded().is_none();
    let store = async { Ok::<_, ()>(Some((guarded(), meanwhile()))) };
    let told = service.begin(ms(20)).commit_guarded(store).await;
    assert!(matches!(told, Ok(Guarded::Committed(of)) if of.value == (true, 1)), "{told:?}");
}

#[tokio::test]
async fn a_version_of_the_store_is_believed_before_the_stripe() {
    let service = Service::new();
    let decide = |read: u64, made: u64| {
        let mut decision = service.begin(ms(20));
        decision.read_version(CARD, read);
        decision.commit_versioned(ready(Ok::<_, ()>(((), made))))
    };
    let [fresh, overtaken] = [decide(7, 8), decide(7, 10)];
    let fresh = fresh.await.expect("stored").report.conflicts;
    let overtaken = overtaken.await.expect("stored").report.conflicts;
    assert_eq!((fresh.stale_keys, fresh.excess_keys), (0, 0));
    assert_eq!((overtaken.stale_keys, overtaken.commits_missed), (1, 2));
    assert_eq!(overtaken.excess_keys, 1, "both have read version 7");
    let backwards = decide(7, 7).await.expect("stored").report.conflicts;
    assert_eq!((backwards.stale_keys, backwards.unknown_keys), (0, 1));
    assert_eq!(service.errors("version_regressed"), 1.0);
    let mut decision = service.begin(ms(20));
    decision.read_version(CARD, 3);
    assert_eq!(decision.begin_commit().committed().conflicts.unknown_keys, 1);
    assert_eq!(service.errors("version_missing"), 1.0);
}

#[tokio::test]
async fn a_guarded_commit_is_refused_before_the_store_is_asked() {
    let service = Service::new();
    let [first, second] = [0; 2].map(|_| service.begin(ms(20)));
    let stored = first.commit_guarded(ready(Ok::<_, ()>(Some(())))).await;
    assert!(matches!(stored, Ok(Guarded::Committed(_))), "{stored:?}");
    let refused = second.commit_guarded(async { panic!("the store is asked") });
    assert_eq!(refused.await, Ok::<Guarded<()>, ()>(Guarded::Refused));
    let labels = [("decision", "auth")];
    assert_eq!(value(&service.registry, "concurrency_stale_commits", labels), Some(0.0));
}

#[tokio::test]
async fn a_guarded_commit_of_several_keys_takes_all_or_none() {
    let service = Service::new();
    let keys = || (0..40).map(ConflictKey::from_hash);
    let all = service.point.begin(keys());
    let one = service.point.begin([ConflictKey::from_hash(39)]);
    assert!(one.begin_commit_guarded().expect("nobody else").committed().band > 0);
    assert!(all.begin_commit_guarded().is_none(), "the last of its keys was overtaken");
    let again = service.point.begin(keys()).begin_commit_guarded().expect("none is under way");
    assert_eq!(again.committed().conflicts.stale_keys, 0);
}

#[test]
fn keys_of_one_stripe_are_one_and_those_beyond_the_bound_are_unknown() {
    let service = Service::new();
    let sharing = [1, 1 + 64, 1 + 128].map(ConflictKey::from_hash);
    let report = service.point.begin(sharing).begin_commit().committed();
    assert_eq!(report.conflicts.stale_keys, 0, "it doesn't overtake itself");
    let many = service.point.begin((0..70).map(ConflictKey::from_hash));
    assert_eq!(many.begin_commit().committed().conflicts.unknown_keys, 6);
    assert_eq!(service.errors("keys"), 6.0);
    let many = service.point.begin((0..70).map(ConflictKey::from_hash));
    assert!(many.begin_commit_guarded().is_none(), "what isn't known isn't let through");
}

#[test]
fn a_name_has_one_point() {
    let service = Service::new();
    let again = spec().register_in(&service.registry).expect("the same one");
    let [first, second] = [service.begin(ms(20)), again.begin([CARD])];
    assert_eq!(first.begin_commit().committed().conflicts.stale_keys, 0);
    assert_eq!(second.begin_commit().committed().conflicts.stale_keys, 1);
}

#[test]
fn what_cannot_be_used_is_said() {
    let registry = Registry::new();
    let error = |spec: DecisionSpec| spec.register_in(&registry).expect_err("it is refused");
    let name = || "auth".to_owned();
    let zero = DecisionSpec::new("auth", Duration::ZERO);
    assert_eq!(error(zero), DecisionError::Validity { name: name() });
    let (error_300, window) = (ms(300), ms(300));
    let refused = error(spec().clock_error(error_300));
    assert_eq!(refused, DecisionError::ClockError { name: name(), error: error_300, window });
    for stripes in [0, 3, 1 << 25] {
        let refused = error(spec().stripes(stripes));
        assert_eq!(refused, DecisionError::Stripes { name: name(), stripes });
    }
    let refused = error(spec().bands(&[2, 4])).to_string();
    assert!(refused.contains("must ascend from 1"), "{refused}");
}
