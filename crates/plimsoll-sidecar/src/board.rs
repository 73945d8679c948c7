use crate::reading::labelled;
use crate::{Reading, Reason};
use plimsoll_model::{Snapshot, TimeMs, catalog};
use plimsoll_runtime::clock::Clock;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Label sets of one family that one collector may have; the rest is dropped and counted.
const LABEL_SETS_MAX: usize = 2_000;

/// Which place on the board a collector writes to; no two collectors of a process ever have the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Slot(pub(crate) u64);

/// A collector that is to be on the board.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) slot: Slot,
    pub(crate) name: Arc<str>,
    /// Whether each series without a label `server` gets the name as one.
    pub(crate) names_series: bool,
}

/// What every collector said last.
pub(crate) struct Board {
    clock: Arc<dyn Clock>,
    columns: Mutex<Vec<Column>>,
}

/// One collector on the board.
#[derive(Clone, Debug)]
pub(crate) struct Column {
    slot: Slot,
    pub(crate) name: Arc<str>,
    pub(crate) latest: Latest,
    /// When the latest round ended.
    pub(crate) at: Option<TimeMs>,
    pub(crate) took: Duration,
    /// Rounds that brought a reading, and those that didn't.
    pub(crate) rounds: [u64; 2],
    /// Label sets above the bound.
    pub(crate) dropped: u64,
    /// Whether the series have to be told from those of others of its kind.
    names_series: bool,
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

    /// Has these collectors from now on, in this order. What those that stay have said stays; of the
    /// others nothing is left.
    pub(crate) fn arrange(&self, places: Vec<Place>) {
        let mut columns = self.columns();
        let mut before = std::mem::take(&mut *columns);
        columns.extend(places.into_iter().map(|place| {
            let there = before.iter().position(|column| column.slot == place.slot);
            let stays = there.map(|there| before.swap_remove(there));
            let names_series = place.names_series;
            stays.map_or_else(|| Column::new(place), |column| Column { names_series, ..column })
        }));
    }

