//! OTLP metrics as Protocol Buffers: `ExportMetricsServiceRequest`.

use super::exponential::Exponential;
use super::fields::{Field, Fields, NoMessage};
use super::gather::{Gather, LABELS_MAX, PushError, Stamp, number};
use super::otlp_name::{Form, label_name, metric_name};
use super::point::{PointValue, Pushed};
use crate::Interest;
use plimsoll_model::SeriesKey;
use std::collections::BTreeMap;

/// `AGGREGATION_TEMPORALITY_DELTA`.
pub(super) const DELTA: u64 = 1;

/// The flag of a point that says only that there is no value any more.
const NO_RECORDED_VALUE: u64 = 1;

/// Reads a body, uncompressed.
///
/// # Errors
/// It is no such message, or holds too much of use.
pub fn otlp(body: &[u8], interest: &Interest) -> Result<Pushed, PushError> {
    let mut gather = Gather::new(interest);
    let mut fields = Fields::new(body);
    while let Some((field, value)) = fields.next()? {
        if field == 1 {
            resource_metrics(value.bytes()?, &mut gather)?;
        }
    }
    Ok(gather.pushed)
}

fn resource_metrics(bytes: &[u8], gather: &mut Gather<'_>) -> Result<(), PushError> {
    let mut source = BTreeMap::new();
    Fields::new(bytes).each(|field, value| match field {
        1 => attributes(value.bytes()?, 1, &mut source),
        _ => Ok(()),
    })?;
    let owner = Owner::of(&source);
    let mut fields = Fields::new(bytes);
    while let Some((field, value)) = fields.next()? {
        if field == 2 {
            let mut scope = Fields::new(value.bytes()?);
            while let Some((field, value)) = scope.next()? {
                if field == 2 {
                    metric(value.bytes()?, &owner, gather)?;
                }
            }
        }
    }
    Ok(())
}

/// Whose metrics they are, as Prometheus names it.
#[derive(Debug, Default)]
pub(super) struct Owner {
    job: String,
    instance: String,
}

impl Owner {
    pub(super) fn of(resource: &BTreeMap<String, String>) -> Self {
        let get = |name: &str| resource.get(name).map_or("", String::as_str);
        let job = match (get("service.namespace"), get("service.name")) {
            ("", name) => name.to_owned(),
            (space, name) => format!("{space}/{name}"),
        };
        Self { job, instance: get("service.instance.id").to_owned() }
    }
}

/// A metric without its points.
#[derive(Debug)]
pub(super) struct Metric<'o> {
    pub(super) owner: &'o Owner,
    /// As Prometheus names it.
    pub(super) name: String,
    pub(super) is_delta: bool,
}

/// One point without its value.
#[derive(Debug, Default)]
pub(super) struct Head {
    pub(super) attributes: BTreeMap<String, String>,
    pub(super) start_nanos: u64,
    pub(super) at_nanos: u64,
    pub(super) flags: u64,
}

fn metric(bytes: &[u8], owner: &Owner, gather: &mut Gather<'_>) -> Result<(), PushError> {
    let (mut name, mut unit, mut data) = ("", "", None);
    Fields::new(bytes).each(|field, value| {
        match field {
            1 => name = value.text()?,
            3 => unit = value.text()?,
            5 | 7 | 9 | 10 => data = Some((field, value.bytes()?)),
            _ => {}
        }
        Ok(())
    })?;
    let Some((kind, data)) = data else { return Ok(()) };
    let (mut temporality, mut is_monotonic) = (0, false);
    Fields::new(data).each(|field, value| {
        match field {
            2 => temporality = value.integer()?,
            3 => is_monotonic = value.integer()? != 0,
            _ => {}
        }
        Ok(())
    })?;
    let form = match kind {
        7 if is_monotonic => Form::Counter,
        5 | 7 => Form::Gauge,
        _ => Form::Histogram,
    };
    let is_delta = temporality == DELTA;
    let metric = Metric { owner, name: metric_name(name, unit, form), is_delta };
    let is_wanted = metric.is_wanted(form, gather.interest);
    let mut points = Fields::new(data);
    while let Some((field, value)) = points.next()? {
        if field == 1 {
            metric.count(form, gather);
            let point = value.bytes()?;
            match kind {
                _ if !is_wanted => {}
                5 | 7 => number_point(point, &metric, gather)?,
                9 => histogram_point(point, &metric, gather)?,
                _ => exponential_point(point, &metric, gather)?,
            }
        }
    }
    Ok(())
}

