//! Prometheus remote write: `prometheus.WriteRequest` and `io.prometheus.write.v2.Request`.

use super::exponential::Exponential;
use super::fields::{Field, Fields, NoMessage, zigzag};
use super::gather::{Gather, LABELS_MAX, PushError, Stamp, number};
use super::point::{Edges, PointValue, Pushed};
use crate::Interest;
use plimsoll_model::SeriesKey;

const NAME: &str = "__name__";

/// The schema of native histograms whose buckets the target chose.
const CUSTOM_BUCKETS: i64 = -53;

/// The reset hint of histograms that aren't counters.
const GAUGE: u64 = 3;

/// Reads a body of remote write 1.0, uncompressed.
///
/// # Errors
/// It is no such message, or holds too much of use.
pub fn remote_write_1(body: &[u8], interest: &Interest) -> Result<Pushed, PushError> {
    let mut gather = Gather::new(interest);
    let mut fields = Fields::new(body);
    while let Some((field, value)) = fields.next()? {
        if field == 1 {
            let series = value.bytes()?;
            let mut labels = Vec::new();
            Fields::new(series).each(|field, value| match field {
                1 => pair(value.bytes()?).map(|pair| labels.push(pair)),
                _ => Ok(()),
            })?;
            let layout = Layout { samples: 2, histograms: 4, created: u32::MAX };
            layout.read(series, &labels, &mut gather)?;
        }
    }
    Ok(gather.pushed)
}

/// Reads a body of remote write 2.0, uncompressed.
///
/// # Errors
/// As [`remote_write_1`].
pub fn remote_write_2(body: &[u8], interest: &Interest) -> Result<Pushed, PushError> {
    let mut symbols = Vec::new();
    Fields::new(body).each(|field, value| match field {
        4 => value.text().map(|symbol| symbols.push(symbol)),
        _ => Ok(()),
    })?;
    let mut gather = Gather::new(interest);
    let mut fields = Fields::new(body);
    let mut references = Vec::new();
    while let Some((field, value)) = fields.next()? {
        if field == 5 {
            let series = value.bytes()?;
            references.clear();
            Fields::new(series).each(|field, value| match field {
                1 => value.numbers(&mut references),
                _ => Ok(()),
            })?;
            let labels = resolve(&references, &symbols)?;
            let layout = Layout { samples: 2, histograms: 3, created: 6 };
            layout.read(series, &labels, &mut gather)?;
        }
    }
    Ok(gather.pushed)
}

fn pair(label: &[u8]) -> Result<(&str, &str), NoMessage> {
    let (mut name, mut value) = ("", "");
    Fields::new(label).each(|field, text| {
        match field {
            1 => name = text.text()?,
            2 => value = text.text()?,
            _ => {}
        }
        Ok(())
    })?;
    Ok((name, value))
}

fn resolve<'s>(
    references: &[u64],
    symbols: &[&'s str],
) -> Result<Vec<(&'s str, &'s str)>, NoMessage> {
    let symbol = |reference: &u64| {
        let at = usize::try_from(*reference).map_err(|_| NoMessage)?;
        symbols.get(at).copied().ok_or(NoMessage)
    };
    let pairs = references.chunks(2);
    pairs
        .map(|pair| match pair {
            [name, value] => Ok((symbol(name)?, symbol(value)?)),
            _ => Err(NoMessage),
        })
        .collect()
}

/// Which fields of a series hold what.
struct Layout {
    samples: u32,
    histograms: u32,
    /// Since when the series counts.
    created: u32,
}

