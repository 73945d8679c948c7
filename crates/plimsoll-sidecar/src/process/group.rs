//! A group of processes, look after look: members come and go, what they have come to stays.

use super::census::{Census, Identity};
use super::descriptors::Descriptors;
use super::find::{Finder, Matcher};
use super::folder::{Folder, Room};
use super::graph::{Graph, Subject};
use super::locks::{Locks, Queue, Ranked};
use super::machine::Machine;
use super::pressure::Pressure;
use super::setting::Setting;
use super::shared::Taken;
use super::sockets::Sockets;
use super::text;
use super::threads::{Account, Threads};
use crate::blocking::BlockingCollector;
use crate::{Reading, Reason, World};
use plimsoll_model::{Labels, TimeMs};
use plimsoll_runtime::clock::Clock;
use rustix::io::Errno;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

/// Processor time is told in ticks of 10 ms, on every processor that Linux runs on today.
const TICK_NS: u64 = 10_000_000;

/// What hardly changes of a member is read at one look in so many.
const TURNS: u64 = 16;

/// The processes of a group that run.
pub(super) type Members = BTreeMap<Identity, Member>;

/// Every process that one entry of the configuration matches.
pub(super) struct Group {
    pub(super) labels: Labels,
    proc_root: PathBuf,
    machine: Arc<Machine>,
    /// How old what others saw of the machine may be.
    age_max: Duration,
    taken: Taken,
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
    /// Where it lives and what bounds it.
    pub(super) setting: Setting,
    cpu_ticks: u64,
    looks: u64,
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
            machine: world.machine.clone(),
            age_max: world.pace.interval / 2,
            taken: Taken::default(),
            finder: Finder::new(matcher, world.proc_root.clone()),
            clock: world.clock.clone(),
            members: BTreeMap::new(),
            ended: Sums::default(),
            starts: 0,
            has_looked: false,
            sockets: Sockets::new(world),
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

    /// Parts with the members that have ended, and finds who belongs to the group now.
    fn meet(&mut self, now: TimeMs) -> Result<(), Reason> {
        let unreadable = |proc_root: &Path, error| {
            Reason::new(format_args!("{} can't be read: {error}", proc_root.display()))
        };
        let ends = |(identity, member): (&Identity, &mut Member)| {
            let read = member.read_stat(*identity, &mut self.room);
            matches!(read, Err(Errno::SRCH | Errno::NOENT)).then_some(*identity)
        };
        let mut gone: Vec<_> = self.members.iter_mut().filter_map(ends).collect();
        let when = (now, self.age_max);
        let census = self.machine.census.fresh(&mut self.taken, when, Census::look);
        let mut census = census.map_err(|error| unreadable(&self.proc_root, error))?;
        // Their numbers may have gone to others already.
        census.examine(&gone.iter().map(|identity| identity.pid).collect::<Vec<_>>());
        let found = self.finder.look(census.all(), &mut self.room);
        drop(census);
        let found: BTreeSet<_> =
            found.map_err(|error| unreadable(&self.proc_root, error))?.into_iter().collect();
        gone.extend(self.members.keys().filter(|identity| !found.contains(identity)));
        self.part_with(&gone);
        for identity in found.into_iter().filter(|identity| !gone.contains(identity)) {
            if self.members.contains_key(&identity) {
                continue;
            }
            // It may have ended since it was found, and its number gone to another.
            let held = self.machine.held.clone();
            if let Ok(member) = Member::open((&self.proc_root, held), identity, &mut self.room) {
                self.members.insert(identity, member);
                self.starts += u64::from(self.has_looked);
            }
        }
        self.has_looked = true;
        Ok(())
    }

