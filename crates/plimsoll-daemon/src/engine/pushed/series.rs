//! The series of one target that pushes, numbered as a decoder would.

use crate::source::LabelSets;
use plimsoll_exposition::push::{Edges, Point, PointValue};
use plimsoll_model::{Labels, RefusalReason, Sample, SeriesIndex, SeriesKey};
use std::collections::HashMap;

const LE: &str = "le";

/// Every series that a target has pushed.
#[derive(Debug)]
pub(super) struct Series {
    room: Room,
    numbers: HashMap<SeriesKey, SeriesIndex>,
    /// By number.
    names: Vec<SeriesKey>,
    label_sets: LabelSets,
    /// By histogram: what its buckets are called and what they held.
    histograms: HashMap<SeriesKey, Vec<Bracket>>,
}

/// The two buckets around one threshold of an exponential histogram.
///
/// A process may make its buckets coarser, and their edges move away from the threshold. The
/// series keep the edges that they began with, and the lower one never falls while the process
/// counts on: what was at or below the old edge still is at or below the threshold.
#[derive(Debug)]
struct Bracket {
    lower: f64,
    upper: f64,
    start_ms: Option<i64>,
    count: u64,
    lower_count: u64,
}

/// What one target may push.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Room {
    pub(crate) series: usize,
    pub(crate) label_sets: usize,
}

impl Series {
    pub(super) fn new(room: Room) -> Self {
        Self {
            room,
            numbers: HashMap::new(),
            names: Vec::new(),
            label_sets: LabelSets::new(room.label_sets),
            histograms: HashMap::new(),
        }
    }

    /// Returns what a series is called.
    pub(super) fn name(&self, index: SeriesIndex) -> Option<SeriesKey> {
        self.names.get(index.0 as usize).cloned()
    }

    /// Turns a point into samples: none for a series that ended.
    ///
    /// # Errors
    /// There is no room for it.
    pub(super) fn samples(&mut self, point: Point) -> Result<Vec<Sample>, RefusalReason> {
        let mut samples = Vec::new();
        match point.value {
            PointValue::Stale => return Ok(samples),
            PointValue::Number(value) => {
                self.push(&mut samples, &point, (point.key.clone(), value))?;
            }
            PointValue::Histogram { count, ref edges } => {
                for (key, value) in self.buckets(&point, count, edges) {
                    self.push(&mut samples, &point, (key, value))?;
                }
            }
        }
        if let Some(start_ms) = point.start_ms.filter(|_| !point.is_delta) {
            let key = created(&point.key);
            let value = start_ms as f64 / 1e3;
            let series = self.number(key)?;
            samples.push(Sample { series, value, at_ms: None, is_delta: false });
        }
        Ok(samples)
    }

    fn push(
        &mut self,
        samples: &mut Vec<Sample>,
        point: &Point,
        (key, value): (SeriesKey, f64),
    ) -> Result<(), RefusalReason> {
        let series = self.number(key)?;
        samples.push(Sample { series, value, at_ms: None, is_delta: point.is_delta });
        Ok(())
    }

    fn number(&mut self, key: SeriesKey) -> Result<SeriesIndex, RefusalReason> {
        if let Some(number) = self.numbers.get(&key) {
            return Ok(*number);
        }
        let number = u32::try_from(self.names.len()).map_err(|_| RefusalReason::SeriesLimit)?;
        if self.names.len() >= self.room.series {
            return Err(RefusalReason::SeriesLimit);
        }
        if !self.label_sets.admits(&key) {
            return Err(RefusalReason::LabelSetLimit);
        }
        let number = SeriesIndex(number);
        self.names.push(key.clone());
        self.numbers.insert(key, number);
        Ok(number)
    }

    /// Returns the buckets that stand for an exponential histogram.
    fn buckets(&mut self, point: &Point, count: u64, edges: &[Edges]) -> Vec<(SeriesKey, f64)> {
        let bracket = |edges: &Edges| Bracket {
            lower: edges.lower,
            upper: edges.upper,
            start_ms: point.start_ms,
            count: 0,
            lower_count: 0,
        };
        let brackets = self
            .histograms
            .entry(point.key.clone())
            .or_insert_with(|| edges.iter().map(bracket).collect());
        let mut buckets = vec![(bucket(&point.key, f64::INFINITY), count as f64)];
        for (bracket, edges) in brackets.iter_mut().zip(edges) {
            let lower_count = bracket.follow(point, count, edges.lower_count);
            buckets.push((bucket(&point.key, bracket.lower), lower_count as f64));
            if bracket.lower < bracket.upper {
                let upper_count = edges.upper_count.max(lower_count);
                buckets.push((bucket(&point.key, bracket.upper), upper_count as f64));
            }
        }
        buckets
    }
}

