//! What lies between looks: each level that a collector finds gets a peak, an integral, time at its limit
//! and time at each height, in the same words as a level that is recorded exactly.
//!
//! It stays a sample. From one look to the next a level is taken to be what the first found, over a gap
//! nothing is taken to be anything, and what rises and falls between two looks isn't seen.

mod sampled;

pub(crate) use sampled::Highest;

use crate::Reading;
use plimsoll_model::{Kind, Labels, LevelPart, Signal, TimeMs, Value, catalog};
use sampled::{Look, Sampled};
use std::collections::HashMap;
use std::time::Duration;

/// Levels of one collector that are followed. Each has some twenty series.
pub(crate) const LEVELS_MAX: usize = 200;

/// The levels of one collector, from look to look.
#[derive(Debug)]
pub(crate) struct Levels {
    gap: Duration,
    followed: HashMap<(&'static str, Labels), Sampled>,
}

impl Levels {
    /// Follows levels that are looked at each `interval`. Over more than two of them nothing is said of
    /// what was between.
    pub(crate) fn new(interval: Duration) -> Self {
        Self { gap: 2 * interval, followed: HashMap::new() }
    }

    /// Adds to a reading, which was taken at `at`, what its levels have come to. One that it doesn't have
    /// any more is forgotten.
    pub(crate) fn follow(&mut self, mut reading: Reading, at: TimeMs) -> Reading {
        let mut before = std::mem::take(&mut self.followed);
        let mut beyond = 0_usize;
        for (signal, labels, level, limit) in found(&reading) {
            let look = Look { at, level, limit };
            let key = (signal.name, labels);
            let sampled = match before.remove(&key) {
                Some(mut sampled) => {
                    sampled.look(look, self.gap);
                    sampled
                }
                // Those that are followed already stay, whatever comes before them.
                None if self.followed.len() + before.len() < LEVELS_MAX => Sampled::new(look),
                None => {
                    beyond += 1;
                    continue;
                }
            };
            write(signal, &key.1, &sampled, &mut reading);
            self.followed.insert(key, sampled);
        }
        if beyond > 0 {
            reading.note(format_args!(
                "without the peak and the time of {beyond} levels: {LEVELS_MAX} are followed"
            ));
        }
        reading
    }
}

/// Returns the levels of a reading: which, of what, how high, and their limit.
fn found(reading: &Reading) -> Vec<(&'static Signal, Labels, f64, Option<f64>)> {
    let levels = catalog::ALL.iter().copied().filter(|signal| signal.kind == Kind::Level);
    let found = levels.flat_map(|signal| {
        let limits: HashMap<Labels, f64> = gauges(reading, signal, LevelPart::Limit).collect();
        gauges(reading, signal, LevelPart::Now).map(move |(labels, level)| {
            let limit = limits.get(&labels).copied();
            (signal, labels, level, limit)
        })
    });
    found.collect()
}

fn gauges(
    reading: &Reading,
    signal: &'static Signal,
    part: LevelPart,
) -> impl Iterator<Item = (Labels, f64)> {
    let name = part.family_name(signal);
    let family = reading.families().iter().find(move |family| family.name == name);
    family.into_iter().flat_map(|family| &family.series).filter_map(|series| match series.value {
        Value::Gauge(value) if value.is_finite() && value >= 0.0 => {
            Some((series.labels.clone(), value))
        }
        _ => None,
    })
}

fn write(signal: &'static Signal, labels: &Labels, sampled: &Sampled, reading: &mut Reading) {
    let mut part = |part, value| reading.level_part(signal, part, labels, value);
    part(LevelPart::Peak, Value::Gauge(sampled.peak()));
    part(LevelPart::Time, Value::SecondsNs(sampled.time_ns()));
    if sampled.is_limited() {
        part(LevelPart::Saturated, Value::SecondsNs(sampled.saturated_ns()));
    }
    part(LevelPart::TimeWeighted, Value::Histogram(sampled.time_weighted()));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reading::labelled;

    /// A look at queues, each with its depth; all may be 4 deep.
    fn reading(depths: &[(&str, f64)]) -> Reading {
        let mut reading = Reading::default();
        for (queue, depth) in depths {
            let labels = labelled([("queue", queue)]);
            let mut part =
                |part, value| reading.level_part(&catalog::QUEUE_DEPTH, part, &labels, value);
            part(LevelPart::Now, Value::Gauge(*depth));
            part(LevelPart::Limit, Value::Gauge(4.0));
        }
        reading
    }

    fn value(reading: &Reading, part: LevelPart, queue: &str) -> Option<Value> {
        let name = part.family_name(&catalog::QUEUE_DEPTH);
        let family = reading.families().iter().find(|family| family.name == name)?;
        let of_queue = |labels: &Labels| labels.get("queue") == Some(queue);
        let found = family.series.iter().find(|series| of_queue(&series.labels));
        found.map(|series| series.value.clone())
    }

    /// Returns a gauge, or a counter in seconds.
    fn number(reading: &Reading, part: LevelPart, queue: &str) -> Option<f64> {
        match value(reading, part, queue)? {
            Value::Gauge(value) => Some(value),
            Value::SecondsNs(nanoseconds) => Some(nanoseconds as f64 / 1e9),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_level_has_what_its_looks_come_to() {
        let mut levels = Levels::new(Duration::from_secs(1));
        // 0 for 1 s, 4 for 2 s, then a gap of 5 s, then 1.
        for (at_s, depth) in [(0, 0.0), (1, 4.0), (3, 4.0), (8, 1.0)] {
            levels.follow(reading(&[("q", depth)]), TimeMs(at_s * 1_000));
        }
        let seen = levels.follow(reading(&[("q", 1.0)]), TimeMs(9_000));
        let get = |part| number(&seen, part, "q");
        assert_eq!(get(LevelPart::Peak), Some(4.0));
        // 4 × 2 s and 1 × 1 s.
        assert_eq!(get(LevelPart::Time), Some(9.0));
        assert_eq!(get(LevelPart::Saturated), Some(2.0));
        let time = value(&seen, LevelPart::TimeWeighted, "q");
        let Some(Value::Histogram(time)) = time else { panic!("{seen:?}") };
        let empty = time.buckets.iter().find(|bucket| bucket.le == 0.0).map(|bucket| bucket.count);
        assert_eq!((empty, time.sum), (Some(1_000), 9_000.0));
    }

    #[test]
    fn a_level_that_is_gone_is_forgotten() {
        let mut levels = Levels::new(Duration::from_secs(1));
        levels.follow(reading(&[("q", 4.0)]), TimeMs(0));
        levels.follow(reading(&[]), TimeMs(1_000));
        let anew = levels.follow(reading(&[("q", 0.0)]), TimeMs(2_000));
        assert_eq!(number(&anew, LevelPart::Peak, "q"), Some(0.0));
    }

    #[test]
    fn those_beyond_the_bound_are_told_and_take_nobodys_place() {
        let mut levels = Levels::new(Duration::from_secs(1));
        let names: Vec<String> = (0..=LEVELS_MAX).map(|number| format!("q{number:03}")).collect();
        let many: Vec<(&str, f64)> = names.iter().map(|name| (&**name, 1.0)).collect();
        levels.follow(reading(&many[1..]), TimeMs(0));
        let over = levels.follow(reading(&many), TimeMs(1_000));
        // The first of the list came last.
        assert_eq!(number(&over, LevelPart::Peak, "q000"), None);
        assert_eq!(number(&over, LevelPart::Peak, "q200"), Some(1.0));
        assert_eq!(number(&over, LevelPart::Now, "q000"), Some(1.0));
        assert_eq!(over.notes().len(), 1, "{:?}", over.notes());
    }
}
