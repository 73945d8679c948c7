use opentelemetry::KeyValue;
use plimsoll_model::{FamilyKind, Labels, LevelPart, catalog};
use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::LazyLock;

/// What a family is in OpenTelemetry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Described {
    pub(crate) name: Cow<'static, str>,
    pub(crate) unit: Cow<'static, str>,
    pub(crate) instrument: Instrument,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Instrument {
    /// A monotonic sum of events.
    Counter,
    /// A monotonic sum of seconds.
    SecondsCounter,
    /// A sum that falls as well: adding it up over processes makes sense.
    UpDownCounter,
    /// Anything else that is sampled: a peak, an age, a ratio.
    Gauge,
    /// A distribution.
    Histogram,
}

/// Describes a family by its Prometheus name; one that isn't in the catalog keeps that name.
pub(crate) fn describe(family: &str, unit: Option<&str>, kind: FamilyKind) -> Described {
    let known = catalog::otel_name_and_unit(family);
    let seconds = known.map_or(unit == Some("seconds"), |(_, unit)| unit == "s");
    let instrument = match kind {
        FamilyKind::Counter if seconds => Instrument::SecondsCounter,
        FamilyKind::Counter => Instrument::Counter,
        FamilyKind::Gauge if LEVELS.contains(family) => Instrument::UpDownCounter,
        FamilyKind::Gauge => Instrument::Gauge,
        FamilyKind::Histogram => Instrument::Histogram,
    };
    if let Some((name, unit)) = known {
        return Described { name: name.into(), unit: unit.into(), instrument };
    }
    // Prometheus appends the unit again, so that the family has the same name on every way there.
    let stem = unit.and_then(|unit| family.strip_suffix(unit)?.strip_suffix('_'));
    let unit = if stem.is_some() && seconds { "s" } else { "" };
    let name = if unit.is_empty() { family } else { stem.unwrap_or(family) };
    Described { name: name.to_owned().into(), unit: unit.into(), instrument }
}

/// The families that add up over processes: levels and their limits.
static LEVELS: LazyLock<HashSet<String>> = LazyLock::new(|| {
    let levels = catalog::ALL.iter().filter(|signal| signal.kind == plimsoll_model::Kind::Level);
    let parts = [LevelPart::Now, LevelPart::Limit];
    levels.flat_map(|signal| parts.map(|part| part.family_name(signal))).collect()
});

/// Returns labels as attributes.
pub(crate) fn attributes(labels: &Labels) -> Vec<KeyValue> {
    labels.iter().map(|(name, value)| KeyValue::new(name.to_owned(), value.to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_catalogs_names_are_opentelemetrys() {
        let found = describe("concurrency_in_flight", None, FamilyKind::Gauge);
        assert_eq!((&*found.name, &*found.unit), ("concurrency.in_flight", "{request}"));
        assert_eq!(found.instrument, Instrument::UpDownCounter);
        let family = "concurrency_queue_depth_time_seconds";
        let found = describe(family, Some("seconds"), FamilyKind::Counter);
        assert_eq!((&*found.name, &*found.unit), ("concurrency.queue.depth.time", "s"));
        assert_eq!(found.instrument, Instrument::SecondsCounter);
        let found = describe("concurrency_in_flight_peak", None, FamilyKind::Gauge);
        assert_eq!(found.instrument, Instrument::Gauge);
    }

    #[test]
    fn another_family_comes_to_the_same_prometheus_name() {
        let found = describe("checkout_wait_seconds", Some("seconds"), FamilyKind::Histogram);
        assert_eq!((&*found.name, &*found.unit), ("checkout_wait", "s"));
        let found = describe("checkout_baskets", None, FamilyKind::Counter);
        assert_eq!((&*found.name, &*found.unit), ("checkout_baskets", ""));
    }
}
