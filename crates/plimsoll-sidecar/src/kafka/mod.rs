//! Kafka: what consumer groups have committed, how far that is from the end, and how old the record is
//! that comes next.

mod api;
mod cluster;
mod link;
mod records;
mod sasl;
mod times;
mod wire;

use crate::config::{DEADLINE, INTERVAL, LABEL, length};
use crate::connected::{Connected, ConnectedCollector};
use crate::kind::CollectorKind;
use crate::lag::{Lag, Ledger, Oldest, STALLED_AFTER, Seen, Statuses, wall_ms};
use crate::reading::labelled;
use crate::server::{Address, AddressError, ServerConfig};
use crate::{Collector, CollectorConfig, Flag, Pace, Reading, Reason, World};
use api::{Group, Partition};
use async_trait::async_trait;
use cluster::{Cluster, Extent};
use link::{Dial, Patience};
use plimsoll_model::catalog;
use plimsoll_runtime::clock::Clock;
use plimsoll_servers::{PASSWORD, PASSWORD_FILE, TLS_CONFIG, check_address};
use plimsoll_spec::{Length, MapShape, Parsed, Shape, optional, required};
use sasl::Mechanism;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;
use times::Times;

static SHAPE: MapShape = MapShape {
    keys: &[
        LABEL,
        INTERVAL,
        DEADLINE,
        required("url", Shape::TEXT),
        PASSWORD,
        PASSWORD_FILE,
        TLS_CONFIG,
        optional("sasl", Shape::parsed::<Sasl>()),
        optional("stalled_after", Shape::Text(length)),
    ],
    check: Some(|view, faults| {
        check_address(view, faults, |url| Ok(address(url).map(drop)?));
    }),
};

/// The consumer groups of a Kafka cluster, 2.6 or newer.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct KafkaConfig {
    #[serde(flatten)]
    server: ServerConfig,
    /// How the user of the address logs in.
    #[serde(default)]
    sasl: Option<Parsed<Sasl>>,
    /// How long a group may stand still with messages left.
    #[serde(default)]
    stalled_after: Option<Parsed<Length>>,
}

/// The name of a mechanism.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Sasl(Mechanism);

impl FromStr for Sasl {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        let found = Mechanism::NAMES.into_iter().find(|(name, _)| *name == text);
        found
            .map(|(_, mechanism)| Self(mechanism))
            .ok_or("isn't a way to log in: plain, scram-sha-256 or scram-sha-512")
    }
}

const PORT: u16 = 9092;

fn address(text: &str) -> Result<Address, AddressError> {
    Address::parse(text, &["kafka", "kafka+ssl"], "kafka://user@host:9092")
}

impl FromStr for KafkaConfig {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let server = ServerConfig::new(address(text)?);
        Ok(Self { server, sasl: None, stalled_after: None })
    }
}

impl CollectorKind for KafkaConfig {
    const SHAPE: &'static MapShape = &SHAPE;
    const PACE: Pace = Pace::EACH_5_SECONDS;
    const IS_NAMED: bool = false;
    const FLAGS: &'static [Flag] = &[Flag {
        name: "kafka",
        value: Some("URL"),
        help: "A Kafka cluster: how far its consumer groups are behind; may be repeated",
        read: |url| Ok(CollectorConfig::Kafka(url.parse()?)),
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
        let kafka = Kafka {
            mechanism: self.sasl.map_or(Mechanism::Plain, |sasl| sasl.0.0),
            server: self.server,
            patience: Patience::new(world.pace.deadline),
            known: Vec::new(),
            times: Times::default(),
            ledger: Ledger::new(world),
            statuses: Statuses::new(stalled_after),
            clock: world.clock.clone(),
        };
        Ok(Box::new(Connected::new(kafka, world.clock.clone())))
    }
}

struct Kafka {
    server: ServerConfig,
    mechanism: Mechanism,
    patience: Patience,
    /// Brokers that the cluster has named, for when the one of the address is gone.
    known: Vec<(String, u16)>,
    times: Times,
    ledger: Ledger,
    statuses: Statuses,
    clock: Arc<dyn Clock>,
}

