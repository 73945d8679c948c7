use crate::attribute::{Described, Instrument, attributes, describe};
use opentelemetry::metrics::{AsyncInstrument, Meter};
use plimsoll_model::{FamilyKind, Series, Snapshot, Value, catalog};
use plimsoll_record::Registry;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

/// Makes every sum and level of `registry` an observable instrument of `meter`, once and for good.
///
/// They are those of the catalog, of which one without values exports nothing, and whatever else the
/// registry holds when this is called: counters, up-down counters (a level and its limit, which add up
/// over processes) and gauges (peaks, ages). Histograms are not among them, because no instrument takes
/// counted buckets: see [`Exporter`](crate::Exporter).
///
/// # Cost
/// Nothing where it is recorded. A collection takes one snapshot for all instruments, so that they
/// stand at one instant.
pub fn observe(registry: &Registry, meter: &Meter) {
    let source = Arc::new(Source { registry: registry.clone(), taken: Mutex::default() });
    for (number, (family, described, help)) in
        families(&registry.snapshot()).into_iter().enumerate()
    {
        let of = Observed { source: Arc::clone(&source), number, family };
        make(meter, described, help, of);
    }
}

/// Returns every family that isn't a histogram: name, description, help.
fn families(snapshot: &Snapshot) -> Vec<(String, Described, String)> {
    let known = catalog::ALL.iter().flat_map(|signal| {
        let unit = signal.prometheus_unit();
        signal.families().into_iter().map(move |(name, kind, help)| (name, unit, kind, help))
    });
    let present = snapshot
        .families
        .iter()
        .map(|family| (family.name.to_string(), family.unit, family.kind, family.help.to_string()));
    let mut seen = HashSet::new();
    known
        .chain(present)
        .filter(|(name, _, kind, _)| *kind != FamilyKind::Histogram && seen.insert(name.clone()))
        .map(|(name, unit, kind, help)| {
            let described = describe(&name, unit, kind);
            (name, described, help)
        })
        .collect()
}

fn make(meter: &Meter, described: Described, help: String, of: Observed) {
    let Described { name, unit, instrument } = described;
    // The SDK keeps the callback; the handle that it gives back is only a name.
    match instrument {
        Instrument::Counter => {
            let builder = meter.u64_observable_counter(name).with_unit(unit).with_description(help);
            builder.with_callback(move |observer| of.observe(observer, count)).build();
        }
        Instrument::SecondsCounter => {
            let builder = meter.f64_observable_counter(name).with_unit(unit).with_description(help);
            builder.with_callback(move |observer| of.observe(observer, number)).build();
        }
        Instrument::UpDownCounter => {
            let builder =
                meter.f64_observable_up_down_counter(name).with_unit(unit).with_description(help);
            builder.with_callback(move |observer| of.observe(observer, number)).build();
        }
        Instrument::Gauge => {
            let builder = meter.f64_observable_gauge(name).with_unit(unit).with_description(help);
            builder.with_callback(move |observer| of.observe(observer, number)).build();
        }
        Instrument::Histogram => {}
    }
}

/// What one instrument reads.
struct Observed {
    source: Arc<Source>,
    number: usize,
    family: String,
}

impl Observed {
    fn observe<T>(&self, observer: &dyn AsyncInstrument<T>, value: fn(&Value) -> Option<T>) {
        self.source.read(self.number, &self.family, |series| {
            if let Some(value) = value(&series.value) {
                observer.observe(value, &attributes(&series.labels));
            }
        });
    }
}

fn count(value: &Value) -> Option<u64> {
    match value {
        Value::Count(count) => Some(*count),
        Value::SecondsNs(_) | Value::Gauge(_) | Value::Histogram(_) => None,
    }
}

fn number(value: &Value) -> Option<f64> {
    match value {
        Value::SecondsNs(ns) => Some(*ns as f64 / 1e9),
        Value::Gauge(value) => Some(*value),
        Value::Count(_) | Value::Histogram(_) => None,
    }
}

/// One snapshot for all the instruments of a collection.
struct Source {
    registry: Registry,
    taken: Mutex<Taken>,
}

#[derive(Default)]
struct Taken {
    series: HashMap<String, Vec<Series>>,
    /// The instruments that have read it: the next time that one of them asks, a collection begins.
    read_by: HashSet<usize>,
}

impl Source {
    fn read(&self, number: usize, family: &str, each: impl FnMut(&Series)) {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if taken.series.is_empty() || !taken.read_by.insert(number) {
            let families = self.registry.snapshot().families.into_iter();
            taken.series = families.map(|family| (family.name.into(), family.series)).collect();
            taken.read_by = HashSet::from([number]);
        }
        taken.series.get(family).into_iter().flatten().for_each(each);
    }
}
