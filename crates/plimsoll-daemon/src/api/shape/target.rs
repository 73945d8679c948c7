use crate::instant::rfc3339;
use crate::view::{TargetView, View};
use serde_json::{Map, Value, json};

/// Every target and how its last scrape went.
pub(crate) fn targets(view: &View) -> Vec<Value> {
    view.targets.iter().map(target).collect()
}

/// Every job whose targets aren't all that there are, and why.
pub(crate) fn discovery(view: &View) -> Vec<Value> {
    let trouble = view.discovery.iter();
    trouble.map(|(job, error)| json!({ "job": job, "error": error })).collect()
}

fn target(target: &TargetView) -> Value {
    let last = target.last.as_ref();
    let outcome = last.map(|last| &last.outcome);
    let refused =
        target.refused.iter().map(|(reason, count)| ((*reason).to_owned(), (*count).into()));
    json!({
        "job": target.job,
        "instance": target.instance,
        "url": target.url,
        "state": match outcome {
            None => "pending",
            Some(Ok(_)) => "up",
            Some(Err(_)) => "down",
        },
        "reason": outcome.and_then(|outcome| outcome.as_ref().err()).or(target.doubt.as_ref()),
        "last_scrape": last.map(|last| rfc3339(last.at)),
        "last_duration_ms": last.map(|last| last.took.as_millis() as u64),
        "interval_ms": target.interval.as_millis() as u64,
        "samples": outcome.and_then(|outcome| outcome.as_ref().ok()),
        "samples_refused": Value::Object(refused.collect::<Map<_, _>>()),
        "slos": target.slos,
    })
}
