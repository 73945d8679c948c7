//! How far the groups of streams are behind, in entries and by the times that the entries' ids say.

use super::{ask, failed, is_absence};
use crate::lag::{Seen, Statuses};
use crate::reading::labelled;
use crate::skew::Skew;
use crate::{Reading, Reason, World};
use plimsoll_model::{Labels, catalog};
use plimsoll_runtime::clock::Clock;
use redis::aio::MultiplexedConnection;
use redis::{FromRedisValue, Value, cmd};
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

/// Streams and groups that are looked at; those beyond aren't, so that a round's cost has a bound.
const STREAMS_MAX: usize = 64;
const GROUPS_MAX: usize = 500;

/// Consumers of a group that are asked for; a group that never forgets dead ones may have any number.
const CONSUMERS_MAX: u64 = 1_000;

/// Steps of the search for streams in one round, and keys that each asks for.
const SCANS_MAX: usize = 10;
const SCAN_COUNT: usize = 1_000;

/// Ids before this aren't times: streams are younger (2017).
const ID_MS_MIN: u64 = 1_483_228_800_000;

/// The streams of one server and what is needed to look at them.
pub(super) struct Streams {
    server: Arc<str>,
    skew: Skew,
    keys: Keys,
    statuses: Statuses,
    stalled_after: Duration,
    clock: Arc<dyn Clock>,
}

/// Which streams are looked at.
enum Keys {
    Named(BTreeSet<Vec<u8>>),
    /// Those that a search has found, and where it goes on: a round asks for a part of a large database.
    Found {
        keys: BTreeSet<Vec<u8>>,
        cursor: u64,
    },
}

/// An entry's id: its time in milliseconds and its number within that.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Id {
    ms: u64,
    number: u64,
}

/// What a stream, or a group of one, says of itself.
struct Facts(HashMap<String, Value>);

/// One group of one stream, with its labels and the present of the server's clock.
struct Group<'a> {
    name: String,
    key: &'a [u8],
    labels: Labels,
    now_ms: u64,
}

impl Streams {
    pub(super) fn new(world: &World, named: Option<Vec<String>>, stalled_after: Duration) -> Self {
        let keys = match named {
            Some(named) => Keys::Named(named.into_iter().map(String::into_bytes).collect()),
            None => Keys::Found { keys: BTreeSet::new(), cursor: 0 },
        };
        Self {
            server: world.name.clone(),
            skew: Skew::new(world),
            keys,
            statuses: Statuses::new(stalled_after),
            stalled_after,
            clock: world.clock.clone(),
        }
    }

    pub(super) async fn read(
        &mut self,
        connection: &mut MultiplexedConnection,
        reading: &mut Reading,
    ) -> Result<(), Reason> {
        self.keys.search(connection).await?;
        let (now_s, now_us): (u64, u64) = ask(connection, &cmd("TIME")).await?;
        let now_ms = now_s.saturating_mul(1_000).saturating_add(now_us / 1_000);
        let server = self.server.clone();
        let mut groups_left = GROUPS_MAX;
        for key in self.keys.all() {
            let Some(stream) = facts(connection, "STREAM", &key).await? else {
                self.keys.forget(&key);
                continue;
            };
            let topic = String::from_utf8_lossy(&key);
            let labels = [("server", &*server), ("topic", &*topic), ("partition", "")];
            if let Some(added) = stream.number("entries-added") {
                reading.count(&catalog::MESSAGES_PRODUCED, &labelled(labels), added);
            }
            let groups: Option<Vec<HashMap<String, Value>>> =
                unless_absent(connection, cmd("XINFO").arg("GROUPS").arg(&key)).await?;
            for facts in groups.unwrap_or_default().into_iter().map(Facts).take(groups_left) {
                groups_left -= 1;
                let name = facts.text("name").unwrap_or_default();
                let [server, topic, partition] = labels;
                let labels = labelled([server, topic, partition, ("group", &name)]);
                let group = Group { name, key: &key, labels, now_ms };
                let behind = self.lag(connection, &group, (&stream, &facts), reading).await?;
                self.pending(connection, &group, &facts, reading).await?;
                self.status(connection, &group, (&facts, behind), reading).await?;
            }
        }
        self.statuses.turn();
        Ok(())
    }

