//! A group of processes, look after look: members come and go, what they have come to stays.

use super::descriptors::Descriptors;
use super::find::{Finder, Identity, Matcher};
use super::folder::{Folder, Room};
use super::graph::Graph;
use super::locks::Locks;
use super::pressure::Pressure;
use super::sockets::Sockets;
use super::text;
use super::threads::{Account, Threads};
use crate::blocking::BlockingCollector;
use crate::{Reading, Reason, World};
use plimsoll_model::{Labels, TimeMs};
use plimsoll_runtime::clock::Clock;
use rustix::io::Errno;
use rustix::process::{Resource, getrlimit};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Processor time is told in ticks of 10 ms, on every processor that Linux runs on today.
const TICK_NS: u64 = 10_000_000;

/// Files that a group holds open to read them again and again.
const FILES_HELD_MAX: u64 = 4_096;

/// The processes of a group that run.
pub(super) type Members = BTreeMap<Identity, Member>;

/// Every process that one entry of the configuration matches.
pub(super) struct Group {
    pub(super) labels: Labels,
    proc_root: PathBuf,
    finder: Finder,
    clock: Arc<dyn Clock>,
    pub(super) members: Members,
    /// What the members that ended had come to.
    ended: Sums,
    pub(super) starts: u64,
    has_looked: bool,
    pub(super) sockets: Sockets,
    pub(super) pressure: Pressure,
    locks: Locks,
    room: Room,
}

/// One process of the group.
pub(super) struct Member {
    pub(super) folder: Folder,
    pub(super) threads: Threads,
    pub(super) graph: Graph,
    pub(super) descriptors: Result<Descriptors, Errno>,
    cpu_ticks: u64,
}

/// What processes have come to.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sums {
    cpu_ticks: u64,
    pub(super) threads: Account,
}

impl Sums {
    pub(super) fn cpu_ns(&self) -> u128 {
        u128::from(self.cpu_ticks) * u128::from(TICK_NS)
    }

    fn add(&mut self, member: &Member) {
        self.cpu_ticks = self.cpu_ticks.saturating_add(member.cpu_ticks);
        self.threads.add(member.threads.account());
    }
}

impl Group {
    pub(super) fn new(matcher: Matcher, world: &World) -> Self {
        let name = world.name.strip_prefix("process:").unwrap_or(&world.name);
        Self {
            labels: Labels::new([("process", name)]).unwrap_or_default(),
            proc_root: world.proc_root.clone(),
            finder: Finder::new(matcher, world.proc_root.clone(), std::process::id()),
            clock: world.clock.clone(),
            members: BTreeMap::new(),
            ended: Sums::default(),
            starts: 0,
            has_looked: false,
            sockets: Sockets::new(world.proc_root.clone()),
            pressure: Pressure::new(world.sys_root.clone()),
            locks: Locks::default(),
            room: Room::new(),
        }
    }

    /// Returns what all members have come to, those that ended included.
    pub(super) fn sums(&self) -> Sums {
        let mut sums = self.ended;
        self.members.values().for_each(|member| sums.add(member));
        sums
    }

    /// Finds who belongs to the group now, and parts with who doesn't any more.
    fn meet(&mut self) -> Result<(), Reason> {
        let found = self.finder.look(&mut self.room).map_err(|error| {
            Reason::new(format_args!("{} can't be read: {error}", self.proc_root.display()))
        })?;
        let found: BTreeMap<_, _> = found.into_iter().collect();
        let ended = &mut self.ended;
        self.members.retain(|identity, member| {
            let stays = found.contains_key(identity);
            if !stays {
                ended.add(member);
            }
            stays
        });
        for (identity, cpu_ticks) in found {
            match self.members.get_mut(&identity) {
                Some(member) => member.cpu_ticks = cpu_ticks,
                None => {
                    // It may have ended since it was found, and its number gone to another.
                    let opened = Member::open(&self.proc_root, identity, &mut self.room);
                    if let Ok(member) = opened {
                        self.members.insert(identity, Member { cpu_ticks, ..member });
                        self.starts += u64::from(self.has_looked);
                    }
                }
            }
        }
        self.has_looked = true;
        Ok(())
    }

    fn look_at_members(&mut self, now: TimeMs) -> Result<(), Reason> {
        let held = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX) / 4;
        let held = usize::try_from(held.min(FILES_HELD_MAX)).unwrap_or(usize::MAX);
        let held_each = held / self.members.len().max(1);
        let mut gone = Vec::new();
        for (identity, member) in &mut self.members {
            match member.look(now, held_each, &mut self.room) {
                Ok(()) => {}
                Err(Errno::SRCH | Errno::NOENT) => gone.push(*identity),
                Err(error) => {
                    let pid = identity.pid;
                    return Err(Reason::new(format_args!("process {pid} can't be read: {error}")));
                }
            }
        }
        for identity in gone {
            if let Some(member) = self.members.remove(&identity) {
                self.ended.add(&member);
            }
        }
        Ok(())
    }
}

impl BlockingCollector for Group {
    fn look(&mut self) -> Result<Reading, Reason> {
        self.meet()?;
        let now = self.clock.now();
        self.look_at_members(now)?;
        if self.members.is_empty() {
            return Err(Reason::new("no such process runs now; one that starts will be found"));
        }
        self.sockets.look(&self.members, &mut self.room);
        let folders = self.members.values().map(|member| &member.folder);
        self.pressure.look(folders, &mut self.room);
        let ranked = self.locks.look(&self.members, now);
        Ok(self.report(&ranked))
    }
}

impl Member {
    fn open(proc_root: &Path, identity: Identity, room: &mut Room) -> Result<Self, Errno> {
        let folder = Folder::open(&proc_root.join(identity.pid.to_string()))?;
        let stat = text::stat(&folder.read("stat", room)?).ok_or(Errno::SRCH)?;
        if stat.start_ticks != identity.start_ticks {
            return Err(Errno::SRCH);
        }
        let threads = Threads::open(&folder)?;
        Ok(Self {
            folder,
            threads,
            graph: Graph::default(),
            descriptors: Err(Errno::AGAIN),
            cpu_ticks: stat.cpu_ticks,
        })
    }

    fn look(&mut self, now: TimeMs, held_max: usize, room: &mut Room) -> Result<(), Errno> {
        self.threads.look(now, held_max, room)?;
        self.graph.look(&self.folder, &self.threads, room);
        self.descriptors = Descriptors::look(&self.folder, room);
        Ok(())
    }
}
