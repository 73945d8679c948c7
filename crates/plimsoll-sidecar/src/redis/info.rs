//! What `INFO` says of clients.

use super::ask;
use crate::reading::labelled;
use crate::{Reading, Reason};
use plimsoll_model::catalog;
use redis::aio::MultiplexedConnection;
use redis::cmd;
use std::collections::HashMap;

pub(super) async fn read(
    connection: &mut MultiplexedConnection,
    server: &str,
    reading: &mut Reading,
) -> Result<(), Reason> {
    let text: String = ask(connection, &cmd("INFO")).await?;
    write(&text, server, reading)
}

fn write(text: &str, server: &str, reading: &mut Reading) -> Result<(), Reason> {
    let fields: HashMap<&str, &str> =
        text.lines().filter_map(|line| line.split_once(':')).collect();
    let number = |field: &str| fields.get(field).and_then(|value| value.parse::<u64>().ok());
    let clients = number("connected_clients")
        .ok_or_else(|| Reason::new("its INFO says nothing of clients: is it a Redis server?"))?;
    let pool = labelled([("pool", server)]);
    let limit = number("maxclients").map(|limit| limit as f64);
    reading.level(&catalog::POOL_IN_USE, &pool, clients as f64, limit);
    if let Some(blocked) = number("blocked_clients") {
        let labels = labelled([("server", server)]);
        reading.gauge(&catalog::REDIS_BLOCKED_CLIENTS, &labels, blocked as f64);
    }
    if let Some(refused) = number("rejected_connections") {
        let labels = labelled([("source", server), ("reason", "full")]);
        reading.count(&catalog::BACKPRESSURE, &labels, refused);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_older_server_does_not_say_is_absent() {
        let mut reading = Reading::default();
        let text = "# Clients\r\nconnected_clients:7\r\nblocked_clients:x\r\n";
        write(text, "redis", &mut reading).unwrap();
        assert_eq!(reading.len(), 1, "{reading:?}");
        assert!(write("hello", "redis", &mut reading).is_err());
    }
}