    /// Adds what the group wasn't given yet, and returns how many entries that is, or 1 if the server
    /// doesn't know how many.
    async fn lag(
        &self,
        connection: &mut MultiplexedConnection,
        group: &Group<'_>,
        (stream, facts): (&Facts, &Facts),
        reading: &mut Reading,
    ) -> Result<u64, Reason> {
        if let Some(read) = facts.number("entries-read") {
            reading.count(&catalog::MESSAGES_CONSUMED, &group.labels, read);
        }
        let Some(delivered) = facts.id("last-delivered-id") else { return Ok(0) };
        let next = match stream.id("last-generated-id") {
            Some(last) if last <= delivered => None,
            _ => first_after(connection, group.key, delivered).await?,
        };
        let Some(next) = next else {
            // Nothing is there that wasn't given to it, whatever the server makes of deleted entries.
            reading.gauge(&catalog::CONSUMER_LAG, &group.labels, 0.0);
            reading.gauge(&catalog::CONSUMER_LAG_TIME, &group.labels, 0.0);
            return Ok(0);
        };
        let lag = facts.number("lag");
        if let Some(lag) = lag {
            reading.gauge(&catalog::CONSUMER_LAG, &group.labels, lag as f64);
        }
        if let Some(age_s) = self.age_s(next, group.now_ms) {
            reading.gauge(&catalog::CONSUMER_LAG_TIME, &group.labels, age_s);
            let at_s = next.ms as f64 / 1e3;
            reading.gauge(&catalog::CONSUMER_OLDEST_TIMESTAMP, &group.labels, at_s);
        }
        Ok(lag.unwrap_or(1))
    }

    /// Adds whether the group advances. What it has done is what it was given and has acknowledged; a
    /// consumer is there if it has asked the server for anything lately, be it for entries that it has.
    async fn status(
        &mut self,
        connection: &mut MultiplexedConnection,
        group: &Group<'_>,
        (facts, behind): (&Facts, u64),
        reading: &mut Reading,
    ) -> Result<(), Reason> {
        let numbers = ["pending", "consumers"].map(|name| facts.number(name));
        let [Some(pending), Some(consumers)] = numbers else { return Ok(()) };
        let messages = behind.saturating_add(pending);
        // A group that was given nothing yet has read no number of entries either.
        let read = facts.number("entries-read").or((messages == 0).then_some(0));
        let Some(read) = read.filter(|_| consumers <= CONSUMERS_MAX) else { return Ok(()) };
        let mut is_attended = false;
        if messages > 0 && consumers > 0 {
            let mut ask = cmd("XINFO");
            ask.arg("CONSUMERS").arg(group.key).arg(&group.name);
            let all: Option<Vec<HashMap<String, Value>>> = unless_absent(connection, &ask).await?;
            let idle = all.unwrap_or_default().into_iter().map(Facts);
            let idle_ms = idle.filter_map(|consumer| consumer.number("idle")).min();
            is_attended =
                idle_ms.is_some_and(|idle| Duration::from_millis(idle) < self.stalled_after);
        }
        let seen = Seen { position: read.saturating_sub(pending), messages, is_attended };
        self.statuses.write(group.labels.clone(), seen, self.clock.now(), reading);
        Ok(())
    }

    /// Adds what its consumers were given and haven't acknowledged.
    async fn pending(
        &self,
        connection: &mut MultiplexedConnection,
        group: &Group<'_>,
        facts: &Facts,
        reading: &mut Reading,
    ) -> Result<(), Reason> {
        let topic = group.labels.get("topic").unwrap_or_default();
        let labels = labelled([("server", &self.server), ("group", &group.name), ("topic", topic)]);
        if let Some(consumers) = facts.number("consumers") {
            reading.gauge(&catalog::REDIS_CONSUMERS, &labels, consumers as f64);
        }
        let Some(pending) = facts.number("pending") else { return Ok(()) };
        reading.gauge(&catalog::REDIS_PENDING, &labels, pending as f64);
        let mut oldest_s = Some(0.0);
        if pending > 0 {
            type Pending = (u64, Option<String>, Option<String>, Value);
            let summary: Option<Pending> =
                unless_absent(connection, cmd("XPENDING").arg(group.key).arg(&group.name)).await?;
            let oldest = summary.and_then(|(_, oldest, ..)| Id::parse(&oldest?));
            oldest_s = oldest.and_then(|oldest| self.age_s(oldest, group.now_ms));
        }
        if let Some(oldest_s) = oldest_s {
            reading.gauge(&catalog::REDIS_PENDING_OLDEST_AGE, &labels, oldest_s);
        }
        Ok(())
    }