/// A group and what it has committed.
type Position = (Group, Vec<(Partition, i64)>);

/// Where a group stands in a partition.
struct Place {
    group: Group,
    partition: Partition,
    committed: i64,
    extent: Extent,
}

impl Place {
    /// Returns the offset of what comes next: retention may have removed what stood at the position.
    fn next(&self) -> i64 {
        self.committed.max(self.extent.first)
    }

    /// Returns how many offsets there are from what comes next to the end.
    fn messages(&self) -> u64 {
        difference(self.extent.next, self.next())
    }
}

#[async_trait]
impl ConnectedCollector for Kafka {
    type Connection = Cluster;

    async fn connect(&self) -> Result<Cluster, Reason> {
        let address = &self.server.address;
        let is_tls = address.url().scheme() == "kafka+ssl";
        let tls = is_tls.then(|| self.server.tls().map(Arc::new)).transpose()?;
        let dial = Dial {
            server: self.server.clone(),
            mechanism: self.mechanism,
            tls,
            patience: self.patience.clone(),
        };
        let port = address.url().port().unwrap_or(PORT);
        self.patience.renew();
        let mut first = None;
        for (host, port) in std::iter::once(&(address.host(), port)).chain(&self.known) {
            match dial.connect(host, *port).await {
                Ok(link) => return Cluster::new(dial, link).await,
                Err(reason) => first = first.or(Some(reason)),
            }
        }
        Err(first.unwrap_or_else(|| Reason::new("there is no broker to ask")))
    }

    async fn look(&mut self, cluster: &mut Cluster) -> Result<Reading, Reason> {
        let mut reading = Reading::default();
        let places = self.places(cluster, &mut reading).await?;
        self.known = cluster.brokers.values().cloned().collect();
        let wanted: Vec<_> = places.iter().filter(|place| place.messages() > 0).collect();
        let wanted = wanted.iter().map(|place| (&place.partition, place.extent, place.next()));
        self.times.look(cluster, wanted.collect(), &mut reading).await;
        let now_ms = wall_ms(&*self.clock);
        for place in places {
            self.write(place, now_ms, &mut reading);
        }
        self.statuses.turn();
        self.patience.renew();
        Ok(reading)
    }
}

impl Kafka {
    /// Asks for every group's positions, and for the extents of what they read.
    async fn places(
        &self,
        cluster: &mut Cluster,
        reading: &mut Reading,
    ) -> Result<Vec<Place>, Reason> {
        let groups = cluster.groups(reading).await?;
        if groups.is_empty() {
            reading.note(
                "no group is to be seen: there is none, or this user lacks DESCRIBE on groups",
            );
        }
        let mut positions: Vec<Position> = Vec::new();
        for of in groups {
            write_state(&of.group, reading);
            match cluster.committed(&of).await {
                Ok(committed) => positions.push((of.group, committed)),
                Err(reason) => reading.note(reason),
            }
        }
        note_without_commit(&positions, reading);
        let read: BTreeSet<&Partition> =
            positions.iter().flat_map(|(_, committed)| committed).map(|(part, _)| part).collect();
        let topics: BTreeSet<&String> = read.iter().map(|(topic, _)| topic).collect();
        let topics: Vec<String> = topics.into_iter().cloned().collect();
        if topics.is_empty() {
            return Ok(Vec::new());
        }
        let extents = cluster.extents(&topics, reading).await?;
        note_skipped(&positions, &extents, reading);
        write_produced(extents.iter().filter(|(part, _)| read.contains(part)), reading);
        let places = positions.into_iter().flat_map(|(group, committed)| {
            let places = committed.into_iter().filter_map(|(partition, committed)| {
                let extent = *extents.get(&partition)?;
                Some(Place { group: group.clone(), partition, committed, extent })
            });
            places.collect::<Vec<_>>()
        });
        Ok(places.collect())
    }

