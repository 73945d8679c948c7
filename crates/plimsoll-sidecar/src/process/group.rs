//! A group of processes, look after look: members come and go, what they have come to stays.

use super::descriptors::Descriptors;
use super::find::{Finder, Identity, MEMBERS_MAX, Matcher};
use super::folder::{Folder, Room};
use super::state::State;
use super::text;
use super::threads::{Account, Threads};
use crate::blocking::BlockingCollector;
use crate::{Reading, Reason, World};
use plimsoll_model::{Labels, TimeMs, catalog};
use plimsoll_runtime::clock::Clock;
use rustix::io::Errno;
use rustix::process::{Resource, getrlimit};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Processor time is told in ticks of 10 ms, on every processor that Linux runs on today.
const TICK_NS: u64 = 10_000_000;

/// Files that a group holds open to read them again and again.
const FILES_HELD_MAX: u64 = 4_096;

/// Every process that one entry of the configuration matches.
pub(super) struct Group {
    labels: Labels,
    proc_root: std::path::PathBuf,
    finder: Finder,
    clock: Arc<dyn Clock>,
    members: BTreeMap<Identity, Member>,
    /// What the members that ended had come to.
    ended: Sums,
    starts: u64,
    has_looked: bool,
    room: Room,
}

/// One process of the group.
pub(super) struct Member {
    pub(super) folder: Folder,
    pub(super) threads: Threads,
    descriptors: Result<Descriptors, Errno>,
    cpu_ticks: u64,
}

/// What processes have come to.
#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    cpu_ticks: u64,
    threads: Account,
}

impl Sums {
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
            room: Room::new(),
        }
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

    fn write_sums(&self, reading: &mut Reading) {
        let mut sums = self.ended;
        self.members.values().for_each(|member| sums.add(member));
        let cpu_ns = u128::from(sums.cpu_ticks) * u128::from(TICK_NS);
        reading.seconds(&catalog::PROCESS_CPU_TIME, &self.labels, cpu_ns);
        let wait_ns = u128::from(sums.threads.wait_ns);
        // A kernel without this account says 0 of threads that have run.
        let is_counted =
            |member: &Member| member.threads.all().iter().any(|thread| thread.sched.slices > 0);
        if wait_ns > 0 || self.members.values().any(is_counted) {
            reading.seconds(&catalog::PROCESS_RUN_QUEUE_WAIT, &self.labels, wait_ns);
        }
        for (kind, count) in ["voluntary", "involuntary"].into_iter().zip(sums.threads.switches) {
            let labels = self.labels.with("kind", kind).unwrap_or_default();
            reading.count(&catalog::PROCESS_CONTEXT_SWITCHES, &labels, count);
        }
        reading.gauge(&catalog::PROCESS_MEMBERS, &self.labels, self.members.len() as f64);
        reading.count(&catalog::PROCESS_STARTS, &self.labels, self.starts);
        if self.members.len() == MEMBERS_MAX {
            reading.note(format_args!("without processes beyond the first {MEMBERS_MAX}"));
        }
    }

    fn write_threads(&self, reading: &mut Reading) {
        let threads = || self.members.values().flat_map(|member| member.threads.all());
        let refused = self.members.values().find_map(|member| member.threads.refused());
        let all_refused = self.members.values().all(|member| member.threads.refused().is_some());
        for (state, name) in State::ALL {
            let count = threads().filter(|thread| thread.state == state).count();
            let is_known = match state {
                State::Lock | State::Idle | State::Io => !all_refused,
                State::Sleeping => refused.is_some() || count > 0,
                State::Running | State::Uninterruptible | State::Other => true,
            };
            if is_known {
                let labels = self.labels.with("state", name).unwrap_or_default();
                reading.gauge(&catalog::PROCESS_THREADS, &labels, count as f64);
            }
        }
        if let Some(error) = refused {
            let which = if all_refused { "any" } else { "every" };
            reading.note(format_args!(
                "without what threads of {which} process wait for: reading task/*/syscall fails \
                 ({error}); it needs the process's user or SYS_PTRACE"
            ));
        }
        let beyond: u64 = self.members.values().map(|member| member.threads.beyond()).sum();
        if beyond > 0 {
            reading.note(format_args!("without {beyond} threads: there are too many to look at"));
        }
    }

    fn write_files(&self, reading: &mut Reading) {
        let looks = || self.members.values().map(|member| member.descriptors);
        let known = || looks().filter_map(Result::ok);
        if known().next().is_some() {
            let open: u64 = known().map(|files| files.open).sum();
            reading.gauge(&catalog::PROCESS_FILES, &self.labels, open as f64);
        }
        if let Some(used) = known().filter_map(Descriptors::used).reduce(f64::max) {
            reading.gauge(&catalog::PROCESS_FILES_USED, &self.labels, used);
        }
        if let Some(error) = looks().find_map(Result::err) {
            reading.note(format_args!(
                "without open files: listing fd fails ({error}); it needs the process's user or \
                 SYS_PTRACE"
            ));
        }
    }
}

impl BlockingCollector for Group {
    fn look(&mut self) -> Result<Reading, Reason> {
        self.meet()?;
        self.look_at_members(self.clock.now())?;
        if self.members.is_empty() {
            return Err(Reason::new("no such process runs now; one that starts will be found"));
        }
        let mut reading = Reading::default();
        self.write_sums(&mut reading);
        self.write_threads(&mut reading);
        self.write_files(&mut reading);
        Ok(reading)
    }
}

impl Member {
    fn open(
        proc_root: &std::path::Path,
        identity: Identity,
        room: &mut Room,
    ) -> Result<Self, Errno> {
        let folder = Folder::open(&proc_root.join(identity.pid.to_string()))?;
        let stat = text::stat(&folder.read("stat", room)?).ok_or(Errno::SRCH)?;
        if stat.start_ticks != identity.start_ticks {
            return Err(Errno::SRCH);
        }
        let threads = Threads::open(&folder)?;
        Ok(Self { folder, threads, descriptors: Err(Errno::AGAIN), cpu_ticks: stat.cpu_ticks })
    }

    fn look(&mut self, now: TimeMs, held_max: usize, room: &mut Room) -> Result<(), Errno> {
        self.threads.look(now, held_max, room)?;
        self.descriptors = Descriptors::look(&self.folder, room);
        Ok(())
    }
}
