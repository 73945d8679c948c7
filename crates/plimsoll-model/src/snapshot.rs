use crate::Labels;
use std::borrow::Cow;
use std::collections::HashSet;

/// Every instrument of a registry at one instant, in the shape that every format is written from.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// The families, in order of registration; no name twice.
    pub families: Vec<Family>,
}

impl Snapshot {
    /// Adds a family. One that is there already takes the series whose labels it hasn't, so that no name
    /// and no label set stands twice; series of another kind than its own are left out. Returns how many
    /// series were left out.
    pub fn add(&mut self, family: Family) -> usize {
        let Some(there) = self.families.iter_mut().find(|there| there.name == family.name) else {
            self.families.push(family);
            return 0;
        };
        let given = family.series.len();
        if there.kind != family.kind {
            return given;
        }
        let known: HashSet<Labels> =
            there.series.iter().map(|series| series.labels.clone()).collect();
        let before = there.series.len();
        let new = family.series.into_iter().filter(|series| !known.contains(&series.labels));
        there.series.extend(new);
        given - (there.series.len() - before)
    }
}

/// All series of one name.
#[derive(Clone, Debug)]
pub struct Family {
    /// The family's Prometheus name: base units, no `_total`, no `_bucket`.
    pub name: Cow<'static, str>,
    /// One sentence for a person.
    pub help: Cow<'static, str>,
    /// The Prometheus unit that the name ends in (`seconds`), if it has one.
    pub unit: Option<&'static str>,
    /// What its values are.
    pub kind: FamilyKind,
    /// Its series; no label set twice.
    pub series: Vec<Series>,
}

/// What the values of a family are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FamilyKind {
    /// Only grows, until the process ends.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Buckets, count and sum.
    Histogram,
}

/// One series of a family.
#[derive(Clone, Debug)]
pub struct Series {
    /// Its labels.
    pub labels: Labels,
    /// Its value, of its family's kind.
    pub value: Value,
}

/// A series' value.
#[derive(Clone, Debug)]
pub enum Value {
    /// A counter of events.
    Count(u64),
    /// A counter of seconds, held in nanoseconds so that nothing drifts.
    SecondsNs(u128),
    /// A gauge.
    Gauge(f64),
    /// A histogram.
    Histogram(HistogramValue),
}

impl Value {
    /// Returns the kind of the families whose series have such values.
    pub fn family_kind(&self) -> FamilyKind {
        match self {
            Self::Count(_) | Self::SecondsNs(_) => FamilyKind::Counter,
            Self::Gauge(_) => FamilyKind::Gauge,
            Self::Histogram(_) => FamilyKind::Histogram,
        }
    }
}

/// A histogram's value. Its count is the sum of its buckets, so that no scrape can tear it.
#[derive(Clone, Debug, Default)]
pub struct HistogramValue {
    /// Buckets by upper bound, ascending; what lies above the last is in `above`.
    pub buckets: Vec<Bucket>,
    /// Observations above the last bucket's bound.
    pub above: u64,
    /// The sum of what was observed, in the family's unit.
    pub sum: f64,
}

/// One bucket of a histogram.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bucket {
    /// Its upper bound in the family's unit; a value on it is inside.
    pub le: f64,
    /// Observations in this bucket alone: not cumulative.
    pub count: u64,
}

impl HistogramValue {
    /// Returns how many observations there are: the sum of the buckets.
    pub fn count(&self) -> u64 {
        self.buckets.iter().map(|bucket| bucket.count).sum::<u64>() + self.above
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn family(kind: FamilyKind, labels: &[&str]) -> Family {
        let series = labels.iter().map(|value| Series {
            labels: Labels::new([("of", *value)]).unwrap(),
            value: Value::Gauge(1.0),
        });
        Family { name: "x".into(), help: "".into(), unit: None, kind, series: series.collect() }
    }

    #[test]
    fn a_name_and_a_label_set_stand_once() {
        let mut snapshot = Snapshot::default();
        assert_eq!(snapshot.add(family(FamilyKind::Gauge, &["a", "b"])), 0);
        assert_eq!(snapshot.add(family(FamilyKind::Gauge, &["b", "c"])), 1);
        assert_eq!(snapshot.add(family(FamilyKind::Counter, &["d"])), 1);
        let [family] = snapshot.families.as_slice() else { panic!("{snapshot:?}") };
        let of = family.series.iter().filter_map(|series| series.labels.get("of"));
        assert_eq!(of.collect::<Vec<_>>(), ["a", "b", "c"]);
    }
}
