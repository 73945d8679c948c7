//! Every broker of a cluster: each is asked for what it alone knows, and one that is gone costs its part.

use super::api::{self, End, Group, Look, Metadata, Partition};
use super::link::{Dial, Link};
use super::records::Found;
use crate::{Reading, Reason};
use std::collections::{BTreeMap, HashMap};

/// Groups that are looked at.
const GROUPS_MAX: usize = 1_000;

/// Answers without a record that are passed over to find one, and how long those behind the first may be.
const EMPTY_ANSWERS_MAX: usize = 8;
const ANSWER_BYTES: i32 = 1 << 20;

/// Open connections; dropped, they are closed.
pub(super) struct Cluster {
    dial: Dial,
    links: HashMap<i32, Link>,
    /// Brokers that didn't answer in this round: each costs its time once.
    gone: HashMap<i32, Reason>,
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
        Ok(Self { dial, links: HashMap::new(), gone: HashMap::new(), brokers })
    }

    /// Begins a round, and asks every broker for its groups.
    pub(super) async fn groups(&mut self, into: &mut Reading) -> Result<Vec<Coordinated>, Reason> {
        self.gone.clear();
        self.links.retain(|_, link| link.is_open());
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
        into: &mut Reading,
    ) -> Result<HashMap<Partition, Extent>, Reason> {
        let leaders = self.metadata(topics).await?.leaders;
        let mut led: BTreeMap<Option<i32>, Vec<Partition>> = BTreeMap::new();
        for (partition, leader) in leaders {
            led.entry(leader).or_default().push(partition);
        }
        if let Some(leaderless) = led.remove(&None) {
            into.note(without_leader(&leaderless));
        }
        let mut extents = HashMap::new();
        for (leader, partitions) in led.into_iter().filter_map(|(leader, of)| Some((leader?, of))) {
            let both = self.at(leader, async |link| {
                let first = api::ends(link, &partitions, End::First).await?;
                Ok((first, api::ends(link, &partitions, End::Next).await?))
            });
            match both.await {
                Ok(((first, refused), (next, refused_next))) => {
                    extents.extend(next.into_iter().filter_map(|(partition, next)| {
                        let first = *first.get(&partition)?;
                        Some((partition, Extent { first, next, leader }))
                    }));
                    refused.or(refused_next).into_iter().for_each(|reason| into.note(reason));
                }
                Err(reason) => into.note(reason),
            }
        }
        Ok(extents)
    }

    /// Finds when the first record at `offset` or behind it was produced; none if there is no record up to
    /// the end. What an aborted transaction wrote is none, as nobody waits for it; what an open one has
    /// written is.
    pub(super) async fn time_at(
        &mut self,
        partition: &Partition,
        extent: Extent,
        offset: i64,
    ) -> Result<Option<Found>, Reason> {
        let mut look = Look { offset, bytes_max: 1, is_committed: true };
        for _ in 0..EMPTY_ANSWERS_MAX {
            let leader = extent.leader;
            let asked = self.at(leader, async |link| api::record_at(link, partition, look).await);
            match asked.await? {
                (Found::NothingBefore(next), _) if next >= extent.next => return Ok(None),
                (Found::NothingBefore(next), open) if look.is_committed && next >= open => {
                    look = Look { offset: next, is_committed: false, ..look };
                }
                (Found::NothingBefore(next), _) if next > look.offset => {
                    look = Look { offset: next, bytes_max: ANSWER_BYTES, ..look };
                }
                (Found::NothingBefore(_), _) => break,
                (found, _) => return Ok(Some(found)),
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

    /// Asks one broker, which is connected to first if need be. One that gives no answer isn't asked again in
    /// this round.
    async fn at<T>(
        &mut self,
        broker: i32,
        ask: impl AsyncFnOnce(&mut Link) -> Result<T, Reason>,
    ) -> Result<T, Reason> {
        if let Some(reason) = self.gone.get(&broker) {
            return Err(reason.clone());
        }
        let mut link = match self.link(broker).await {
            Ok(link) => link,
            Err(reason) => {
                self.gone.insert(broker, reason.clone());
                return Err(reason);
            }
        };
        let answer = ask(&mut link).await;
        match &answer {
            Err(reason) if !link.is_sound => drop(self.gone.insert(broker, reason.clone())),
            _ => drop(self.links.insert(broker, link)),
        }
        answer
    }

    async fn link(&mut self, broker: i32) -> Result<Link, Reason> {
        if let Some(link) = self.links.remove(&broker) {
            return Ok(link);
        }
        let Some((host, port)) = self.brokers.get(&broker) else {
            return Err(Reason::new(format_args!("broker {broker} isn't in the cluster")));
        };
        self.dial.connect(host, *port).await
    }
}

fn without_leader(partitions: &[Partition]) -> String {
    let first = partitions.iter().min().map(|(topic, index)| format!("{topic} {index}"));
    format!(
        "{} partitions have no leader, as {}: the cluster elects one, or has lost every replica",
        partitions.len(),
        first.unwrap_or_default()
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kafka::address;
    use crate::kafka::link::Patience;
    use crate::kafka::sasl::Mechanism;
    use crate::server::ServerConfig;
    use std::time::Duration;
    use tokio::net::TcpListener;
    use tokio::time::Instant;

    #[tokio::test(start_paused = true)]
    async fn any_number_of_brokers_that_hang_leaves_time_for_the_others() {
        let deadline = Duration::from_secs(5);
        let dial = Dial {
            server: ServerConfig::new(address("kafka://broker").unwrap()),
            mechanism: Mechanism::Plain,
            tls: None,
            patience: Patience::new(deadline),
        };
        // Nobody takes their connections, as far as the kernel doesn't do so itself.
        let (mut listeners, mut brokers) = (Vec::new(), HashMap::new());
        for id in 0..9 {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let port = listener.local_addr().unwrap().port();
            brokers.insert(id, ("127.0.0.1".to_owned(), port));
            listeners.push(listener);
        }
        let mut cluster = Cluster { dial, links: HashMap::new(), gone: HashMap::new(), brokers };
        let begin = Instant::now();
        assert!(cluster.groups(&mut Reading::default()).await.is_err());
        assert_eq!(cluster.gone.len(), 9, "each was asked once");
        let took = begin.elapsed();
        assert!((deadline / 3..deadline * 2 / 3).contains(&took), "{took:?}");
    }
}
