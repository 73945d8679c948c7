//! What held the server up, as its latency monitor saw it.

use super::ask;
use crate::reading::labelled;
use crate::{Reading, Reason};
use plimsoll_model::catalog;
use redis::aio::MultiplexedConnection;
use redis::cmd;

/// Events that have a series; the server knows about twenty.
const EVENTS_MAX: usize = 64;

pub(super) async fn read(
    connection: &mut MultiplexedConnection,
    server: &str,
    reading: &mut Reading,
) -> Result<(), Reason> {
    // A name, when its latest spike was, how long that was and how long the longest; newer servers go on.
    type Events = Vec<Vec<redis::Value>>;
    let events: Events = ask(connection, cmd("LATENCY").arg("LATEST")).await?;
    for event in events.iter().take(EVENTS_MAX) {
        let [name, at_s, latest_ms, max_ms, ..] = event.as_slice() else { continue };
        let Ok(name) = redis::from_redis_value_ref::<String>(name) else { continue };
        let labels = labelled([("server", server), ("event", &name)]);
        for (signal, value, scale) in [
            (&catalog::REDIS_LATENCY, latest_ms, 1e-3),
            (&catalog::REDIS_LATENCY_MAX, max_ms, 1e-3),
            (&catalog::REDIS_LATENCY_TIMESTAMP, at_s, 1.0),
        ] {
            if let Ok(value) = redis::from_redis_value_ref::<u64>(value) {
                reading.gauge(signal, &labels, value as f64 * scale);
            }
        }
    }
    Ok(())
}