    fn look_at_members(&mut self, now: TimeMs) -> Result<(), Reason> {
        let mut gone = Vec::new();
        for (identity, member) in &mut self.members {
            let whose = (self.labels.get("process").unwrap_or_default(), identity.pid);
            match member.look(now, whose, &mut self.room) {
                Ok(()) => {}
                Err(Errno::SRCH | Errno::NOENT) => gone.push(*identity),
                Err(error) => {
                    let pid = identity.pid;
                    return Err(Reason::new(format_args!("process {pid} can't be read: {error}")));
                }
            }
        }
        self.part_with(&gone);
        Ok(())
    }

    /// Lists who waits for the locks with most waiters, and who has them.
    fn list_waits(&mut self, ranked: &Ranked, reading: &mut Reading) {
        let Self { labels, members, room, .. } = self;
        let group = labels.get("process").unwrap_or_default();
        // What one look alone has seen is gone before anybody asks, and its name costs most.
        let lasts = |queue: &&Queue| !queue.oldest.is_zero() || !queue.standing.is_zero();
        for &Queue { pid, address, .. } in ranked.queues.iter().filter(lasts) {
            let mut members = members.iter_mut();
            let member = members.find(|(identity, _)| identity.pid == pid);
            let Some((_, Member { folder, threads, graph, .. })) = member else { continue };
            let subject = Subject { group, pid, folder, threads };
            reading.wait_for(graph.waited(address, subject, room));
        }
    }

    /// Keeps what members have come to that are gone.
    fn part_with(&mut self, gone: &[Identity]) {
        for member in gone.iter().filter_map(|identity| self.members.remove(identity)) {
            self.ended.add(&member);
        }
    }
}

impl BlockingCollector for Group {
    fn look(&mut self) -> Result<Reading, Reason> {
        let now = self.clock.now();
        self.meet(now)?;
        self.look_at_members(now)?;
        if self.members.is_empty() {
            return Err(Reason::new("no such process runs now; one that starts will be found"));
        }
        self.sockets.look(&self.members, &mut self.room);
        let groups =
            self.members.values().filter_map(|member| member.setting.control_group.as_deref());
        self.pressure.look(groups, &mut self.room);
        let ranked = self.locks.look(&self.members, now);
        let mut reading = self.report(&ranked);
        self.list_waits(&ranked, &mut reading);
        Ok(reading)
    }
}

impl Member {
    fn open(
        (proc_root, held): (&Path, Arc<Semaphore>),
        identity: Identity,
        room: &mut Room,
    ) -> Result<Self, Errno> {
        let folder = Folder::open(&proc_root.join(identity.pid.to_string()))?;
        let threads = Threads::open(&folder, held)?;
        let mut member = Self {
            folder,
            threads,
            graph: Graph::default(),
            descriptors: Err(Errno::AGAIN),
            setting: Setting::default(),
            cpu_ticks: 0,
            looks: 0,
        };
        member.read_stat(identity, room)?;
        Ok(member)
    }

    /// Reads its processor time; fails if it has ended, or if its number is another's.
    fn read_stat(&mut self, identity: Identity, room: &mut Room) -> Result<(), Errno> {
        let stat = text::stat(&self.folder.read("stat", room)?).ok_or(Errno::SRCH)?;
        if stat.is_dead() || stat.start_ticks != identity.start_ticks {
            return Err(Errno::SRCH);
        }
        self.cpu_ticks = stat.cpu_ticks;
        Ok(())
    }

    fn look(
        &mut self,
        now: TimeMs,
        (group, pid): (&str, u32),
        room: &mut Room,
    ) -> Result<(), Errno> {
        if self.looks == 0 || (self.looks + u64::from(pid)).is_multiple_of(TURNS) {
            self.setting = Setting::read(&self.folder, room);
        }
        self.looks += 1;
        self.threads.look(now, self.setting.is_32_bit, room)?;
        let Self { folder, threads, graph, .. } = self;
        graph.look(Subject { group, pid, folder, threads }, room);
        self.descriptors = Descriptors::look(&self.folder, self.setting.files_limit);
        Ok(())
    }
}
