//! OTLP metrics as JSON, by the JSON mapping of the OTLP specification.

use super::exponential::Exponential;
use super::gather::{Gather, LABELS_MAX, PushError};
use super::otlp::{DELTA, Head, Metric, Owner};
use super::otlp_name::{Form, metric_name};
use super::point::Pushed;
use crate::Interest;
use serde_json::Value;
use std::collections::BTreeMap;

/// Reads a body, uncompressed. A tree of JSON takes many times its text, so its reader bounds it
/// more narrowly than others.
///
/// # Errors
/// It is no such JSON, or holds too much of use.
pub fn otlp_json(body: &[u8], interest: &Interest) -> Result<Pushed, PushError> {
    let document: Value =
        serde_json::from_slice(body).map_err(|error| PushError::Json(error.to_string()))?;
    if !document.is_object() {
        return Err(wrong("resourceMetrics", "the body isn't an object"));
    }
    let mut gather = Gather::new(interest);
    for resource in list(&document, "resourceMetrics")? {
        let owner = Owner::of(&attributes(&resource["resource"])?);
        for scope in list(resource, "scopeMetrics")? {
            for each in list(scope, "metrics")? {
                metric(each, &owner, &mut gather)?;
            }
        }
    }
    Ok(gather.pushed)
}

fn metric(value: &Value, owner: &Owner, gather: &mut Gather<'_>) -> Result<(), PushError> {
    const KINDS: [&str; 4] = ["gauge", "sum", "histogram", "exponentialHistogram"];
    let Some(kind) = KINDS.into_iter().find(|kind| value.get(kind).is_some()) else {
        return Ok(());
    };
    let data = &value[kind];
    let form = match kind {
        "sum" if data["isMonotonic"] == true => Form::Counter,
        "gauge" | "sum" => Form::Gauge,
        _ => Form::Histogram,
    };
    let text = |key: &str| value[key].as_str().unwrap_or_default();
    let is_delta = data["aggregationTemporality"] == DELTA
        || data["aggregationTemporality"] == "AGGREGATION_TEMPORALITY_DELTA";
    let name = metric_name(text("name"), text("unit"), form);
    let metric = Metric { owner, name, is_delta };
    let is_wanted = metric.is_wanted(form, gather.interest);
    for point in list(data, "dataPoints")? {
        metric.count(form, gather);
        if !is_wanted {
            continue;
        }
        let head = head(point)?;
        match kind {
            "gauge" | "sum" => metric.number(&head, number(point)?, gather)?,
            "histogram" => {
                let bounds = list(point, "explicitBounds")?;
                let bounds: Vec<f64> = bounds.iter().filter_map(Value::as_f64).collect();
                metric.histogram(&head, &bounds, &counts(point, "bucketCounts")?, gather)?;
            }
            _ => metric.exponential(&head, &exponential(point)?, gather)?,
        }
    }
    Ok(())
}

fn head(point: &Value) -> Result<Head, PushError> {
    Ok(Head {
        attributes: attributes(point)?,
        start_nanos: integer(point, "startTimeUnixNano")?,
        at_nanos: integer(point, "timeUnixNano")?,
        flags: integer(point, "flags")?,
    })
}

fn number(point: &Value) -> Result<f64, PushError> {
    match (&point["asInt"], &point["asDouble"]) {
        (Value::String(text), _) => {
            text.parse::<i64>().map(|whole| whole as f64).map_err(|_| wrong("asInt", text))
        }
        (Value::Number(whole), _) => Ok(whole.as_f64().unwrap_or(f64::NAN)),
        (_, Value::Number(number)) => Ok(number.as_f64().unwrap_or(f64::NAN)),
        (_, Value::String(text)) => match text.as_str() {
            "NaN" => Ok(f64::NAN),
            "Infinity" => Ok(f64::INFINITY),
            "-Infinity" => Ok(f64::NEG_INFINITY),
            other => other.parse().map_err(|_| wrong("asDouble", other)),
        },
        _ => Ok(0.0),
    }
}

fn exponential(point: &Value) -> Result<Exponential, PushError> {
    let buckets = |side: &Value| -> Result<Vec<(i64, u64)>, PushError> {
        let offset = side["offset"].as_i64().unwrap_or_default();
        Ok((offset..).zip(counts(side, "bucketCounts")?).collect())
    };
    let negative = buckets(&point["negative"])?;
    let scale = point["scale"].as_i64().unwrap_or_default();
    Ok(Exponential {
        scale: i32::try_from(scale).map_err(|_| wrong("scale", "too large"))?,
        count: integer(point, "count")?,
        zero: integer(point, "zeroCount")?,
        negative: negative.iter().fold(0, |sum: u64, (_, count)| sum.saturating_add(*count)),
        positive: buckets(&point["positive"])?,
    })
}

fn attributes(owner: &Value) -> Result<BTreeMap<String, String>, PushError> {
    let mut attributes = BTreeMap::new();
    for each in list(owner, "attributes")?.iter().take(LABELS_MAX) {
        let name = each["key"].as_str().unwrap_or_default();
        let value = &each["value"];
        let text = match (&value["stringValue"], &value["boolValue"], &value["intValue"]) {
            (Value::String(text), _, _) | (_, _, Value::String(text)) => text.clone(),
            (_, Value::Bool(flag), _) => flag.to_string(),
            (_, _, Value::Number(number)) => number.to_string(),
            _ => value["doubleValue"].as_f64().map(|number| number.to_string()).unwrap_or_default(),
        };
        attributes.insert(name.to_owned(), text);
    }
    Ok(attributes)
}

fn counts(owner: &Value, key: &str) -> Result<Vec<u64>, PushError> {
    list(owner, key)?.iter().map(|count| whole(count, key)).collect()
}

/// Reads a 64-bit integer, which JSON writes as text; one that is missing is 0.
fn integer(owner: &Value, key: &str) -> Result<u64, PushError> {
    whole(&owner[key], key)
}

fn whole(value: &Value, key: &str) -> Result<u64, PushError> {
    match value {
        Value::Null => Ok(0),
        Value::String(text) => text.parse().map_err(|_| wrong(key, text)),
        other => other.as_u64().ok_or_else(|| wrong(key, "no whole number")),
    }
}

/// Returns the items of a list; one that is missing has none.
fn list<'v>(owner: &'v Value, key: &str) -> Result<&'v [Value], PushError> {
    match owner.get(key) {
        None | Some(Value::Null) => Ok(&[]),
        Some(Value::Array(items)) => Ok(items),
        Some(_) => Err(wrong(key, "no list")),
    }
}

fn wrong(key: &str, what: &str) -> PushError {
    PushError::Json(format!("{key}: {}", what.chars().take(60).collect::<String>()))
}