    /// Replaces what a collector said before. A reason is logged when it is a new one.
    pub(crate) fn publish(&self, slot: Slot, outcome: Result<Reading, Reason>, took: Duration) {
        let now = self.clock.now();
        let mut columns = self.columns();
        // It may have been taken off while it looked.
        let Some(column) = columns.iter_mut().find(|column| column.slot == slot) else { return };
        column.at = Some(now);
        column.took = took;
        match outcome {
            Ok(mut reading) => {
                if matches!(column.latest, Latest::Reason(_)) {
                    tracing::info!(collector = &*column.name, "is up again");
                }
                column.rounds[0] += 1;
                let dropped = reading.keep(LABEL_SETS_MAX);
                if column.names_series {
                    reading.name_server(&column.name);
                }
                if dropped > 0 {
                    column.dropped += dropped as u64;
                    reading.note(format_args!(
                        "{dropped} series are left out: {LABEL_SETS_MAX} of a name are kept"
                    ));
                }
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

    /// Adds every series of every collector, and what is to be said of each collector.
    pub(crate) fn append_to(&self, snapshot: &mut Snapshot) {
        let columns = self.all();
        let hidden: Vec<usize> = columns.iter().map(|column| column.add_to(snapshot)).collect();
        about_collectors(&columns, &hidden).add_to(snapshot);
    }

    /// Returns what every collector said last, and how many series of it an earlier one has.
    pub(crate) fn shown(&self) -> Vec<(Column, usize)> {
        let mut snapshot = Snapshot::default();
        let columns = self.all().into_iter();
        columns.map(|column| (column.clone(), column.add_to(&mut snapshot))).collect()
    }

    fn columns(&self) -> MutexGuard<'_, Vec<Column>> {
        self.columns.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Column {
    fn new(Place { slot, name, names_series }: Place) -> Self {
        Self {
            slot,
            name,
            latest: Latest::Nothing,
            at: None,
            took: Duration::ZERO,
            rounds: [0; 2],
            dropped: 0,
            names_series,
        }
    }

    /// Adds its series, and returns how many are there already.
    fn add_to(&self, snapshot: &mut Snapshot) -> usize {
        let Latest::Reading(reading) = &self.latest else { return 0 };
        reading.add_to(snapshot)
    }
}

/// Says of each collector whether it is up, what its rounds came to and how long the last one took.
fn about_collectors(columns: &[Column], hidden: &[usize]) -> Reading {
    let mut about = Reading::default();
    for (column, hidden) in columns.iter().zip(hidden) {
        let labels = labelled([("collector", &column.name)]);
        if column.at.is_some() {
            let is_up = matches!(column.latest, Latest::Reading(_));
            about.gauge(&catalog::COLLECTOR_UP, &labels, f64::from(u8::from(is_up)));
            about.gauge(&catalog::COLLECTOR_ROUND_TIME, &labels, column.took.as_secs_f64());
        }
        for (result, count) in ["ok", "failed"].into_iter().zip(column.rounds) {
            let labels = labelled([("collector", &*column.name), ("result", result)]);
            about.count(&catalog::COLLECTOR_ROUNDS, &labels, count);
        }
        about.count(&catalog::COLLECTOR_SERIES_DROPPED, &labels, column.dropped);
        about.gauge(&catalog::COLLECTOR_SERIES_HIDDEN, &labels, *hidden as f64);
    }
    about
}

#[cfg(test)]
impl Board {
    /// Makes one that has collectors of these names.
    pub(crate) fn of<const N: usize>(names: [&str; N]) -> (Self, [Slot; N]) {
        let clock = plimsoll_runtime::clock::ManualClock::new(TimeMs(0));
        let board = Self::new(Arc::new(clock));
        let slots = std::array::from_fn(|at| Slot(at as u64));
        let places = slots.into_iter().zip(names);
        board.arrange(places.map(|(slot, name)| Place::of(slot, name, false)).collect());
        (board, slots)
    }
}

#[cfg(test)]
impl Place {
    fn of(slot: Slot, name: &str, names_series: bool) -> Self {
        Self { slot, name: name.into(), names_series }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::page;
    use plimsoll_model::{Signal, Value};

    fn lag(groups: &[&str]) -> Reading {
        let mut reading = Reading::default();
        for group in groups {
            reading.gauge(&catalog::CONSUMER_LAG, &labelled([("group", group)]), 1.0);
        }
        reading
    }

    /// Two collectors, which see two groups and three, one of them in common.
    fn two(names_series: bool) -> Board {
        let (board, slots) = Board::of(["a", "b"]);
        board.arrange(
            slots
                .into_iter()
                .zip(["a", "b"])
                .map(|(s, name)| Place::of(s, name, names_series))
                .collect(),
        );
        for (slot, groups) in slots.into_iter().zip([["x", "y"].as_slice(), &["y", "z", "v"]]) {
            board.publish(slot, Ok(lag(groups)), Duration::ZERO);
        }
        board
    }

    fn shown(board: &Board, signal: &Signal) -> Vec<String> {
        let mut snapshot = Snapshot::default();
        board.append_to(&mut snapshot);
        let of_name = snapshot.families.into_iter().filter(|family| family.name == signal.name);
        let series = of_name.flat_map(|family| family.series);
        series
            .map(|series| match series.value {
                Value::Gauge(value) => format!("{} {value}", series.labels),
                _ => String::new(),
            })
            .collect()
    }

    #[test]
    fn a_series_that_two_collectors_have_is_shown_once_and_the_second_says_so() {
        let board = two(false);
        assert_eq!(shown(&board, &catalog::CONSUMER_LAG).len(), 4);
        let hidden = shown(&board, &catalog::COLLECTOR_SERIES_HIDDEN);
        assert_eq!(hidden, [r#"{collector="a"} 0"#, r#"{collector="b"} 1"#]);
        let page = page::html(&board, &Default::default());
        assert!(page.contains("1 series are left out: an earlier collector"), "{page}");
    }

    #[test]
    fn who_stays_keeps_what_it_said_and_who_goes_leaves_nothing() {
        let (board, [a, b]) = Board::of(["a", "b"]);
        for (slot, group) in [(a, "x"), (b, "y")] {
            board.publish(slot, Ok(lag(&[group])), Duration::ZERO);
        }
        let new = Slot(7);
        board.arrange(vec![Place::of(new, "c", false), Place::of(b, "b", false)]);
        // Whoever has left was amid a round.
        board.publish(a, Ok(lag(&["x"])), Duration::ZERO);
        assert_eq!(shown(&board, &catalog::CONSUMER_LAG), [r#"{group="y"} 1"#]);
        board.publish(new, Ok(lag(&["z"])), Duration::ZERO);
        let up = shown(&board, &catalog::COLLECTOR_UP);
        assert_eq!(up, [r#"{collector="c"} 1"#, r#"{collector="b"} 1"#]);
        assert_eq!(board.all()[1].rounds, [1, 0]);
    }

    #[test]
    fn the_series_of_several_brokers_are_told_apart() {
        let board = two(true);
        let lag = shown(&board, &catalog::CONSUMER_LAG);
        assert_eq!(lag.len(), 5);
        assert!(lag.contains(&r#"{group="y",server="b"} 1"#.to_owned()), "{lag:?}");
        let hidden = shown(&board, &catalog::COLLECTOR_SERIES_HIDDEN);
        assert_eq!(hidden, [r#"{collector="a"} 0"#, r#"{collector="b"} 0"#]);
    }
}
