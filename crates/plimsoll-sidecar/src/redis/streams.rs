//! How far the groups of streams are behind, in entries and by the times that the entries' ids say.

use super::facts::{Facts, Id};
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
        self.keys.search(connection, reading).await?;
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
            let groups = groups.unwrap_or_default();
            if groups.len() > groups_left {
                reading.note(format_args!("{GROUPS_MAX} groups are looked at, there are more"));
            }
            for facts in groups.into_iter().map(Facts).take(groups_left) {
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
        let has_all = stream.id("last-generated-id").is_some_and(|last| last <= delivered);
        let next = match has_all {
            true => None,
            false => first_after(connection, group.key, delivered).await?,
        };
        // Behind the group's place lies the whole stream, or none of it: then its length is the lag, and
        // what the server counts above that was removed.
        let left = match next {
            None => Some(0),
            Some(next) if stream.first() == Some(next) => stream.number("length"),
            Some(_) => None,
        };
        let expired = match (has_all, left) {
            (true, _) => Some(0),
            (false, Some(left)) => expired(stream, facts, left),
            (false, None) => facts.number("lag").map(|_| 0),
        };
        if let Some(expired) = expired {
            self.expired(group, expired, reading);
        }
        let Some(next) = next else {
            // Nothing is there that wasn't given to it, whatever the server makes of deleted entries.
            reading.gauge(&catalog::CONSUMER_LAG, &group.labels, 0.0);
            reading.gauge(&catalog::CONSUMER_LAG_TIME, &group.labels, 0.0);
            return Ok(0);
        };
        let lag = left.or_else(|| facts.number("lag"));
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
        let Some(delivered) = facts.id("last-delivered-id") else { return Ok(()) };
        if consumers > CONSUMERS_MAX {
            reading.note(format_args!(
                "groups with more than {CONSUMERS_MAX} consumers have no status, as {}: delete dead \
                 ones by XGROUP DELCONSUMER",
                group.name
            ));
            return Ok(());
        }
        let messages = behind.saturating_add(pending);
        let place = delivered.place();
        // A group that began, or was set, amid the stream has read no number of entries that the server
        // knows. Its place tells as well whether it goes on, if not what of that was acknowledged.
        let progress = match facts.number("entries-read") {
            Some(read) => u128::from(read.saturating_sub(pending)),
            None => place.wrapping_sub(pending.into()),
        };
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
        let seen = Seen { place, progress, messages, is_attended };
        self.statuses.write(group.labels.clone(), seen, self.clock.now(), reading);
        Ok(())
    }

    /// Adds what was removed before the group was given it.
    fn expired(&self, group: &Group<'_>, expired: u64, reading: &mut Reading) {
        reading.gauge(&catalog::CONSUMER_EXPIRED, &group.labels, expired as f64);
    }

    /// Adds what its consumers were given and haven't acknowledged.
    async fn pending(
        &self,
        connection: &mut MultiplexedConnection,
        group: &Group<'_>,
        facts: &Facts,
        reading: &mut Reading,
    ) -> Result<(), Reason> {
        let labels = group.own(&self.server);
        if let Some(consumers) = facts.number("consumers") {
            reading.gauge(&catalog::REDIS_CONSUMERS, &labels, consumers as f64);
        }
        let Some(pending) = facts.number("pending") else { return Ok(()) };
        reading.gauge(&catalog::REDIS_PENDING, &labels, pending as f64);
        let (mut age_s, mut idle_s) = (Some(0.0), Some(0.0));
        if pending > 0 {
            let oldest = first_pending(connection, group).await?;
            age_s = oldest.and_then(|(oldest, _)| self.age_s(oldest, group.now_ms));
            idle_s = oldest.map(|(_, idle_ms)| idle_ms as f64 / 1e3);
        }
        for (signal, seconds) in
            [(&catalog::REDIS_PENDING_OLDEST_AGE, age_s), (&catalog::REDIS_PENDING_IDLE, idle_s)]
        {
            reading.gauge(signal, &labels, seconds.unwrap_or(f64::NAN));
        }
        Ok(())
    }

    /// Returns the age of an entry, unless its id isn't a time.
    fn age_s(&self, id: Id, now_ms: u64) -> Option<f64> {
        (id.is_time()).then(|| self.skew.age((now_ms as f64 - id.ms as f64) / 1e3))
    }
}

impl Group<'_> {
    /// Returns the labels of the series that only Redis has.
    fn own(&self, server: &str) -> Labels {
        let topic = self.labels.get("topic").unwrap_or_default();
        labelled([("server", server), ("group", &self.name), ("topic", topic)])
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
    async fn search(
        &mut self,
        connection: &mut MultiplexedConnection,
        reading: &mut Reading,
    ) -> Result<(), Reason> {
        let Self::Found { keys, cursor } = self else { return Ok(()) };
        for _ in 0..SCANS_MAX {
            let mut scan = cmd("SCAN");
            scan.arg(*cursor).arg("COUNT").arg(SCAN_COUNT).arg("TYPE").arg("stream");
            let (next, found): (u64, Vec<Vec<u8>>) = ask(connection, &scan).await?;
            for key in found {
                if keys.len() < STREAMS_MAX || keys.contains(&key) {
                    keys.insert(key);
                } else {
                    reading.note(format_args!(
                        "{STREAMS_MAX} streams are looked at, there are more: name them in `streams`"
                    ));
                }
            }
            *cursor = next;
            if next == 0 {
                break;
            }
        }
        Ok(())
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

/// Returns the oldest entry that isn't acknowledged, and for how many milliseconds it has been with its
/// consumer.
async fn first_pending(
    connection: &mut MultiplexedConnection,
    group: &Group<'_>,
) -> Result<Option<(Id, u64)>, Reason> {
    type Pending = (String, Value, u64, Value);
    let mut pending = cmd("XPENDING");
    pending.arg(group.key).arg(&group.name).arg("-").arg("+").arg(1);
    let entries: Option<Vec<Pending>> = unless_absent(connection, &pending).await?;
    let first = entries.and_then(|entries| entries.into_iter().next());
    Ok(first.and_then(|(id, _, idle_ms, _)| Some((Id::parse(&id)?, idle_ms))))
}

/// Returns how many entries behind a group's place are gone, of which `left` are there; none if the server
/// has lost count.
fn expired(stream: &Facts, group: &Facts, left: u64) -> Option<u64> {
    let behind = stream.number("entries-added")?.saturating_sub(group.number("entries-read")?);
    Some(behind.saturating_sub(left))
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