impl Layout {
    fn read(
        &self,
        series: &[u8],
        labels: &[(&str, &str)],
        gather: &mut Gather<'_>,
    ) -> Result<(), PushError> {
        let name = labels.iter().find(|(name, _)| *name == NAME).map_or("", |(_, value)| *value);
        let thresholds = gather.interest.thresholds(name);
        let is_wanted = gather.interest.wants(name);
        let mut key = None;
        if (is_wanted || !thresholds.is_empty()) && labels.len() <= LABELS_MAX {
            let own = labels.iter().copied().filter(|(name, _)| *name != NAME);
            key = gather.key(name, own);
        } else if name.is_empty() || labels.len() > LABELS_MAX {
            gather.pushed.malformed += 1;
        }
        let mut created = None;
        Fields::new(series).each(|field, value| {
            if field == self.created {
                created = Some(value.signed()?).filter(|ms| *ms > 0);
            }
            Ok(())
        })?;
        let mut fields = Fields::new(series);
        while let Some((field, value)) = fields.next()? {
            if field == self.samples {
                gather.pushed.samples += 1;
                let (stamp, value) = sample(value.bytes()?, created)?;
                if let Some(key) = key.clone().filter(|_| is_wanted) {
                    gather.add(key, stamp, value)?;
                }
            } else if field == self.histograms {
                gather.pushed.histograms += 1;
                let (stamp, value) = histogram(value.bytes()?, created, thresholds)?;
                if let Some((key, value)) = key.clone().zip(value) {
                    add_histogram(gather, key, stamp, value)?;
                }
            }
        }
        Ok(())
    }
}

/// A native histogram's count alone may be of use, as a counter of all events.
fn add_histogram(
    gather: &mut Gather<'_>,
    key: SeriesKey,
    stamp: Stamp,
    value: PointValue,
) -> Result<(), PushError> {
    let counter = format!("{}_count", key.name);
    if gather.interest.wants(&counter) {
        let key = SeriesKey { name: counter.into(), labels: key.labels.clone() };
        let count = match &value {
            PointValue::Histogram { count, .. } => PointValue::Number(*count as f64),
            other => other.clone(),
        };
        gather.add(key, stamp, count)?;
    }
    if gather.interest.thresholds(&key.name).is_empty() {
        return Ok(());
    }
    gather.add(key, stamp, value)
}

fn sample(bytes: &[u8], created: Option<i64>) -> Result<(Stamp, PointValue), NoMessage> {
    let (mut stamp, mut value) = (Stamp { start_ms: created, ..Stamp::default() }, 0.0);
    Fields::new(bytes).each(|field, content| {
        match field {
            1 => value = content.float()?,
            2 => stamp.at_ms = content.signed()?,
            3 => stamp.start_ms = Some(content.signed()?).filter(|ms| *ms > 0).or(created),
            _ => {}
        }
        Ok(())
    })?;
    Ok((stamp, number(value)))
}

/// A native histogram as it stands in the body.
#[derive(Debug, Default)]
struct Native {
    count: f64,
    sum: f64,
    schema: i64,
    zero: f64,
    /// Offset and length of each run of buckets.
    spans: Vec<(i64, u64)>,
    deltas: Vec<u64>,
    counts: Vec<u64>,
    negative_deltas: Vec<u64>,
    negative_counts: Vec<u64>,
    bounds: Vec<u64>,
    reset_hint: u64,
}

fn histogram(
    bytes: &[u8],
    created: Option<i64>,
    thresholds: &[f64],
) -> Result<(Stamp, Option<PointValue>), NoMessage> {
    let mut stamp = Stamp { start_ms: created, ..Stamp::default() };
    let mut native = Native::default();
    Fields::new(bytes).each(|field, content| {
        match field {
            15 => stamp.at_ms = content.signed()?,
            17 => stamp.start_ms = Some(content.signed()?).filter(|ms| *ms > 0).or(created),
            _ => native.take(field, content)?,
        }
        Ok(())
    })?;
    if number(native.sum) == PointValue::Stale {
        return Ok((stamp, Some(PointValue::Stale)));
    }
    Ok((stamp, native.around(thresholds)?))
}

impl Native {
    fn take(&mut self, field: u32, content: Field<'_>) -> Result<(), NoMessage> {
        match field {
            1 => self.count = content.integer()? as f64,
            2 => self.count = content.float()?,
            3 => self.sum = content.float()?,
            4 => self.schema = content.zigzag()?,
            6 => self.zero = content.integer()? as f64,
            7 => self.zero = content.float()?,
            9 => content.numbers(&mut self.negative_deltas)?,
            10 => content.wide_numbers(&mut self.negative_counts)?,
            11 => self.spans.push(span(content.bytes()?)?),
            12 => content.numbers(&mut self.deltas)?,
            13 => content.wide_numbers(&mut self.counts)?,
            14 => self.reset_hint = content.integer()?,
            16 => content.wide_numbers(&mut self.bounds)?,
            _ => {}
        }
        Ok(())
    }

