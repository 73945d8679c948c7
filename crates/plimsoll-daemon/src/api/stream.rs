//! What changed, as server-sent events: at most one batch per second.

use super::problem::Problem;
use super::{Shared, shape};
use crate::instant::rfc3339;
use crate::view::View;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream::{self, Stream, StreamExt};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{OwnedSemaphorePermit, broadcast};

/// Streams at once; each costs a task and a buffer.
pub(crate) const STREAMS_MAX: usize = 256;

/// Batches that a reader may lag behind before it gets everything anew.
pub(crate) const BATCHES: usize = 16;

const BATCH: Duration = Duration::from_secs(1);

/// A reader that hears nothing for longer has lost the daemon.
const PING: Duration = Duration::from_secs(5);

/// Events that belong together: name and JSON.
pub(crate) type Batch = Arc<Vec<(&'static str, String)>>;

/// Sends what changed since the last second to every reader, until the daemon stops.
pub(crate) async fn broadcast_changes(shared: Arc<Shared>) {
    let mut ticks = tokio::time::interval(BATCH);
    let mut last = Last::default();
    while shared.stop.run_until_stopped(ticks.tick()).await.is_some() {
        if shared.batches.receiver_count() == 0 {
            last = Last::default();
            continue;
        }
        let batch = last.changes(&*shared.seen().await);
        if !batch.is_empty() {
            // No reader left in the meantime: nobody to tell.
            drop(shared.batches.send(Arc::new(batch)));
        }
    }
}

/// What readers have been told, as JSON.
#[derive(Default)]
struct Last {
    slos: HashMap<String, String>,
    others: HashMap<&'static str, String>,
}

impl Last {
    fn changes(&mut self, view: &View) -> Vec<(&'static str, String)> {
        let mut changed = Vec::new();
        let mut told = HashMap::with_capacity(view.slos.len());
        for slo in shape::slos(view) {
            // Time passing alone is no change.
            let mut timeless = slo.clone();
            timeless["as_of"] = Value::Null;
            let text = timeless.to_string();
            let id = slo["id"].as_str().unwrap_or_default().to_owned();
            if self.slos.get(&id) != Some(&text) {
                changed.push(slo);
            }
            told.insert(id, text);
        }
        self.slos = told;
        let mut batch = Vec::new();
        if !changed.is_empty() {
            batch.push(("slos", Value::Array(changed).to_string()));
        }
        for (name, value) in others(view) {
            if self.others.get(name) != Some(&value) {
                self.others.insert(name, value.clone());
                batch.push((name, value));
            }
        }
        batch
    }
}

fn others(view: &View) -> [(&'static str, String); 3] {
    [
        ("alerts", Value::Array(shape::alerts(view)).to_string()),
        ("signals", Value::Array(shape::signals(view)).to_string()),
        ("targets", Value::Array(shape::targets(view)).to_string()),
    ]
}

/// What a reader needs before changes mean anything to it.
async fn everything(shared: &Shared) -> Batch {
    let view = shared.seen().await;
    let hello = json!({
        "version": shared.about.version,
        "instance": shared.about.instance,
        "now": rfc3339(shared.now()),
    });
    let mut events =
        vec![("hello", hello.to_string()), ("slos", Value::Array(shape::slos(&view)).to_string())];
    events.extend(others(&view));
    Arc::new(events)
}

/// `GET /api/v1/stream`.
pub(super) async fn stream(State(shared): State<Arc<Shared>>) -> Response {
    let Ok(permit) = shared.streams.clone().try_acquire_owned() else {
        let detail = format!("{STREAMS_MAX} streams are open; close one, or ask again later");
        return Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail).into_response();
    };
    let reader = Reader { batches: shared.batches.subscribe(), shared, _permit: permit };
    Sse::new(reader.events()).into_response()
}

/// One reader of the stream.
struct Reader {
    batches: broadcast::Receiver<Batch>,
    shared: Arc<Shared>,
    _permit: OwnedSemaphorePermit,
}

impl Reader {
    fn events(self) -> impl Stream<Item = Result<Event, Infallible>> {
        let shared = self.shared.clone();
        let first = stream::once(async move { everything(&shared).await });
        let rest = stream::unfold(self, |mut reader| async move {
            let batch = reader.next().await?;
            Some((batch, reader))
        });
        first.chain(rest).flat_map(|batch| {
            let events: Vec<_> = batch
                .iter()
                .map(|(name, data)| Ok(Event::default().event(*name).data(data)))
                .collect();
            stream::iter(events)
        })
    }

    /// Returns the next batch, or a ping; `None` when the daemon stops.
    async fn next(&mut self) -> Option<Batch> {
        let stop = self.shared.stop.clone();
        match stop.run_until_stopped(tokio::time::timeout(PING, self.batches.recv())).await? {
            Ok(Ok(batch)) => Some(batch),
            Ok(Err(RecvError::Lagged(_))) => Some(everything(&self.shared).await),
            Ok(Err(RecvError::Closed)) => None,
            Err(_elapsed) => Some(Arc::new(vec![("ping", "{}".into())])),
        }
    }
}