impl Metric<'_> {
    pub(super) fn is_wanted(&self, form: Form, interest: &Interest) -> bool {
        match form {
            Form::Histogram => ["_bucket", "_count", "_sum"]
                .iter()
                .any(|suffix| interest.wants(&format!("{}{suffix}", self.name))),
            Form::Counter | Form::Gauge => interest.wants(&self.name),
        }
    }

    pub(super) fn count(&self, form: Form, gather: &mut Gather<'_>) {
        match form {
            Form::Histogram => gather.pushed.histograms += 1,
            Form::Counter | Form::Gauge => gather.pushed.samples += 1,
        }
    }

    fn stamp(&self, head: &Head) -> Stamp {
        let ms = |nanos: u64| i64::try_from(nanos / 1_000_000).unwrap_or(i64::MAX);
        let start_ms = Some(ms(head.start_nanos)).filter(|ms| *ms > 0);
        Stamp { at_ms: ms(head.at_nanos), start_ms, is_delta: self.is_delta }
    }

    fn key(
        &self,
        head: &Head,
        suffix: &str,
        le: Option<f64>,
        gather: &mut Gather<'_>,
    ) -> Option<SeriesKey> {
        let mut labels: BTreeMap<String, String> = BTreeMap::new();
        for (name, value) in head.attributes.iter().take(LABELS_MAX) {
            let shared = labels.entry(label_name(name)).or_default();
            if !shared.is_empty() {
                shared.push(';');
            }
            shared.push_str(value);
        }
        labels.insert("job".into(), self.owner.job.clone());
        labels.insert("instance".into(), self.owner.instance.clone());
        if let Some(le) = le {
            let text = if le == f64::INFINITY { "+Inf".into() } else { le.to_string() };
            labels.insert("le".into(), text);
        }
        let name = format!("{}{suffix}", self.name);
        gather.key(&name, labels.iter().map(|(name, value)| (name.as_str(), value.as_str())))
    }

    /// Adds a sum or a gauge.
    pub(super) fn number(
        &self,
        head: &Head,
        value: f64,
        gather: &mut Gather<'_>,
    ) -> Result<(), PushError> {
        let Some(key) = self.key(head, "", None, gather) else { return Ok(()) };
        gather.add(key, self.stamp(head), head.unless_none(number(value)))
    }

    /// Adds what is asked for of a histogram with explicit bounds.
    pub(super) fn histogram(
        &self,
        head: &Head,
        bounds: &[f64],
        counts: &[u64],
        gather: &mut Gather<'_>,
    ) -> Result<(), PushError> {
        let all = counts.iter().fold(0, |sum: u64, count| sum.saturating_add(*count));
        self.total(head, all, gather)?;
        if !gather.interest.wants(&format!("{}_bucket", self.name)) {
            return Ok(());
        }
        let mut upto = 0_u64;
        let ends = bounds.iter().copied().chain([f64::INFINITY]);
        for (end, count) in ends.zip(counts.iter().chain(std::iter::repeat(&0))) {
            upto = upto.saturating_add(*count);
            let Some(key) = self.key(head, "_bucket", Some(end), gather) else { return Ok(()) };
            let value = head.unless_none(PointValue::Number(upto as f64));
            gather.add(key, self.stamp(head), value)?;
        }
        Ok(())
    }

    /// Adds what is asked for of a histogram with exponential buckets.
    pub(super) fn exponential(
        &self,
        head: &Head,
        histogram: &Exponential,
        gather: &mut Gather<'_>,
    ) -> Result<(), PushError> {
        self.total(head, histogram.count, gather)?;
        let thresholds = gather.interest.thresholds(&self.name);
        if thresholds.is_empty() {
            return Ok(());
        }
        let edges =
            thresholds.iter().filter_map(|threshold| histogram.around(*threshold)).collect();
        let value = PointValue::Histogram { count: histogram.count, edges };
        let Some(key) = self.key(head, "", None, gather) else { return Ok(()) };
        gather.add(key, self.stamp(head), head.unless_none(value))
    }

    fn total(&self, head: &Head, count: u64, gather: &mut Gather<'_>) -> Result<(), PushError> {
        if !gather.interest.wants(&format!("{}_count", self.name)) {
            return Ok(());
        }
        let Some(key) = self.key(head, "_count", None, gather) else { return Ok(()) };
        let value = head.unless_none(PointValue::Number(count as f64));
        gather.add(key, self.stamp(head), value)
    }
}

impl Head {
    fn unless_none(&self, value: PointValue) -> PointValue {
        if self.flags & NO_RECORDED_VALUE == 0 { value } else { PointValue::Stale }
    }
}

