//! Every broker of a cluster: each is asked for what it alone knows, and one that is gone costs its part.

use super::api::{self, End, Group, Metadata, Partition};
use super::link::{Dial, Link};
use super::records::Found;
use crate::{Reading, Reason};
use std::collections::{BTreeMap, HashMap};

/// Groups that are looked at.
const GROUPS_MAX: usize = 1_000;

/// Batches without a record that are passed over to find one.
const EMPTY_BATCHES_MAX: usize = 8;

/// Open connections; dropped, they are closed.
pub(super) struct Cluster {
    dial: Dial,
    links: HashMap<i32, Link>,
    pub(super) brokers: HashMap<i32, (String, u16)>,
}

/// A group, and the broker that coordinates it.
pub(super) struct Coordinated {
    pub(super) group: Group,
    broker: i32,
}

/// Where the records of a partition begin and end.
#[derive(Clone, Copy, Default)]
pub(super) struct Extent {
    pub(super) first: i64,
    pub(super) next: i64,
    leader: i32,
}

impl Cluster {
    /// Begins with one broker, which names the others.
    pub(super) async fn new(dial: Dial, mut link: Link) -> Result<Self, Reason> {
        let Metadata { brokers, .. } = api::metadata(&mut link, &[]).await?;
        Ok(Self { dial, links: HashMap::new(), brokers })
    }

    /// Asks every broker for its groups.
    pub(super) async fn groups(&mut self, into: &mut Reading) -> Result<Vec<Coordinated>, Reason> {
        let metadata = self.metadata(&[]).await?;
        self.brokers = metadata.brokers;
        self.links.retain(|broker, _| self.brokers.contains_key(broker));
        let mut groups = Vec::new();
        let mut ids: Vec<i32> = self.brokers.keys().copied().collect();
        ids.sort_unstable();
        let (mut answered, mut last) = (false, None);
        for broker in ids {
            match self.at(broker, async |link| api::groups(link).await).await {
                Ok(own) => {
                    answered = true;
                    let own = own.into_iter().filter(Group::is_of_consumers);
                    groups.extend(own.map(|group| Coordinated { group, broker }));
                }
                Err(reason) => {
                    into.note(&reason);
                    last = Some(reason);
                }
            }
        }
        match last {
            Some(reason) if !answered => return Err(reason),
            _ => {}
        }
        groups.sort_by(|one, other| one.group.name.cmp(&other.group.name));
        if groups.len() > GROUPS_MAX {
            into.note(format_args!("only {GROUPS_MAX} of {} groups are looked at", groups.len()));
            groups.truncate(GROUPS_MAX);
        }
        Ok(groups)
    }

    /// Asks what a group has committed.
    pub(super) async fn committed(
        &mut self,
        of: &Coordinated,
    ) -> Result<Vec<(Partition, i64)>, Reason> {
        let name = &of.group.name;
        self.at(of.broker, async |link| api::committed(link, name).await).await
    }

    /// Asks the leaders of those topics' partitions where these begin and end. A partition that has no
    /// leader now isn't there.
    pub(super) async fn extents(
        &mut self,
        topics: &[String],
        wanted: impl Fn(&Partition) -> bool,
        into: &mut Reading,
    ) -> Result<HashMap<Partition, Extent>, Reason> {
        let leaders = self.metadata(topics).await?.leaders;
        let mut led: BTreeMap<i32, Vec<Partition>> = BTreeMap::new();
        for (partition, leader) in leaders.into_iter().filter(|(partition, _)| wanted(partition)) {
            led.entry(leader).or_default().push(partition);
        }
        let mut extents = HashMap::new();
        for (leader, partitions) in led {
            let both = self.at(leader, async |link| {
                let first = api::ends(link, &partitions, End::First).await?;
                Ok((first, api::ends(link, &partitions, End::Next).await?))
            });
            match both.await {
                Ok((first, next)) => {
                    let first: HashMap<_, _> = first.into_iter().collect();
                    extents.extend(next.into_iter().filter_map(|(partition, next)| {
                        let first = *first.get(&partition)?;
                        Some((partition, Extent { first, next, leader }))
                    }));
                }
                Err(reason) => into.note(reason),
            }
        }
        Ok(extents)
    }

    /// Finds when the first record at `offset` or behind it was produced; none if there is no record up to
    /// the end.
    pub(super) async fn time_at(
        &mut self,
        partition: &Partition,
        extent: Extent,
        mut offset: i64,
    ) -> Result<Option<Found>, Reason> {
        for _ in 0..EMPTY_BATCHES_MAX {
            let asked =
                self.at(extent.leader, async |link| api::record_at(link, partition, offset).await);
            match asked.await? {
                Found::NothingBefore(next) if next >= extent.next => return Ok(None),
                Found::NothingBefore(next) if next > offset => offset = next,
                Found::NothingBefore(_) => break,
                found => return Ok(Some(found)),
            }
        }
        Ok(Some(Found::Untimed))
    }

    async fn metadata(&mut self, topics: &[String]) -> Result<Metadata, Reason> {
        let mut ids: Vec<i32> = self.brokers.keys().copied().collect();
        // A broker that is connected already is likely to answer.
        ids.sort_unstable_by_key(|id| (!self.links.contains_key(id), *id));
        let mut last = Reason::new("the cluster names no broker");
        for broker in ids {
            match self.at(broker, async |link| api::metadata(link, topics).await).await {
                Ok(metadata) => return Ok(metadata),
                Err(reason) => last = reason,
            }
        }
        Err(last)
    }

    /// Asks one broker, which is connected to first if need be. After a failure its connection isn't used
    /// again.
    async fn at<T>(
        &mut self,
        broker: i32,
        ask: impl AsyncFnOnce(&mut Link) -> Result<T, Reason>,
    ) -> Result<T, Reason> {
        let mut link = match self.links.remove(&broker) {
            Some(link) => link,
            None => {
                let Some((host, port)) = self.brokers.get(&broker) else {
                    return Err(Reason::new(format_args!("broker {broker} isn't in the cluster")));
                };
                self.dial.connect(host, *port).await?
            }
        };
        let answer = ask(&mut link).await;
        if answer.is_ok() {
            self.links.insert(broker, link);
        }
        answer
    }
}
