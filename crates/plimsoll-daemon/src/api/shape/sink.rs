use crate::instant::rfc3339;
use crate::notify::SinkHealth;
use serde_json::{Value, json};

/// How one sink does.
pub(crate) fn sink(sink: &SinkHealth) -> Value {
    json!({
        "sink": sink.kind,
        "to": sink.to,
        "delivered_at": sink.delivered_at.map(rfc3339),
        "failing_since": sink.failing.as_ref().map(|(since, _)| rfc3339(*since)),
        "error": sink.failing.as_ref().map(|(_, error)| error),
        "waiting": sink.waiting,
    })
}
