//! What a registry makes, refuses and shows.

use crate::seen::Seen;
use plimsoll_model::{Kind, Labels, Signal, catalog};
use plimsoll_record::{ActivitySpec, HistogramSpec, Outcome, RegisterError, Registry, Split};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

fn labels<const N: usize>(pairs: [(&str, &str); N]) -> Labels {
    Labels::new(pairs).expect("valid labels")
}

fn operation(name: &str) -> ActivitySpec {
    ActivitySpec::new(&catalog::IN_FLIGHT, labels([("operation", name)]))
        .duration(&catalog::OPERATION_DURATION, Split::OUTCOME)
        .outcomes(&catalog::OPERATIONS)
}

#[test]
fn an_operation_is_seen_in_every_family() {
    let registry = Registry::new();
    let auth = registry.activity(operation("auth").limit(2)).expect("registers");
    let mut held: Vec<_> = (0..4).map(|_| auth.enter()).collect();
    auth.leave(held.remove(3), Outcome::Error);
    auth.leave(held.remove(0), Outcome::Ok);
    let seen = Seen::of(&registry);
    let of = r#"{operation="auth"}"#;
    assert_eq!(seen.value("concurrency_in_flight", of), 2.0);
    assert_eq!(seen.value("concurrency_in_flight_limit", of), 2.0);
    assert_eq!(seen.value("concurrency_in_flight_peak", of), 4.0);
    assert!(seen.value("concurrency_in_flight_saturated_seconds", of) > 0.0);
    assert!(seen.value("concurrency_in_flight_oldest_age_seconds", of) > 0.0);
    let ended = r#"{band="4",operation="auth",outcome="error"}"#;
    assert_eq!(seen.value("concurrency_operations", ended), 1.0);
    let ended = r#"{band="1",operation="auth",outcome="ok"}"#;
    assert_eq!(seen.value("concurrency_operations", ended), 1.0);
    assert_eq!(seen.sum_of("concurrency_operations"), 2.0);
    let failed = r#"{operation="auth",outcome="error"}"#;
    assert_eq!(seen.value("concurrency_operation_duration_seconds", failed), 1.0);
    let residual =
        seen.value("concurrency_little_residual_seconds", r#"{level="concurrency_in_flight"}"#);
    assert_eq!(residual, 0.0);
}

#[test]
fn a_receipt_that_is_left_twice_changes_nothing_but_the_residual() {
    let registry = Registry::new();
    let auth = registry.activity(operation("twice")).expect("registers");
    let (first, second) = (auth.enter(), auth.enter());
    auth.leave(first, Outcome::Ok);
    auth.leave(first, Outcome::Ok);
    let seen = Seen::of(&registry);
    assert_eq!(seen.value("concurrency_in_flight", r#"{operation="twice"}"#), 1.0);
    assert_eq!(seen.sum_of("concurrency_operations"), 1.0);
    let residual =
        seen.value("concurrency_little_residual_seconds", r#"{level="concurrency_in_flight"}"#);
    assert!(residual < 0.0, "{residual}");
    auth.leave(second, Outcome::Ok);
    assert_eq!(Seen::of(&registry).value("concurrency_in_flight", r#"{operation="twice"}"#), 0.0);
}

#[test]
fn the_same_labels_give_the_same_instrument() {
    let registry = Registry::new();
    let first = registry.activity(operation("same")).expect("registers");
    assert_eq!(registry.activity(operation("same").limit(9)), Ok(first));
    assert_ne!(registry.activity(operation("other")), Ok(first));
    let other = Registry::new();
    assert_ne!(other.activity(operation("same")), Ok(first), "registries share nothing");
}

#[test]
fn what_cannot_be_registered_says_why() {
    let registry = Registry::new();
    let none = Labels::default;
    let refused = registry.counter(&catalog::IN_FLIGHT, none()).expect_err("a level is no counter");
    assert_eq!(
        refused.to_string(),
        "concurrency_in_flight is a Level: ask the registry for that kind of instrument"
    );
    let banded = operation("bands").bands(&[4, 16]);
    assert_eq!(
        registry.activity(banded),
        Err(RegisterError::Bands { name: "concurrency_in_flight" })
    );
    registry.activity(operation("taken")).expect("registers");
    let of_ok = labels([("operation", "taken"), ("outcome", "ok")]);
    let taken = HistogramSpec::new(&catalog::OPERATION_DURATION, of_ok.clone());
    assert_eq!(
        registry.histogram(taken).map(drop),
        Err(RegisterError::Taken { name: "concurrency_operation_duration_seconds", labels: of_ok })
    );
}

#[test]
fn two_signals_cannot_export_one_name() {
    static LEVEL: Signal = Signal {
        otel_name: "shop.x",
        unit: "{order}",
        name: "shop_x",
        kind: Kind::Level,
        labels: &[],
        help: "Orders.",
    };
    static PEAK: Signal = Signal {
        otel_name: "shop.x.peak",
        unit: "{order}",
        name: "shop_x_peak",
        kind: Kind::Gauge,
        labels: &[],
        help: "Orders at most.",
    };
    let registry = Registry::new();
    registry.activity(ActivitySpec::new(&LEVEL, Labels::default())).expect("registers");
    let refused = registry.gauge(&PEAK, Labels::default()).map(drop);
    let family = "shop_x_peak".to_owned();
    assert_eq!(refused, Err(RegisterError::Clash { name: "shop_x_peak", family }));
    assert_eq!(Seen::of(&registry).series("shop_x_peak"), 1, "the level's own");
    registry.activity(ActivitySpec::new(&LEVEL, Labels::default())).expect("it is the same");
}

#[test]
fn label_sets_beyond_the_bound_share_one() {
    let registry = Registry::with_label_sets_max(3);
    for route in 0..10 {
        let operation = registry.activity(operation(&route.to_string())).expect("registers");
        operation.guard().end(Outcome::Ok);
        registry
            .counter(
                &catalog::BACKPRESSURE,
                labels([("source", &route.to_string()), ("reason", "full")]),
            )
            .expect("registers")
            .increment();
    }
    let seen = Seen::of(&registry);
    assert_eq!(seen.series("concurrency_in_flight"), 4);
    let over = r#"{band="1",operation="overflow",outcome="ok"}"#;
    assert_eq!(seen.value("concurrency_operations", over), 7.0);
    let over = r#"{reason="overflow",source="overflow"}"#;
    assert_eq!(seen.value("concurrency_backpressure", over), 7.0);
    assert_eq!(seen.sum_of("concurrency_operations"), 10.0);
    for family in ["concurrency_in_flight", "concurrency_backpressure"] {
        let of = format!("{{family=\"{family}\"}}");
        assert_eq!(seen.value("concurrency_label_sets_dropped", &of), 7.0);
    }
}

#[test]
fn an_observation_names_the_band_at_which_it_was_made() {
    let registry = Registry::new();
    let load = registry.activity(operation("load")).expect("registers");
    let spec = HistogramSpec::new(&catalog::SNAPSHOT_STALENESS, labels([("source", "prices")]));
    let staleness = registry.histogram(spec.split(Split::Band(load))).expect("registers");
    staleness.observe(7_000_000);
    let entered = load.enter_n(16);
    staleness.observe(8_000_000);
    load.leave(entered, Outcome::Ok);
    staleness.observe(9_000_000);
    let seen = Seen::of(&registry);
    let of = |band: &str| format!("{{band=\"{band}\",source=\"prices\"}}");
    assert_eq!(seen.value("concurrency_snapshot_staleness_seconds", &of("1")), 2.0);
    assert_eq!(seen.value("concurrency_snapshot_staleness_seconds", &of("16")), 1.0);
}

#[test]
fn what_is_read_elsewhere_is_read_before_each_snapshot_until_it_is_gone() {
    let registry = Registry::new();
    let workers =
        registry.gauge(&catalog::RUNTIME_WORKERS, labels([("runtime", "a")])).expect("registers");
    let reads = Arc::new(AtomicU64::new(0));
    let probe = Arc::downgrade(&reads);
    registry.on_snapshot(move || match probe.upgrade() {
        Some(reads) => {
            workers.set(1.0 + reads.fetch_add(1, Ordering::Relaxed) as f64);
            ControlFlow::Continue(())
        }
        None => {
            workers.unset();
            ControlFlow::Break(())
        }
    });
    let of = r#"{runtime="a"}"#;
    assert_eq!(Seen::of(&registry).value("concurrency_runtime_workers", of), 1.0);
    assert_eq!(Seen::of(&registry).value("concurrency_runtime_workers", of), 2.0);
    drop(reads);
    assert_eq!(Seen::of(&registry).series("concurrency_runtime_workers"), 0);
}

#[test]
fn a_part_is_shown_with_the_whole_and_goes_with_its_last_handle() {
    let whole = Registry::new();
    let stays = whole.activity(operation("stays")).expect("registers");
    let _in = stays.enter();
    let (old, new) = (whole.part(), whole.part());
    let of_old = old.activity(operation("moves").limit(3)).expect("registers");
    let of_new = new.activity(operation("moves").limit(5)).expect("the parts don't meet");
    let (_one, _two, _other) = (of_old.enter(), of_old.enter(), of_new.enter());
    let only_old = old.activity(operation("only_old")).expect("registers");
    let _entered = only_old.enter_n(7);
    let level = |seen: &Seen, name: &str| {
        seen.find("concurrency_in_flight", &format!("{{operation=\"{name}\"}}"))
    };
    let limit = |seen: &Seen| seen.find("concurrency_in_flight_limit", r#"{operation="moves"}"#);
    let seen = Seen::of(&whole);
    assert_eq!(level(&seen, "stays"), Some(1.0));
    assert_eq!(level(&seen, "only_old"), Some(7.0));
    assert_eq!((level(&seen, "moves"), limit(&seen)), (Some(1.0), Some(5.0)), "of the newer one");
    let residual = r#"{level="concurrency_in_flight"}"#;
    assert!(seen.find("concurrency_little_residual_seconds", residual).is_some());
    drop(new);
    let seen = Seen::of(&whole);
    assert_eq!((level(&seen, "moves"), limit(&seen)), (Some(2.0), Some(3.0)), "it was below");
    drop(old);
    let seen = Seen::of(&whole);
    assert_eq!((level(&seen, "moves"), level(&seen, "only_old")), (None, None));
    assert_eq!(level(&seen, "stays"), Some(1.0));
}

#[test]
fn edges_of_a_registry_that_is_gone_are_dropped() {
    let registry = Registry::new();
    let auth = registry.activity(operation("gone")).expect("registers");
    let entered = auth.enter();
    drop(registry);
    auth.leave(entered, Outcome::Ok);
    Registry::new().merge();
}

#[test]
fn what_is_refused_is_counted_by_family() {
    let registry = Registry::new();
    let of = labels([("operation", "refused"), ("outcome", "ok")]);
    let spec = HistogramSpec::new(&catalog::OPERATION_DURATION, of.clone());
    registry.histogram(spec.clone()).expect("free");
    let level = ActivitySpec::new(&catalog::IN_FLIGHT, labels([("operation", "refused")]))
        .duration(&catalog::OPERATION_DURATION, Split::OUTCOME);
    for _ in 0..2 {
        registry.activity(level.clone()).map(drop).expect_err("its histogram is taken");
    }
    registry.counter(&catalog::IN_FLIGHT, of).map(drop).expect_err("it is a level");
    registry.activity(level.bands(&[7])).map(drop).expect_err("bands begin at 1");
    let seen = Seen::of(&registry);
    let refused = r#"{family="concurrency_in_flight"}"#;
    assert_eq!(seen.value("concurrency_label_sets_dropped", refused), 4.0);
}

#[test]
fn an_entry_whose_guard_is_forgotten_ages() {
    let registry = Registry::new();
    let spec = ActivitySpec::new(&catalog::IN_FLIGHT, labels([("operation", "forgotten")]));
    let work = registry.activity(spec).expect("registers");
    let age = |seen: &Seen| {
        seen.value("concurrency_in_flight_oldest_age_seconds", r#"{operation="forgotten"}"#)
    };
    std::mem::forget(work.guard());
    let first = age(&Seen::of(&registry));
    work.guard().end(Outcome::Ok);
    let seen = Seen::of(&registry);
    assert!(age(&seen) > first, "others that come and go don't hide it");
    assert_eq!(seen.value("concurrency_in_flight", r#"{operation="forgotten"}"#), 1.0);
}
