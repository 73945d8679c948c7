//! RabbitMQ, through its management API: what stands in queues, who consumes, and whom flow control slows.

mod api;

use crate::config::{interval, length};
use crate::connected::{Connected, ConnectedCollector};
use crate::lag::{Lag, Ledger, Oldest, STALLED_AFTER, Seen, Statuses, wall_ms};
use crate::reading::labelled;
use crate::server::{Address, AddressError, Server};
use crate::{Collector, Reading, Reason, World};
use api::{Link, Queue};
use async_trait::async_trait;
use plimsoll_model::{Labels, LevelPart, Value, catalog};
use plimsoll_runtime::clock::Clock;
use plimsoll_spec::{Length, MapShape, Parsed, Shape, optional, required};
use serde::Deserialize;
use std::str::FromStr;
use std::sync::Arc;

pub(crate) static SHAPE: MapShape = MapShape {
    keys: &[
        optional("label", Shape::TEXT),
        optional("interval", Shape::Text(interval)),
        optional("deadline", Shape::Text(interval)),
        required("url", Shape::Text(|text| address(text).map(drop).map_err(|e| e.to_string()))),
        optional("password_file", Shape::TEXT),
        optional("ca_file", Shape::TEXT),
        optional("stalled_after", Shape::Text(length)),
    ],
    check: None,
};

/// The queues of a RabbitMQ server, as a user with the tag `monitoring` sees them.
#[derive(Clone, Debug, Deserialize)]
pub struct RabbitMqConfig {
    #[serde(flatten)]
    server: Server,
    /// How long a queue's consumers may stand still with messages left.
    #[serde(default)]
    stalled_after: Option<Parsed<Length>>,
}

fn address(text: &str) -> Result<Address, AddressError> {
    Address::parse(text, &["http", "https"], "http://user@host:15672")
}

impl FromStr for RabbitMqConfig {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        Ok(Self { server: Server::new(address(text)?), stalled_after: None })
    }
}

impl RabbitMqConfig {
    pub(crate) fn name(&self) -> String {
        format!("rabbitmq:{}", self.server.address)
    }

    pub(crate) fn build(self, world: &World) -> Box<dyn Collector> {
        let stalled_after = self.stalled_after.map_or(STALLED_AFTER, |length| length.0.0);
        let rabbitmq = RabbitMq {
            server: self.server,
            ledger: Ledger::new(world),
            statuses: Statuses::new(stalled_after),
            clock: world.clock.clone(),
        };
        Box::new(Connected::new(rabbitmq, world.clock.clone()))
    }
}

struct RabbitMq {
    server: Server,
    ledger: Ledger,
    statuses: Statuses,
    clock: Arc<dyn Clock>,
}

#[async_trait]
impl ConnectedCollector for RabbitMq {
    type Connection = Link;

    async fn connect(&self) -> Result<Link, Reason> {
        Link::new(&self.server)
    }

    async fn look(&mut self, link: &mut Link) -> Result<Reading, Reason> {
        let mut reading = Reading::default();
        let queues = link.queues(&mut reading).await?;
        match link.connections().await {
            Ok(states) => write_connections(&states, &mut reading),
            Err(reason) => reading.note(reason),
        }
        let now_ms = wall_ms(&*self.clock);
        for queue in queues {
            self.write(&queue, now_ms, &mut reading);
        }
        self.statuses.turn();
        Ok(reading)
    }
}

impl RabbitMq {
    fn write(&mut self, queue: &Queue, now_ms: i64, reading: &mut Reading) {
        let name = queue.shown();
        // A queue that a node has yet to tell about has no counts.
        let (Some(ready), Some(unacked)) = (queue.messages_ready, queue.messages_unacknowledged)
        else {
            return;
        };
        let of_queue = labelled([("queue", &name)]);
        let messages = ready.saturating_add(unacked);
        let oldest = match queue.head_unix_ms() {
            _ if messages == 0 => Oldest::None,
            Some(unix_ms) => Oldest::At { unix_ms, age_ms: now_ms.saturating_sub(unix_ms) },
            None => Oldest::Unknown,
        };
        write_depth(queue, ready, &of_queue, reading);
        reading.gauge(&catalog::RABBITMQ_UNACKED, &of_queue, unacked as f64);
        if let Some(consumers) = queue.consumers {
            reading.gauge(&catalog::RABBITMQ_CONSUMERS, &of_queue, consumers as f64);
        }
        if let Some(capacity) = queue.consumer_capacity() {
            reading.gauge(&catalog::RABBITMQ_CONSUMER_CAPACITY, &of_queue, capacity);
        }
        let (group, topic) = (name.clone(), name);
        let lag = Lag { group, topic, partition: String::new(), messages, oldest };
        self.ledger.write(&lag, reading);
        let of_topic = labelled([("topic", &lag.topic)]);
        reading.count(&catalog::MESSAGES_PRODUCED, &of_topic, queue.published());
        let consumed = queue.consumed();
        reading.count(&catalog::MESSAGES_CONSUMED, &lag.labels(), consumed);
        let is_attended = queue.consumers.is_some_and(|consumers| consumers > 0);
        let seen = Seen { position: consumed, messages, is_attended };
        self.statuses.write(lag.labels(), seen, self.clock.now(), reading);
    }
}

fn write_depth(queue: &Queue, ready: u64, of_queue: &Labels, reading: &mut Reading) {
    let mut part = |part, value: u64| {
        let value = Value::Gauge(value as f64);
        reading.level_part(&catalog::QUEUE_DEPTH, part, of_queue, value);
    };
    part(LevelPart::Now, ready);
    if let Some(limit) = queue.length_max() {
        part(LevelPart::Limit, limit);
    }
}

const STATES: [&str; 4] = ["running", "flow", "blocking", "blocked"];

fn write_connections(states: &[String], reading: &mut Reading) {
    let count =
        |is_it: &dyn Fn(&str) -> bool| states.iter().filter(|state| is_it(state)).count() as f64;
    let other = count(&|state| !STATES.contains(&state));
    let counted = STATES.map(|name| (name, count(&|state| state == name)));
    for (state, value) in counted.into_iter().chain([("other", other)]) {
        reading.gauge(&catalog::RABBITMQ_CONNECTIONS, &labelled([("state", state)]), value);
    }
}
