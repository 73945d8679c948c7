//! `#[concurrency_metrics]`: a service's own catalog, recorded, exported and refused.

#![allow(clippy::expect_used)] // A test that finds nothing has failed.

mod reading;

use plimsoll::Registry;
use reading::{histogram, value};

/// What only tests' own registries and no other test look at.
#[plimsoll::concurrency_metrics(prefix = "shop.till")]
mod orders {
    use std::fmt;

    /// Where a checkout comes from.
    #[derive(Clone, Debug)]
    pub(crate) struct Origin {
        pub(crate) region: &'static str,
        /// A keyword as a label.
        pub(crate) r#type: Tier,
    }

    #[derive(Clone, Copy, Debug)]
    pub(crate) enum Tier {
        Free,
        Paid,
    }

    impl AsRef<str> for Tier {
        fn as_ref(&self) -> &str {
            match self {
                Self::Free => "free",
                Self::Paid => "paid",
            }
        }
    }

    impl fmt::Display for Tier {
        fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
            out.write_str(self.as_ref())
        }
    }

    const DESKS: u64 = 2;

    /// Checkouts between the first item
    /// and the payment.
    ///
    /// This is no longer the help.
    pub(crate) static CHECKOUTS: Level<Origin> =
        level(name = "checkouts", unit = "{checkout}", limit = DESKS);

    /// Guests in the shop.
    pub(crate) static GUESTS: Level = level(name = "guests", unit = "{guest}");

    /// How long the payment provider took.
    pub(crate) static PAYMENT: Duration<Origin> =
        duration(name = "payment.time", edges = [5ms, 250ms, 2s]);

    /// How long the day is.
    pub(crate) static DAY: Duration = duration(name = "day");

    /// Orders that were turned away.
    pub(crate) static REFUSED: Counter = counter(name = "orders.refused", unit = "{order}");

    /// Bytes that were printed.
    pub(crate) static PRINTED: Counter<Origin> = counter(name = "printed", unit = "By");

    /// How full the shelves are.
    pub(crate) static FILL: Gauge = gauge(name = "shelf.fill", unit = "1");

    /// When the door was opened.
    pub(crate) static OPENED: Gauge<Origin> = gauge(name = "opened.timestamp", unit = "s");
}

use orders::{Origin, Tier};

const LABELS: [(&str, &str); 2] = [("region", "eu"), ("type", "paid")];