    /// Returns the age of an entry, unless its id isn't a time.
    fn age_s(&self, id: Id, now_ms: u64) -> Option<f64> {
        (id.ms >= ID_MS_MIN).then(|| self.skew.age((now_ms as f64 - id.ms as f64) / 1e3))
    }
}

impl Keys {
    fn all(&self) -> Vec<Vec<u8>> {
        match self {
            Self::Named(keys) | Self::Found { keys, .. } => keys.iter().cloned().collect(),
        }
    }

    /// Forgets a stream that is gone; one that was named may come back.
    fn forget(&mut self, key: &[u8]) {
        if let Self::Found { keys, .. } = self {
            keys.remove(key);
        }
    }

    /// Goes on with the search, if there is one.
    async fn search(&mut self, connection: &mut MultiplexedConnection) -> Result<(), Reason> {
        let Self::Found { keys, cursor } = self else { return Ok(()) };
        for _ in 0..SCANS_MAX {
            let mut scan = cmd("SCAN");
            scan.arg(*cursor).arg("COUNT").arg(SCAN_COUNT).arg("TYPE").arg("stream");
            let (next, found): (u64, Vec<Vec<u8>>) = ask(connection, &scan).await?;
            let room = STREAMS_MAX.saturating_sub(keys.len());
            keys.extend(found.into_iter().take(room));
            *cursor = next;
            if next == 0 {
                break;
            }
        }
        Ok(())
    }
}

impl Facts {
    fn number(&self, name: &str) -> Option<u64> {
        self.get(name)
    }

    fn text(&self, name: &str) -> Option<String> {
        self.0.get(name).and_then(|value| {
            let bytes: Vec<u8> = redis::from_redis_value_ref(value).ok()?;
            Some(String::from_utf8_lossy(&bytes).into_owned())
        })
    }

    fn id(&self, name: &str) -> Option<Id> {
        Id::parse(&self.text(name)?)
    }

    /// Reads a fact; one that is null, or that this version doesn't know, isn't known.
    fn get<T: FromRedisValue>(&self, name: &str) -> Option<T> {
        redis::from_redis_value_ref::<Option<T>>(self.0.get(name)?).ok().flatten()
    }
}

impl Id {
    fn parse(text: &str) -> Option<Self> {
        let (ms, number) = text.split_once('-')?;
        Some(Self { ms: ms.parse().ok()?, number: number.parse().ok()? })
    }
}

/// Asks what a stream is; none if there is none.
async fn facts(
    connection: &mut MultiplexedConnection,
    of: &str,
    key: &[u8],
) -> Result<Option<Facts>, Reason> {
    let facts = unless_absent(connection, cmd("XINFO").arg(of).arg(key)).await?;
    Ok(facts.map(Facts))
}

/// Returns the first entry after `id`.
async fn first_after(
    connection: &mut MultiplexedConnection,
    key: &[u8],
    id: Id,
) -> Result<Option<Id>, Reason> {
    let after = format!("({}-{}", id.ms, id.number);
    let mut range = cmd("XRANGE");
    range.arg(key).arg(after).arg("+").arg("COUNT").arg(1);
    let entries: Option<Vec<(String, Value)>> = unless_absent(connection, &range).await?;
    Ok(entries.and_then(|entries| Id::parse(&entries.first()?.0)))
}

/// Asks for something that may be gone since it was found.
async fn unless_absent<T: FromRedisValue>(
    connection: &mut MultiplexedConnection,
    command: &redis::Cmd,
) -> Result<Option<T>, Reason> {
    match command.query_async(connection).await {
        Ok(answer) => Ok(Some(answer)),
        Err(error) if is_absence(&error) => Ok(None),
        Err(error) => Err(failed(&error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_stand_in_the_order_of_their_numbers_and_not_of_their_texts() {
        let ids = ["9-0", "10-2", "10-10"].map(|text| Id::parse(text).unwrap());
        assert!(ids.is_sorted());
        assert_eq!((Id::parse("10"), Id::parse("a-1")), (None, None));
    }

    #[test]
    fn a_fact_that_is_null_is_not_known() {
        let facts =
            Facts([("lag".to_owned(), Value::Nil), ("pending".to_owned(), Value::Int(3))].into());
        assert_eq!(facts.number("lag"), None);
        assert_eq!(facts.number("pending"), Some(3));
        assert_eq!(facts.number("entries-read"), None);
    }
}
