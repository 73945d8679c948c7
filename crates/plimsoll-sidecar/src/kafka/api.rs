//! What is asked of a broker. The versions are the oldest that Kafka 4 still takes and the newest that
//! need none of the later encoding, so that 2.6 and newer answer all of them.

use super::link::{Api, Link};
use super::records::{self, Aborted, Found};
use super::wire::{Garbled, Reader, Writer};
use crate::Reason;
use std::collections::HashMap;

const METADATA: Api = Api { key: 3, version: 7, is_flexible: false };
const LIST_GROUPS: Api = Api { key: 16, version: 4, is_flexible: true };
const OFFSET_FETCH: Api = Api { key: 9, version: 5, is_flexible: false };
const LIST_OFFSETS: Api = Api { key: 2, version: 2, is_flexible: false };
const FETCH: Api = Api { key: 1, version: 4, is_flexible: false };

/// A partition of a topic.
pub(super) type Partition = (String, i32);

/// The brokers, and who leads what.
#[derive(Debug, Default)]
pub(super) struct Metadata {
    /// Host and port of each broker by its number.
    pub(super) brokers: HashMap<i32, (String, u16)>,
    /// None while the cluster elects one, or has lost every replica.
    pub(super) leaders: HashMap<Partition, Option<i32>>,
}

/// A consumer group, as the broker that coordinates it lists it.
#[derive(Clone, Debug)]
pub(super) struct Group {
    pub(super) name: String,
    pub(super) state: String,
    kind: String,
}

/// Where to look for a record, and how far.
#[derive(Clone, Copy)]
pub(super) struct Look {
    pub(super) offset: i64,
    /// The first batch comes whole whatever its size.
    pub(super) bytes_max: i32,
    /// Whether records of transactions that are open, or were aborted, are none.
    pub(super) is_committed: bool,
}

/// Which end of partitions is asked for.
#[derive(Clone, Copy)]
pub(super) enum End {
    First = -2,
    Next = -1,
}

impl Group {
    /// Says whether it commits offsets: Connect's workers and share groups are groups as well.
    pub(super) fn is_of_consumers(&self) -> bool {
        self.kind.is_empty() || self.kind == "consumer"
    }
}

/// Asks for the brokers, and for the leaders of those topics.
pub(super) async fn metadata(link: &mut Link, topics: &[String]) -> Result<Metadata, Reason> {
    let mut request = Writer::default();
    request.array(topics, |request, topic| {
        request.string(topic);
    });
    // Asking mustn't make a topic.
    request.i8(0);
    link.ask(METADATA, &request, |answer| {
        let _throttled = answer.i32()?;
        let brokers = answer.array(|broker| {
            let (id, host, port) = (broker.i32()?, broker.string()?, broker.i32()?);
            let _rack = broker.string()?;
            Ok((id, (host, u16::try_from(port).map_err(|_| Garbled)?)))
        })?;
        let (_cluster, _controller) = (answer.string()?, answer.i32()?);
        let leaders = answer.array(read_topic)?;
        Ok(Metadata {
            brokers: brokers.into_iter().collect(),
            leaders: leaders.into_iter().flatten().collect(),
        })
    })
    .await
}

fn read_topic(topic: &mut Reader<'_>) -> Result<Vec<(Partition, Option<i32>)>, Garbled> {
    let (_code, name, _internal) = (topic.i16()?, topic.string()?, topic.i8()?);
    let partitions = topic.array(|partition| {
        let (_code, index, leader) = (partition.i16()?, partition.i32()?, partition.i32()?);
        let _epoch = partition.i32()?;
        for _replicas_in_sync_and_offline in 0..3 {
            partition.array(Reader::i32)?;
        }
        // No leader is -1.
        Ok(((name.clone(), index), (leader >= 0).then_some(leader)))
    })?;
    Ok(partitions)
}

/// Asks a broker for the groups that it coordinates.
pub(super) async fn groups(link: &mut Link) -> Result<Vec<Group>, Reason> {
    let mut request = Writer::default();
    // Groups in any state, and nothing that newer versions add.
    request.i8(1).i8(0);
    let read = link.ask(LIST_GROUPS, &request, |answer| {
        let _throttled = answer.i32()?;
        let code = answer.i16()?;
        let groups = answer.compact_array(|group| {
            let name = group.compact_string()?;
            let (kind, state) = (group.compact_string()?, group.compact_string()?);
            group.tags()?;
            Ok(Group { name, state, kind })
        })?;
        Ok((code, groups))
    });
    let (code, groups) = read.await?;
    match code {
        0 => Ok(groups),
        code => Err(link.reason(format_args!("its groups aren't told: {}", explain(code)))),
    }
}