fn paid() -> Origin {
    Origin { region: "eu", r#type: Tier::Paid }
}

#[test]
fn a_level_of_ones_own_is_exact_by_label_set() {
    let registry = Registry::new();
    let series = orders::CHECKOUTS.of_in(&registry, &paid());
    let free = orders::CHECKOUTS.of_in(&registry, &Origin { region: "eu", r#type: Tier::Free });
    let stays = [series.enter(), series.enter(), series.enter()];
    drop(free.enter());
    let now = |family| value(&registry, family, LABELS);
    assert_eq!(now("shop_till_checkouts"), Some(3.0));
    assert_eq!(now("shop_till_checkouts_limit"), Some(2.0));
    drop(stays);
    assert_eq!(now("shop_till_checkouts"), Some(0.0));
    assert_eq!(now("shop_till_checkouts_peak"), Some(3.0));
    assert!(now("shop_till_checkouts_saturated_seconds") > Some(0.0));
    let labels = [("region", "eu"), ("type", "free")];
    assert_eq!(value(&registry, "shop_till_checkouts_peak", labels), Some(1.0));
}

#[test]
fn a_stay_that_panics_is_left() {
    let panicked = std::panic::catch_unwind(|| {
        let _guest = orders::GUESTS.enter();
        panic!("on purpose");
    });
    assert!(panicked.is_err());
    let registry = Registry::global();
    assert_eq!(value(registry, "shop_till_guests", []), Some(0.0));
    assert_eq!(value(registry, "shop_till_guests_peak", []), Some(1.0));
    assert_eq!(value(registry, "shop_till_guests_limit", []), None);
    orders::GUESTS.set_limit(Some(9));
    assert_eq!(value(registry, "shop_till_guests_limit", []), Some(9.0));
}

#[test]
fn a_duration_is_on_the_right_side_of_each_edge() {
    use std::time::Duration;
    let registry = Registry::new();
    let payment = orders::PAYMENT.of_in(&registry, &paid());
    for ms in [5, 6, 250, 251, 2_001] {
        payment.observe(Duration::from_millis(ms));
    }
    let seen = histogram(&registry, "shop_till_payment_time_seconds", LABELS);
    let at_most = |le: f64| -> u64 {
        seen.buckets.iter().filter(|bucket| bucket.le <= le).map(|bucket| bucket.count).sum()
    };
    assert!([0.005, 0.25, 2.0].iter().all(|le| seen.buckets.iter().any(|at| at.le == *le)));
    assert_eq!((at_most(0.005), at_most(0.25), at_most(2.0), seen.count()), (1, 3, 4, 5));
    drop(orders::DAY.start());
    orders::DAY.observe(Duration::from_secs(60));
    assert_eq!(histogram(Registry::global(), "shop_till_day_seconds", []).count(), 2);
}

#[test]
fn counts_of_all_threads_meet_in_one_series() {
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..500 {
                    orders::REFUSED.increment();
                    orders::PRINTED.of(&paid()).add(3);
                }
            });
        }
    });
    let registry = Registry::global();
    assert_eq!(value(registry, "shop_till_orders_refused", []), Some(2_000.0));
    assert_eq!(value(registry, "shop_till_printed_bytes", LABELS), Some(6_000.0));
}

#[test]
fn a_gauge_that_is_unknown_is_absent() {
    let fill = || value(Registry::global(), "shop_till_shelf_fill_ratio", []);
    orders::FILL.set(0.5);
    assert_eq!(fill(), Some(0.5));
    orders::FILL.set(None);
    assert_eq!(fill(), None);
    let opened = orders::OPENED.of(&paid());
    opened.set(1.5);
    let seen = value(Registry::global(), "shop_till_opened_timestamp_seconds", LABELS);
    assert_eq!(seen, Some(1.5));
    assert_eq!(paid().r#type.to_string(), "paid", "what else is in the module stays");
}

/// Hand-written from the format's specification.
#[test]
fn a_scrape_shows_help_type_and_unit() {
    let registry = Registry::new();
    drop(orders::CHECKOUTS.of_in(&registry, &paid()).enter());
    orders::REFUSED.of_in(&registry, &()).add(2);
    orders::FILL.of_in(&registry, &()).set(1.0);
    let text = plimsoll::text_of(&registry);
    for line in [
        "# HELP shop_till_checkouts Checkouts between the first item and the payment: the level now.",
        "# TYPE shop_till_checkouts gauge",
        r#"shop_till_checkouts{region="eu",type="paid"} 0"#,
        "# TYPE shop_till_checkouts_time_seconds_total counter",
        "# HELP shop_till_orders_refused_total Orders that were turned away.",
        "shop_till_orders_refused_total 2",
        "shop_till_shelf_fill_ratio 1",
    ] {
        assert!(text.lines().any(|found| found == line), "{line} isn't in\n{text}");
    }
    let mut metrics = prometheus_client::registry::Registry::default();
    metrics.register_collector(Box::new(plimsoll::collector_of(&registry)));
    let mut open = String::new();
    prometheus_client::encoding::text::encode(&mut open, &metrics).expect("a string takes all");
    for line in [
        "# UNIT shop_till_checkouts_time_seconds seconds",
        "# TYPE shop_till_orders_refused counter",
        "# UNIT shop_till_shelf_fill_ratio ratio",
        "shop_till_orders_refused_total 2",
    ] {
        assert!(open.lines().any(|found| found == line), "{line} isn't in\n{open}");
    }
}
