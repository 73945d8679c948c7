//! NATS JetStream: durable consumers, and what each has yet to acknowledge of its stream.

mod api;
mod link;

use crate::config::{DEADLINE, INTERVAL, LABEL, length};
use crate::connected::{Connected, ConnectedCollector};
use crate::kind::CollectorKind;
use crate::lag::{Lag, Ledger, Oldest, STALLED_AFTER, Seen, Statuses, wall_ms};
use crate::reading::labelled;
use crate::server::{Address, AddressError, ServerConfig};
use crate::{Collector, CollectorConfig, Flag, Pace, Reading, Reason, World};
use api::{Consumer, DeliverPolicy, Stream};
use async_trait::async_trait;
use futures_util::{StreamExt, stream};
use link::{All, Dial, Link};
use plimsoll_model::catalog;
use plimsoll_runtime::clock::Clock;
use plimsoll_servers::{PASSWORD, PASSWORD_FILE, TLS_CONFIG, check_address};
use plimsoll_spec::{Length, MapShape, Parsed, Shape, optional, required};
use serde::Deserialize;
use std::path::{Path, PathBuf};
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
        optional("credentials_file", Shape::TEXT),
        optional("stalled_after", Shape::Text(length)),
    ],
    check: Some(|view, faults| {
        check_address(view, faults, |url| Ok(address(url).map(drop)?));
    }),
};

/// How many requests for a message are under way at once.
const REQUESTS_AT_ONCE: usize = 16;

/// How many filters of a consumer are followed to its next message.
const FILTERS_MAX: usize = 8;

/// The JetStream of one account of a NATS server.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct NatsConfig {
    #[serde(flatten)]
    server: ServerConfig,
    /// A file with a JWT and its seed.
    #[serde(default)]
    credentials_file: Option<PathBuf>,
    /// How long a consumer may stand still with messages left.
    #[serde(default)]
    stalled_after: Option<Parsed<Length>>,
}

fn address(text: &str) -> Result<Address, AddressError> {
    Address::parse(text, &["nats", "tls"], "nats://user@host:4222")
}

impl FromStr for NatsConfig {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let server = ServerConfig::new(address(text)?);
        Ok(Self { server, credentials_file: None, stalled_after: None })
    }
}

impl CollectorKind for NatsConfig {
    const SHAPE: &'static MapShape = &SHAPE;
    const PACE: Pace = Pace::EACH_5_SECONDS;
    const IS_NAMED: bool = false;
    const FLAGS: &'static [Flag] = &[Flag {
        name: "nats",
        value: Some("URL"),
        help: "The JetStream of a NATS account: how far its consumers are behind; may be repeated",
        read: |url| Ok(CollectorConfig::Nats(url.parse()?)),
    }];

    fn target(&self) -> String {
        self.server.address.to_string()
    }

    fn lies_in(&mut self, folder: &Path) {
        self.server.lies_in(folder);
        if let Some(file) = &mut self.credentials_file {
            *file = folder.join(&file);
        }
    }

    fn check(&self) -> Result<(), Reason> {
        self.server.check()
    }

    fn build(self, world: &World) -> Result<Box<dyn Collector>, Reason> {
        let stalled_after = self.stalled_after.map_or(STALLED_AFTER, |length| length.0.0);
        let nats = Nats {
            dial: Dial { server: self.server, credentials: self.credentials_file },
            ledger: Ledger::new(world),
            statuses: Statuses::new(stalled_after),
            clock: world.clock.clone(),
        };
        Ok(Box::new(Connected::new(nats, world.clock.clone())))
    }
}

struct Nats {
    dial: Dial,
    ledger: Ledger,
    statuses: Statuses,
    clock: Arc<dyn Clock>,
}

/// A durable consumer, and where it was found.
struct Durable {
    stream: String,
    consumer: Consumer,
    /// How far the server's clock is ahead of ours.
    ahead_ms: i64,
}

#[async_trait]
impl ConnectedCollector for Nats {
    type Connection = Link;

    async fn connect(&self) -> Result<Link, Reason> {
        self.dial.connect().await
    }

    async fn look(&mut self, link: &mut Link) -> Result<Reading, Reason> {
        let link = &*link;
        let mut reading = Reading::default();
        let streams = link.streams().await?;
        note_missing("streams", &streams.missing, &mut reading);
        let durable = self.durable(link, streams.items, &mut reading).await?;
        let oldest = self.oldest(link, &durable, &mut reading).await;
        let now = self.clock.now();
        for (Durable { stream, consumer, .. }, oldest) in durable.iter().zip(oldest) {
            let lag = Lag {
                group: consumer.name.clone(),
                topic: stream.clone(),
                partition: String::new(),
                messages: consumer.lag(),
                oldest,
            };
            self.ledger.write(&lag, &mut reading);
            let seen = Seen {
                place: consumer.ack_floor.stream_seq.into(),
                progress: consumer.progress(),
                messages: lag.messages,
                is_attended: consumer.is_attended(),
            };
            self.statuses.write(lag.labels(), seen, now, &mut reading);
            write(consumer, &lag, &mut reading);
        }
        self.statuses.turn();
        Ok(reading)
    }
}