    /// Returns what lies around each threshold; `None` for one that is no counter.
    fn around(&self, thresholds: &[f64]) -> Result<Option<PointValue>, NoMessage> {
        if self.reset_hint == GAUGE {
            return Ok(None);
        }
        let count = whole(self.count);
        let positive = self.buckets()?;
        let edges = if self.schema == CUSTOM_BUCKETS {
            thresholds.iter().map(|threshold| self.between(*threshold, &positive)).collect()
        } else {
            let negative = counts(&self.negative_deltas, &self.negative_counts);
            let exponential = Exponential {
                scale: i32::try_from(self.schema).map_err(|_| NoMessage)?,
                count,
                zero: whole(self.zero),
                negative: negative.iter().fold(0, |sum, count| count.saturating_add(sum)),
                // Prometheus numbers the bucket that ends at 2^(i/2^schema) i, OpenTelemetry i − 1.
                positive: positive.iter().map(|(index, count)| (index - 1, *count)).collect(),
            };
            thresholds.iter().filter_map(|threshold| exponential.around(*threshold)).collect()
        };
        Ok(Some(PointValue::Histogram { count, edges }))
    }

    /// Returns the index and count of each bucket.
    fn buckets(&self) -> Result<Vec<(i64, u64)>, NoMessage> {
        let mut counts = counts(&self.deltas, &self.counts).into_iter();
        let (mut buckets, mut index) = (Vec::new(), 0_i64);
        for (offset, length) in &self.spans {
            index = index.checked_add(*offset).ok_or(NoMessage)?;
            for _ in 0..*length {
                buckets.push((index, counts.next().ok_or(NoMessage)?));
                index = index.checked_add(1).ok_or(NoMessage)?;
            }
        }
        Ok(buckets)
    }

    /// Returns what lies around a threshold among bounds that the target chose.
    fn between(&self, threshold: f64, buckets: &[(i64, u64)]) -> Edges {
        let bounds = || self.bounds.iter().map(|bits| f64::from_bits(*bits));
        let upto = |edge: f64| {
            let is_in = |index: i64| {
                let bound = usize::try_from(index).ok().and_then(|at| bounds().nth(at));
                bound.is_some_and(|bound| bound <= edge)
            };
            let inside = buckets.iter().filter(|(index, _)| is_in(*index));
            inside.fold(0, |sum: u64, (_, count)| sum.saturating_add(*count))
        };
        let lower = bounds().filter(|bound| *bound <= threshold).fold(0.0, f64::max);
        let upper = bounds().filter(|bound| *bound >= threshold).fold(f64::INFINITY, f64::min);
        let all = whole(self.count);
        let upper_count = if upper.is_finite() { upto(upper) } else { all };
        Edges { lower, lower_count: upto(lower), upper, upper_count }
    }
}

fn span(bytes: &[u8]) -> Result<(i64, u64), NoMessage> {
    let (mut offset, mut length) = (0, 0);
    Fields::new(bytes).each(|field, content| {
        match field {
            1 => offset = content.zigzag()?,
            2 => length = content.integer()?,
            _ => {}
        }
        Ok(())
    })?;
    Ok((offset, length))
}

/// Integer buckets are written as differences, float ones as they are.
fn counts(deltas: &[u64], floats: &[u64]) -> Vec<u64> {
    if deltas.is_empty() {
        return floats.iter().map(|bits| whole(f64::from_bits(*bits))).collect();
    }
    let mut count = 0_i64;
    let next = |delta: &u64| {
        count = count.saturating_add(zigzag(*delta));
        u64::try_from(count).unwrap_or(0)
    };
    deltas.iter().map(next).collect()
}

fn whole(count: f64) -> u64 {
    // `as` saturates, and makes 0 of NaN.
    count.round() as u64
}
