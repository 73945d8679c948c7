//! What the API says, as JSON. A number that isn't known is `null`.

mod alert;
mod level;
mod sink;
mod slo;
mod target;

pub(crate) use alert::alerts;
pub(crate) use level::signals;
pub(crate) use sink::sink;
pub(crate) use slo::{slo, slos};
pub(crate) use target::{discovery, targets};

use plimsoll_model::{Interval, Labels};
use serde_json::{Map, Value, json};

fn interval(interval: Interval) -> Value {
    json!({ "low": interval.low, "high": interval.high })
}

fn label_map(labels: &Labels) -> Value {
    let pairs = labels.iter().map(|(name, value)| (name.to_owned(), Value::from(value)));
    Value::Object(pairs.collect::<Map<_, _>>())
}
