use crate::{Reading, Reason};
use plimsoll_model::{
    Family, FamilyKind, Labels, Series, Signal, Snapshot, TimeMs, Value, catalog,
};
use plimsoll_runtime::clock::Clock;
use std::borrow::Cow;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Label sets of one family that one collector may have; the rest is dropped and counted.
const LABEL_SETS_MAX: usize = 2_000;

/// Which place on the board a collector writes to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Slot(usize);

/// What every collector said last.
pub(crate) struct Board {
    clock: Arc<dyn Clock>,
    columns: Mutex<Vec<Column>>,
}

/// One collector on the board.
#[derive(Clone, Debug)]
pub(crate) struct Column {
    pub(crate) name: Arc<str>,
    pub(crate) latest: Latest,
    /// When the latest round ended.
    pub(crate) at: Option<TimeMs>,
    pub(crate) took: Duration,
    /// Rounds that brought a reading, and those that didn't.
    pub(crate) rounds: [u64; 2],
    /// Label sets above the bound.
    pub(crate) dropped: u64,
}

/// What the latest round of a collector brought.
#[derive(Clone, Debug)]
pub(crate) enum Latest {
    Nothing,
    Reading(Arc<Reading>),
    Reason(Reason),
}

impl Board {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, columns: Mutex::default() }
    }

    /// Makes a place for a collector. A name that is taken gets a number.
    pub(crate) fn slot(&self, name: &str) -> (Slot, Arc<str>) {
        let mut columns = self.columns();
        let taken = |name: &str| columns.iter().any(|column| &*column.name == name);
        let numbered = (2..).map(|number| format!("{name}#{number}"));
        let name = std::iter::once(name.to_string()).chain(numbered).find(|name| !taken(name));
        let name: Arc<str> = name.unwrap_or_default().into();
        columns.push(Column {
            name: name.clone(),
            latest: Latest::Nothing,
            at: None,
            took: Duration::ZERO,
            rounds: [0; 2],
            dropped: 0,
        });
        (Slot(columns.len() - 1), name)
    }

    /// Replaces what a collector said before. A reason is logged when it is a new one.
    pub(crate) fn publish(&self, slot: Slot, outcome: Result<Reading, Reason>, took: Duration) {
        let now = self.clock.now();
        let mut columns = self.columns();
        let Some(column) = columns.get_mut(slot.0) else { return };
        column.at = Some(now);
        column.took = took;
        match outcome {
            Ok(reading) => {
                if matches!(column.latest, Latest::Reason(_)) {
                    tracing::info!(collector = &*column.name, "is up again");
                }
                column.rounds[0] += 1;
                column.dropped += over(&reading);
                column.latest = Latest::Reading(Arc::new(reading));
            }
            Err(reason) => {
                if !matches!(&column.latest, Latest::Reason(last) if *last == reason) {
                    tracing::warn!(collector = &*column.name, %reason, "knows nothing");
                }
                column.rounds[1] += 1;
                column.latest = Latest::Reason(reason);
            }
        }
    }

    /// Returns what every collector said last, in the order of the configuration.
    pub(crate) fn all(&self) -> Vec<Column> {
        self.columns().clone()
    }

    /// Returns the present, to tell ages by.
    pub(crate) fn now(&self) -> TimeMs {
        self.clock.now()
    }

    /// Returns something of every reading.
    pub(crate) fn of_readings<T>(&self, of: impl Fn(&Reading) -> Vec<T>) -> Vec<T> {
        let readings = self.all().into_iter().filter_map(|column| match column.latest {
            Latest::Reading(reading) => Some(reading),
            Latest::Nothing | Latest::Reason(_) => None,
        });
        readings.flat_map(|reading| of(&reading)).collect()
    }

    /// Adds every series of every collector.
    pub(crate) fn append_to(&self, snapshot: &mut Snapshot) {
        let columns = self.all();
        for column in &columns {
            if let Latest::Reading(reading) = &column.latest {
                for family in reading.families() {
                    let series = family.series.iter().take(LABEL_SETS_MAX).cloned().collect();
                    snapshot.add(Family { series, ..family.clone() });
                }
            }
        }
        about_collectors(&columns, snapshot);
    }

    fn columns(&self) -> MutexGuard<'_, Vec<Column>> {
        self.columns.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn over(reading: &Reading) -> u64 {
    reading
        .families()
        .iter()
        .map(|family| family.series.len().saturating_sub(LABEL_SETS_MAX) as u64)
        .sum()
}

/// Says of each collector whether it is up, what its rounds came to and how long the last one took.
fn about_collectors(columns: &[Column], snapshot: &mut Snapshot) {
    let mut up = family(&catalog::COLLECTOR_UP, FamilyKind::Gauge);
    let mut rounds = family(&catalog::COLLECTOR_ROUNDS, FamilyKind::Counter);
    let mut took = family(&catalog::COLLECTOR_ROUND_TIME, FamilyKind::Gauge);
    let mut dropped = family(&catalog::COLLECTOR_SERIES_DROPPED, FamilyKind::Counter);
    for column in columns {
        let labels = |more: &[(&str, &str)]| {
            let own = std::iter::once(("collector", &*column.name));
            Labels::new(own.chain(more.iter().copied())).unwrap_or_default()
        };
        let is_up = matches!(column.latest, Latest::Reading(_));
        if column.at.is_some() {
            up.series.push(series(labels(&[]), Value::Gauge(f64::from(u8::from(is_up)))));
            let took_s = Value::Gauge(column.took.as_secs_f64());
            took.series.push(series(labels(&[]), took_s));
        }
        for (result, count) in ["ok", "failed"].into_iter().zip(column.rounds) {
            rounds.series.push(series(labels(&[("result", result)]), Value::Count(count)));
        }
        dropped.series.push(series(labels(&[]), Value::Count(column.dropped)));
    }
    for family in [up, rounds, took, dropped] {
        if !family.series.is_empty() {
            snapshot.add(family);
        }
    }
}

fn series(labels: Labels, value: Value) -> Series {
    Series { labels, value }
}

fn family(signal: &'static Signal, kind: FamilyKind) -> Family {
    Family {
        name: Cow::Borrowed(signal.name),
        help: Cow::Borrowed(signal.help),
        unit: signal.prometheus_unit(),
        kind,
        series: Vec::new(),
    }
}
