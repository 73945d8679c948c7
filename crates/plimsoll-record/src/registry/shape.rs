//! The shapes that families and values have in a snapshot.

use plimsoll_model::{Family, FamilyKind, Kind, Signal, Value};

/// Begins the family of a signal that is no level.
pub(super) fn bare(signal: &'static Signal) -> Family {
    Family {
        name: signal.name.into(),
        help: signal.help.into(),
        unit: signal.prometheus_unit(),
        kind: match signal.kind {
            Kind::Counter => FamilyKind::Counter,
            Kind::Histogram => FamilyKind::Histogram,
            Kind::Gauge | Kind::Level => FamilyKind::Gauge,
        },
        series: Vec::new(),
    }
}

/// Returns the value of a counter: of a signal in seconds, nanoseconds were added up.
pub(super) fn count(signal: &Signal, sum: u64) -> Value {
    if signal.unit == "s" { Value::SecondsNs(u128::from(sum)) } else { Value::Count(sum) }
}

/// Returns nanoseconds as seconds.
pub(super) fn seconds(ns: u64) -> Value {
    Value::Gauge(ns as f64 / 1e9)
}
