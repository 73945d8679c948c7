//! RabbitMQ, through its management API: what stands in queues, who consumes, and whom flow control slows.

mod api;

use crate::config::{DEADLINE, INTERVAL, LABEL, length};
use crate::connected::{Connected, ConnectedCollector};
use crate::kind::CollectorKind;
use crate::lag::{Lag, Ledger, Oldest, STALLED_AFTER, Seen, Statuses, wall_ms};
use crate::reading::labelled;
use crate::server::{Address, AddressError, ServerConfig};
use crate::{Collector, CollectorConfig, Flag, Pace, Reading, Reason, World};
use api::{Link, Queue};
use async_trait::async_trait;
use plimsoll_model::catalog;
use plimsoll_runtime::clock::Clock;
use plimsoll_servers::{PASSWORD, PASSWORD_FILE, TLS_CONFIG, check_address};
use plimsoll_spec::{Length, MapShape, Parsed, Shape, optional, required};
use serde::Deserialize;
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;

static SHAPE: MapShape = MapShape {
    keys: &[
        LABEL,
        INTERVAL,
        DEADLINE,
        required("url", Shape::TEXT),
        PASSWORD,
        PASSWORD_FILE,
        TLS_CONFIG,
        optional("stalled_after", Shape::Text(length)),
    ],
    check: Some(|view, faults| {
        check_address(view, faults, |url| Ok(address(url).map(drop)?));
    }),
};

/// The queues of a RabbitMQ server, as a user with the tag `monitoring` sees them.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct RabbitMqConfig {
    #[serde(flatten)]
    server: ServerConfig,
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
        Ok(Self { server: ServerConfig::new(address(text)?), stalled_after: None })
    }
}

impl CollectorKind for RabbitMqConfig {
    const SHAPE: &'static MapShape = &SHAPE;
    const PACE: Pace = Pace::EACH_5_SECONDS;
    const IS_NAMED: bool = false;
    const FLAGS: &'static [Flag] = &[Flag {
        name: "rabbitmq",
        value: Some("URL"),
        help: "A RabbitMQ server's management API: queues, consumers, blocked connections; may be repeated",
        read: |url| Ok(CollectorConfig::RabbitMq(url.parse()?)),
    }];

    fn target(&self) -> String {
        self.server.address.to_string()
    }

    fn lies_in(&mut self, folder: &Path) {
        self.server.lies_in(folder);
    }

    fn check(&self) -> Result<(), Reason> {
        self.server.check()
    }

    fn build(self, world: &World) -> Result<Box<dyn Collector>, Reason> {
        let stalled_after = self.stalled_after.map_or(STALLED_AFTER, |length| length.0.0);
        let rabbitmq = RabbitMq {
            server: self.server,
            ledger: Ledger::new(world),
            statuses: Statuses::new(stalled_after),
            clock: world.clock.clone(),
        };
        Ok(Box::new(Connected::new(rabbitmq, world.clock.clone())))
    }
}

struct RabbitMq {
    server: ServerConfig,
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
        let of_queue = labelled([("queue", &name)]);
        if let Some(consumers) = queue.consumers {
            reading.gauge(&catalog::RABBITMQ_CONSUMERS, &of_queue, consumers as f64);
        }
        // A queue that a node has yet to tell about has no counts.
        let (Some(ready), Some(unacked)) = (queue.messages_ready, queue.messages_unacknowledged)
        else {
            return;
        };
        reading.gauge(&catalog::RABBITMQ_UNACKED, &of_queue, unacked as f64);
        let of_topic = labelled([("topic", &name)]);
        reading.count(&catalog::MESSAGES_PRODUCED, &of_topic, queue.published());
        // What stands in a stream has been read or not, which the server doesn't tell.
        if queue.is_stream() {
            return;
        }
        let limit = queue.length_max().map(|limit| limit as f64);
        reading.level(&catalog::QUEUE_DEPTH, &of_queue, ready as f64, limit);
        if let Some(capacity) = queue.consumer_capacity() {
            reading.gauge(&catalog::RABBITMQ_CONSUMER_CAPACITY, &of_queue, capacity);
        }
        let messages = ready.saturating_add(unacked);
        let oldest = match queue.head_unix_ms() {
            _ if messages == 0 => Oldest::None,
            Some(unix_ms) => Oldest::At { unix_ms, age_ms: now_ms.saturating_sub(unix_ms) },
            None => Oldest::Unknown,
        };
        let (group, topic) = (name.clone(), name);
        self.write_lag(
            queue,
            Lag { group, topic, partition: String::new(), messages, oldest },
            reading,
        );
    }

    fn write_lag(&mut self, queue: &Queue, lag: Lag, reading: &mut Reading) {
        self.ledger.write(&lag, reading);
        let consumed = queue.consumed();
        reading.count(&catalog::MESSAGES_CONSUMED, &lag.labels(), consumed);
        let is_attended = queue.consumers.is_some_and(|consumers| consumers > 0);
        // Its counts begin anew with the server: a queue has no place that it could be set back to.
        let seen =
            Seen { place: 0, progress: consumed.into(), messages: lag.messages, is_attended };
        self.statuses.write(lag.labels(), seen, self.clock.now(), reading);
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