fn number_point(
    bytes: &[u8],
    metric: &Metric<'_>,
    gather: &mut Gather<'_>,
) -> Result<(), PushError> {
    let (mut head, mut number) = (Head::default(), 0.0);
    Fields::new(bytes).each(|field, value| {
        match field {
            7 => attribute(value.bytes()?, &mut head.attributes)?,
            2 => head.start_nanos = value.integer()?,
            3 => head.at_nanos = value.integer()?,
            4 => number = value.float()?,
            6 => number = value.signed()? as f64,
            8 => head.flags = value.integer()?,
            _ => {}
        }
        Ok(())
    })?;
    metric.number(&head, number, gather)
}

fn histogram_point(
    bytes: &[u8],
    metric: &Metric<'_>,
    gather: &mut Gather<'_>,
) -> Result<(), PushError> {
    let (mut head, mut counts, mut bounds) = (Head::default(), Vec::new(), Vec::new());
    Fields::new(bytes).each(|field, value| {
        match field {
            9 => attribute(value.bytes()?, &mut head.attributes)?,
            2 => head.start_nanos = value.integer()?,
            3 => head.at_nanos = value.integer()?,
            6 => value.wide_numbers(&mut counts)?,
            7 => value.wide_numbers(&mut bounds)?,
            10 => head.flags = value.integer()?,
            _ => {}
        }
        Ok(())
    })?;
    let bounds: Vec<f64> = bounds.into_iter().map(f64::from_bits).collect();
    metric.histogram(&head, &bounds, &counts, gather)
}

fn exponential_point(
    bytes: &[u8],
    metric: &Metric<'_>,
    gather: &mut Gather<'_>,
) -> Result<(), PushError> {
    let (mut head, mut histogram) = (Head::default(), Exponential::default());
    Fields::new(bytes).each(|field, value| {
        match field {
            1 => attribute(value.bytes()?, &mut head.attributes)?,
            2 => head.start_nanos = value.integer()?,
            3 => head.at_nanos = value.integer()?,
            4 => histogram.count = value.integer()?,
            6 => histogram.scale = i32::try_from(value.zigzag()?).map_err(|_| NoMessage)?,
            7 => histogram.zero = value.integer()?,
            8 => histogram.positive = buckets(value.bytes()?)?,
            9 => {
                let negative = buckets(value.bytes()?)?;
                histogram.negative =
                    negative.iter().fold(0, |sum: u64, (_, count)| sum.saturating_add(*count));
            }
            10 => head.flags = value.integer()?,
            _ => {}
        }
        Ok(())
    })?;
    metric.exponential(&head, &histogram, gather)
}

fn buckets(bytes: &[u8]) -> Result<Vec<(i64, u64)>, NoMessage> {
    let (mut offset, mut counts) = (0, Vec::new());
    Fields::new(bytes).each(|field, value| {
        match field {
            1 => offset = value.zigzag()?,
            2 => value.numbers(&mut counts)?,
            _ => {}
        }
        Ok(())
    })?;
    Ok((offset..).zip(counts).collect())
}

/// Reads the attributes that stand under `number` of a message.
fn attributes(
    bytes: &[u8],
    number: u32,
    into: &mut BTreeMap<String, String>,
) -> Result<(), NoMessage> {
    Fields::new(bytes).each(
        |field, value| {
            if field == number { attribute(value.bytes()?, into) } else { Ok(()) }
        },
    )
}

/// Reads one attribute; past the bound on labels they are let go.
fn attribute(bytes: &[u8], into: &mut BTreeMap<String, String>) -> Result<(), NoMessage> {
    let (mut name, mut text) = ("", String::new());
    Fields::new(bytes).each(|field, value| {
        match field {
            1 => name = value.text()?,
            2 => text = any_value(value.bytes()?)?,
            _ => {}
        }
        Ok(())
    })?;
    if into.len() < LABELS_MAX {
        into.insert(name.to_owned(), text);
    }
    Ok(())
}

/// Writes a value as a label's; lists and maps have no such form.
fn any_value(bytes: &[u8]) -> Result<String, NoMessage> {
    let mut text = String::new();
    Fields::new(bytes).each(|field, value| {
        match (field, value) {
            (1, value) => text = value.text()?.to_owned(),
            (2, Field::Varint(flag)) => text = (flag != 0).to_string(),
            (3, value) => text = value.signed()?.to_string(),
            (4, value) => text = value.float()?.to_string(),
            _ => {}
        }
        Ok(())
    })?;
    Ok(text)
}