impl Bracket {
    /// Returns what is surely at or below the threshold.
    fn follow(&mut self, point: &Point, count: u64, lower_count: u64) -> u64 {
        if point.is_delta {
            return lower_count;
        }
        let goes_on = point.start_ms == self.start_ms && count >= self.count;
        self.lower_count = if goes_on { lower_count.max(self.lower_count) } else { lower_count };
        (self.start_ms, self.count) = (point.start_ms, count);
        self.lower_count
    }
}

fn bucket(key: &SeriesKey, le: f64) -> SeriesKey {
    let text = if le == f64::INFINITY { "+Inf".to_owned() } else { le.to_string() };
    let labels = key.labels.with(LE, &text).unwrap_or_else(|_| key.labels.clone());
    SeriesKey { name: format!("{}_bucket", key.name).into(), labels }
}

/// Names the series that says since when another one counts, as OpenMetrics does.
fn created(key: &SeriesKey) -> SeriesKey {
    let suffixes = ["_total", "_bucket", "_count", "_sum"];
    let base = suffixes.iter().find_map(|suffix| key.name.strip_suffix(suffix));
    let labels: Labels = key.labels.filtered(|name| name != LE);
    SeriesKey { name: format!("{}_created", base.unwrap_or(&key.name)).into(), labels }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(value: PointValue) -> Point {
        let labels = Labels::new([("route", "/")]).expect("valid");
        let key = SeriesKey { name: "wait_seconds".into(), labels };
        Point { key, at_ms: 1_000, start_ms: Some(500), is_delta: false, value }
    }

    fn shown(series: &Series, samples: &[Sample]) -> Vec<String> {
        let shown = |sample: &Sample| {
            let key = series.name(sample.series).expect("named");
            format!("{}{} {}", key.name, key.labels, sample.value)
        };
        samples.iter().map(shown).collect()
    }

    fn histogram(count: u64, edges: Edges) -> Point {
        point(PointValue::Histogram { count, edges: vec![edges] })
    }

    #[test]
    fn coarser_buckets_keep_their_names_and_what_was_surely_good() {
        let mut series = Series::new(Room { series: 10, label_sets: 10 });
        let fine = Edges { lower: 0.25, lower_count: 90, upper: 0.5, upper_count: 95 };
        let samples = series.samples(histogram(100, fine)).expect("room");
        let expected = [
            r#"wait_seconds_bucket{le="+Inf",route="/"} 100"#,
            r#"wait_seconds_bucket{le="0.25",route="/"} 90"#,
            r#"wait_seconds_bucket{le="0.5",route="/"} 95"#,
            r#"wait_seconds_created{route="/"} 0.5"#,
        ];
        assert_eq!(shown(&series, &samples), expected);
        let coarse = Edges { lower: 0.0625, lower_count: 40, upper: 1.0, upper_count: 108 };
        let samples = series.samples(histogram(110, coarse)).expect("room");
        assert_eq!(
            shown(&series, &samples)[1..3],
            [
                r#"wait_seconds_bucket{le="0.25",route="/"} 90"#,
                r#"wait_seconds_bucket{le="0.5",route="/"} 108"#
            ]
        );
        let again = Edges { lower: 0.0625, lower_count: 3, upper: 1.0, upper_count: 5 };
        let samples = series.samples(histogram(6, again)).expect("room");
        let lower = r#"wait_seconds_bucket{le="0.25",route="/"} 3"#;
        assert_eq!(shown(&series, &samples)[1], lower, "another process");
    }

    #[test]
    fn past_the_bound_there_is_no_room_for_another_series() {
        let mut series = Series::new(Room { series: 2, label_sets: 10 });
        assert!(series.samples(point(PointValue::Number(1.0))).is_ok());
        assert!(series.samples(point(PointValue::Number(2.0))).is_ok(), "known ones stay");
        let mut other = point(PointValue::Number(1.0));
        other.key.name = "other_total".into();
        assert_eq!(series.samples(other), Err(RefusalReason::SeriesLimit));
    }
}