    fn write(&mut self, place: Place, now_ms: i64, reading: &mut Reading) {
        let (messages, next) = (place.messages(), place.next());
        let expired = difference(place.extent.first, place.committed);
        let Place { group, partition, committed, .. } = place;
        let oldest = match messages {
            0 => Oldest::None,
            _ => self.times.get(&partition, next, now_ms),
        };
        let (topic, index) = partition;
        let lag = Lag { group: group.name, topic, partition: index.to_string(), messages, oldest };
        self.ledger.write(&lag, reading);
        let labels = lag.labels();
        let position = u64::try_from(committed).unwrap_or(0);
        reading.count(&catalog::MESSAGES_CONSUMED, &labels, position);
        reading.gauge(&catalog::CONSUMER_EXPIRED, &labels, expired as f64);
        let is_attended = !matches!(&*group.state, "Empty" | "Dead");
        // Who has only markers before it has nothing to do; who has lost messages was too slow for them.
        let waiting = if oldest == Oldest::None { 0 } else { messages };
        let messages = waiting.saturating_add(expired);
        let place = position.into();
        let seen = Seen { place, progress: place, messages, is_attended };
        self.statuses.write(labels, seen, self.clock.now(), reading);
    }
}

/// How Kafka spells the states, and how we do.
const STATES: [(&str, &str); 7] = [
    ("Stable", "stable"),
    ("Empty", "empty"),
    ("PreparingRebalance", "preparing_rebalance"),
    ("CompletingRebalance", "completing_rebalance"),
    ("Assigning", "assigning"),
    ("Reconciling", "reconciling"),
    ("Dead", "dead"),
];

fn write_state(group: &Group, reading: &mut Reading) {
    for (theirs, ours) in STATES {
        let labels = labelled([("group", &*group.name), ("state", ours)]);
        let holds = f64::from(u8::from(group.state == theirs));
        reading.gauge(&catalog::KAFKA_GROUP_STATE, &labels, holds);
    }
}

/// Says of whom nothing is known: where a group without a commit begins is a setting of its members.
fn note_without_commit(positions: &[Position], reading: &mut Reading) {
    let mut without = positions.iter().filter(|(_, committed)| committed.is_empty());
    if let Some((first, _)) = without.next() {
        reading.note(format_args!(
            "{} groups have committed nothing, as {}: how far they are behind isn't known until they do",
            1 + without.count(),
            first.name
        ));
    }
}

/// Says which partitions hold records that a group has committed nothing of, while it has of others of the
/// topic.
fn note_skipped(
    positions: &[Position],
    extents: &HashMap<Partition, Extent>,
    reading: &mut Reading,
) {
    let mut filled: BTreeMap<&String, BTreeSet<i32>> = BTreeMap::new();
    for ((topic, index), _) in extents.iter().filter(|(_, extent)| extent.first < extent.next) {
        filled.entry(topic).or_default().insert(*index);
    }
    let (mut skipped, mut first) = (0, None);
    for (group, committed) in positions {
        let mut read: BTreeMap<&String, BTreeSet<i32>> = BTreeMap::new();
        for ((topic, index), _) in committed {
            read.entry(topic).or_default().insert(*index);
        }
        for (topic, read) in read {
            for index in filled.get(topic).into_iter().flat_map(|filled| filled.difference(&read)) {
                skipped += 1;
                first = first.or(Some((&group.name, topic, *index)));
            }
        }
    }
    if let Some((group, topic, index)) = first {
        reading.note(format_args!(
            "{skipped} partitions hold records of which a group of the topic has committed nothing, as \
             {topic} {index} of {group}: how far it is behind there isn't known"
        ));
    }
}

fn write_produced<'a>(
    extents: impl Iterator<Item = (&'a Partition, &'a Extent)>,
    reading: &mut Reading,
) {
    for ((topic, index), extent) in extents {
        let labels = labelled([("topic", topic), ("partition", &index.to_string())]);
        let produced = u64::try_from(extent.next).unwrap_or(0);
        reading.count(&catalog::MESSAGES_PRODUCED, &labels, produced);
    }
}

/// Returns by how much `from` is above `to`, zero if it isn't.
fn difference(from: i64, to: i64) -> u64 {
    u64::try_from(from.saturating_sub(to)).unwrap_or(0)
}
