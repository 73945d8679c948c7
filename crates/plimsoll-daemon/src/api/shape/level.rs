use super::label_map;
use crate::instant::rfc3339;
use crate::view::{LevelView, View};
use serde_json::{Value, json};

/// Every live level with its peak.
pub(crate) fn signals(view: &View) -> Vec<Value> {
    view.levels.iter().map(signal).collect()
}

fn signal(view: &LevelView) -> Value {
    let level = &view.level;
    json!({
        "target": view.instance,
        "job": view.job,
        "name": level.name,
        "labels": label_map(&level.labels),
        "level": level.now,
        "limit": level.limit,
        "peak": level.peak,
        "mean": level.mean,
        "saturated_ratio": level.saturated_ratio,
        "oldest_age_seconds": level.oldest_age_seconds,
        "at": rfc3339(level.at),
    })
}