impl Nats {
    /// Asks for the consumers of those streams. A stream that doesn't tell costs its own; if none does, that
    /// is the reason.
    async fn durable(
        &self,
        link: &Link,
        streams: Vec<Stream>,
        reading: &mut Reading,
    ) -> Result<Vec<Durable>, Reason> {
        let names: Vec<_> = streams.iter().map(|stream| &*stream.config.name).collect();
        let asked: Vec<_> = names.iter().map(|name| link.consumers(name)).collect();
        let answers: Vec<_> = stream::iter(asked).buffered(REQUESTS_AT_ONCE).collect().await;
        if let Some(Err(reason)) = answers.first()
            && answers.iter().all(Result::is_err)
        {
            return Err(reason.clone());
        }
        let mut durable = Vec::new();
        for (stream, consumers) in streams.into_iter().zip(answers) {
            let of_stream = labelled([("topic", &stream.config.name)]);
            reading.count(&catalog::MESSAGES_PRODUCED, &of_stream, stream.state.last_seq);
            match consumers {
                Ok(consumers) => durable.extend(self.durable_of(stream, consumers, reading)),
                Err(reason) => reading.note(reason),
            }
        }
        Ok(durable)
    }

    /// Takes the durable ones. Those without such a name are counted only: their names are made up anew by
    /// each client that starts.
    fn durable_of(
        &self,
        stream: Stream,
        consumers: All<Consumer>,
        reading: &mut Reading,
    ) -> Vec<Durable> {
        let name = stream.config.name;
        note_missing(&format!("consumers of {name}"), &consumers.missing, reading);
        let all = consumers.items.len();
        let durable = consumers.items.into_iter().filter(|one| one.config.durable_name.is_some());
        let here_ms = wall_ms(&*self.clock);
        let durable = durable.map(|consumer| {
            let ahead_ms = consumer.unix_ms().map_or(0, |there_ms| there_ms - here_ms);
            Durable { stream: name.clone(), consumer, ahead_ms }
        });
        let durable: Vec<_> = durable.collect();
        let ephemeral = (all - durable.len()) as f64;
        let of_stream = labelled([("topic", &name)]);
        reading.gauge(&catalog::NATS_EPHEMERAL_CONSUMERS, &of_stream, ephemeral);
        durable
    }

    /// Asks for the next message of each consumer that has one left. Without the permission to read
    /// messages nothing is known of their times, and the rest of the reading stands.
    async fn oldest(&self, link: &Link, durable: &[Durable], reading: &mut Reading) -> Vec<Oldest> {
        let asked: Vec<_> = durable.iter().map(|durable| self.oldest_of(link, durable)).collect();
        let answers: Vec<_> = stream::iter(asked).buffered(REQUESTS_AT_ONCE).collect().await;
        let known = answers.into_iter().map(|answer| {
            answer.unwrap_or_else(|reason| {
                reading.note(reason);
                Oldest::Unknown
            })
        });
        known.collect()
    }

    async fn oldest_of(&self, link: &Link, durable: &Durable) -> Result<Oldest, Reason> {
        let Durable { stream, consumer, ahead_ms } = durable;
        if consumer.lag() == 0 {
            return Ok(Oldest::None);
        }
        let filters = consumer.filters();
        // Who reads the last message of each subject doesn't go by sequence.
        let by_subject = consumer.config.deliver_policy == DeliverPolicy::LastPerSubject;
        if by_subject || filters.len() > FILTERS_MAX {
            return Ok(Oldest::Unknown);
        }
        let mut first: Option<(u64, i64)> = None;
        for filter in filters {
            let from = consumer.ack_floor.stream_seq.saturating_add(1);
            if let Some(next) = link.message(stream, from, filter).await? {
                first = Some(first.map_or(next, |first| first.min(next)));
            }
        }
        Ok(first.map_or(Oldest::Unknown, |(_, unix_ms)| {
            let there_ms = wall_ms(&*self.clock).saturating_add(*ahead_ms);
            Oldest::At { unix_ms, age_ms: there_ms.saturating_sub(unix_ms) }
        }))
    }
}

/// Says of whom nothing is known.
fn note_missing(what: &str, missing: &[String], reading: &mut Reading) {
    if let Some(first) = missing.first() {
        reading.note(format_args!(
            "{} {what} are missing, as {first}: they have no leader now, or their servers are gone",
            missing.len()
        ));
    }
}

/// Writes what only JetStream has.
fn write(consumer: &Consumer, lag: &Lag, reading: &mut Reading) {
    let consumed = consumer.ack_floor.consumer_seq;
    reading.count(&catalog::MESSAGES_CONSUMED, &lag.labels(), consumed);
    let of_group = labelled([("group", &lag.group), ("topic", &lag.topic)]);
    let pending = consumer.num_ack_pending as f64;
    let limit = consumer.config.max_ack_pending.filter(|limit| *limit >= 0);
    let limit = limit.map(|limit| limit as f64);
    reading.level(&catalog::NATS_ACK_PENDING, &of_group, pending, limit);
    let redelivered = consumer.num_redelivered as f64;
    reading.gauge(&catalog::NATS_REDELIVERED, &of_group, redelivered);
    reading.count(&catalog::NATS_DELIVERIES, &of_group, consumer.delivered.consumer_seq);
    let paused = f64::from(u8::from(consumer.paused));
    reading.gauge(&catalog::NATS_PAUSED, &of_group, paused);
    reading.gauge(&catalog::NATS_PULLS_WAITING, &of_group, consumer.num_waiting as f64);
}