/// Asks a group's coordinator what the group has committed.
pub(super) async fn committed(
    link: &mut Link,
    group: &str,
) -> Result<Vec<(Partition, i64)>, Reason> {
    let mut request = Writer::default();
    // -1: every topic.
    request.string(group).i32(-1);
    let read = link.ask(OFFSET_FETCH, &request, |answer| {
        let _throttled = answer.i32()?;
        let topics = answer.array(|topic| {
            let name = topic.string()?;
            topic.array(|partition| {
                let (index, offset, _epoch) =
                    (partition.i32()?, partition.i64()?, partition.i32()?);
                let (_metadata, code) = (partition.string()?, partition.i16()?);
                Ok((code == 0 && offset >= 0).then(|| ((name.clone(), index), offset)))
            })
        })?;
        Ok((answer.i16()?, topics))
    });
    let (code, topics) = read.await?;
    match code {
        0 => Ok(topics.into_iter().flatten().flatten().collect()),
        code => Err(link.reason(format_args!("group {group}: {}", explain(code)))),
    }
}

/// Asks the leader of those partitions for one of their ends; returns why it doesn't tell some of them, if
/// so.
pub(super) async fn ends(
    link: &mut Link,
    partitions: &[Partition],
    end: End,
) -> Result<(HashMap<Partition, i64>, Option<Reason>), Reason> {
    let mut request = Writer::default();
    // As a consumer (-1) that reads what isn't committed too (0).
    request.i32(-1).i8(0).array(partitions, |request, (topic, index)| {
        request.string(topic).i32(1).i32(*index).i64(end as i64);
    });
    let topics = link.ask(LIST_OFFSETS, &request, |answer| {
        let _throttled = answer.i32()?;
        answer.array(|topic| {
            let name = topic.string()?;
            topic.array(|partition| {
                let (index, code) = (partition.i32()?, partition.i16()?);
                let (_at, offset) = (partition.i64()?, partition.i64()?);
                Ok(((name.clone(), index), code, offset))
            })
        })
    });
    let (mut told, mut refused) = (HashMap::new(), None);
    for (partition, code, offset) in topics.await?.into_iter().flatten() {
        if code == 0 && offset >= 0 {
            told.insert(partition, offset);
        } else {
            refused = refused.or(Some((partition, code)));
        }
    }
    let refused = refused.map(|((topic, index), code)| {
        link.reason(format_args!("{topic} {index}: {}", explain(code)))
    });
    Ok((told, refused))
}

/// Asks the leader for batches and finds the first record in them; returns with it where open transactions
/// begin.
pub(super) async fn record_at(
    link: &mut Link,
    (topic, index): &Partition,
    look: Look,
) -> Result<(Found, i64), Reason> {
    let Look { offset, bytes_max, is_committed } = look;
    let mut request = Writer::default();
    // As a consumer, at once, and a byte will do.
    request.i32(-1).i32(0).i32(0).i32(bytes_max).i8(is_committed.into());
    request.i32(1).string(topic).i32(1).i32(*index).i64(offset).i32(bytes_max);
    let read = link.ask(FETCH, &request, |answer| {
        let _throttled = answer.i32()?;
        let topics = answer.array(|topic| {
            let _name = topic.string()?;
            topic.array(|partition| {
                let (_index, code) = (partition.i32()?, partition.i16()?);
                let (_end, open) = (partition.i64()?, partition.i64()?);
                let aborted = partition.array(|aborted| {
                    Ok(Aborted { producer: aborted.i64()?, first: aborted.i64()? })
                })?;
                let found = records::find(partition.bytes()?, offset, &aborted)?;
                Ok((code, found, open))
            })
        })?;
        topics.into_iter().flatten().next().ok_or(Garbled)
    });
    match read.await? {
        (0, found, open) => Ok((found, open)),
        (code, ..) => Err(link.reason(format_args!("{topic} {index}: {}", explain(code)))),
    }
}

/// Says what an error code means for whoever may mend it.
fn explain(code: i16) -> String {
    match code {
        1 => "the offset is out of range".into(),
        3 => "there is no such topic or partition".into(),
        5 | 6 => "it doesn't lead this partition any more".into(),
        14..=16 => "the group's coordinator moves to another broker".into(),
        29 => "this user may not read the topic: grant READ, for lag in seconds".into(),
        30 => "this user may not see the group: grant DESCRIBE".into(),
        31 => "this user may not see the cluster: grant DESCRIBE".into(),
        35 => "it is older than Kafka 2.6".into(),
        code => format!("Kafka's error {code}"),
    }
}
