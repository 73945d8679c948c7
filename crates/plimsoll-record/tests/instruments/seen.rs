//! A snapshot as a reader of the exposition would see it.

use plimsoll_model::{Snapshot, Value};
use plimsoll_record::Registry;

/// One snapshot.
pub(crate) struct Seen(pub(crate) Snapshot);

impl Seen {
    /// Takes a snapshot.
    pub(crate) fn of(registry: &Registry) -> Self {
        Self(registry.snapshot())
    }

    /// Returns a series' value; of a histogram its count, of a counter of seconds the seconds.
    pub(crate) fn value(&self, family: &str, labels: &str) -> f64 {
        self.find(family, labels).unwrap_or_else(|| panic!("{family}{labels} is absent"))
    }

    /// Returns a series' value, if it is there.
    pub(crate) fn find(&self, family: &str, labels: &str) -> Option<f64> {
        self.values(family).find(|(of, _)| of == labels).map(|(_, value)| value)
    }

    /// Returns how many series a family has.
    pub(crate) fn series(&self, family: &str) -> usize {
        self.values(family).count()
    }

    /// Returns the sum of a family's values.
    pub(crate) fn sum_of(&self, family: &str) -> f64 {
        self.values(family).map(|(_, value)| value).sum()
    }

    fn values(&self, name: &str) -> impl Iterator<Item = (String, f64)> {
        let families = self.0.families.iter().filter(move |family| family.name == name);
        families.flat_map(|family| &family.series).map(|series| {
            let value = match &series.value {
                Value::Count(count) => *count as f64,
                Value::SecondsNs(ns) => *ns as f64 * 1e-9,
                Value::Gauge(value) => *value,
                Value::Histogram(histogram) => histogram.count() as f64,
            };
            (series.labels.to_string(), value)
        })
    }
}
