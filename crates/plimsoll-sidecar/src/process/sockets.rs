//! Listening ports of a group: who waits to be accepted, who is connected.

use super::NEEDS;
use super::folder::{Folder, Room};
use super::group::Members;
use super::machine::Machine;
use super::shared::Taken;
use super::table::{Socket, Table, extended};
use crate::{Reading, World};
use plimsoll_model::{Labels, catalog};
use rustix::io::Errno;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// Ports that are told of; more are noted.
const PORTS_MAX: usize = 64;

/// Descriptors of a process that are looked through for its listeners.
const FILES_MAX: usize = 16_384;

/// A listener that wasn't a member's is asked again at one look in so many: it may be handed on.
const TURNS: u64 = 64;

/// The sockets of a group.
pub(super) struct Sockets {
    machine: Arc<Machine>,
    clock: Arc<dyn plimsoll_runtime::clock::Clock>,
    age_max: Duration,
    taken: Taken,
    /// Listeners by their inodes, and whether a member has it.
    listeners: BTreeMap<u64, bool>,
    ports: BTreeMap<u16, Port>,
    overflows: Grown,
    drops: Grown,
    looks: u64,
    refused: Option<Errno>,
    /// Descriptors that weren't looked through for listeners.
    beyond: usize,
}

/// What is known of a port.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Port {
    waiting: u64,
    backlog: Option<u64>,
    connections: u64,
}

/// A counter of several namespaces, of which some go.
#[derive(Debug, Default)]
struct Grown {
    last: BTreeMap<String, u64>,
    sum: Option<u64>,
}

impl Grown {
    fn add(&mut self, namespace: &str, value: Option<u64>) {
        let Some(value) = value else { return };
        let before = self.last.insert(namespace.to_string(), value).unwrap_or_default();
        let grown = value.checked_sub(before).unwrap_or(value);
        self.sum = Some(self.sum.unwrap_or_default().saturating_add(grown));
    }
}

impl Sockets {
    pub(super) fn new(world: &World) -> Self {
        Self {
            machine: world.machine.clone(),
            clock: world.clock.clone(),
            age_max: world.pace.interval / 2,
            taken: Taken::default(),
            listeners: BTreeMap::new(),
            ports: BTreeMap::new(),
            overflows: Grown::default(),
            drops: Grown::default(),
            looks: 0,
            refused: None,
            beyond: 0,
        }
    }

    /// Looks at each network namespace that members are in.
    pub(super) fn look(&mut self, members: &Members, room: &mut Room) {
        self.looks += 1;
        if self.looks.is_multiple_of(TURNS) {
            self.listeners.retain(|_, is_members| *is_members);
        }
        let mut spaces: BTreeMap<&str, Vec<&Folder>> = BTreeMap::new();
        for member in members.values() {
            spaces.entry(&member.setting.net_space).or_default().push(&member.folder);
        }
        self.overflows.last.retain(|space, _| spaces.contains_key(space.as_str()));
        self.drops.last.retain(|space, _| spaces.contains_key(space.as_str()));
        self.ports.clear();
        let mut seen = BTreeSet::new();
        for (space, processes) in spaces {
            let Some(first) = processes.first() else { continue };
            let [overflows, drops] = extended(first, ["ListenOverflows", "ListenDrops"], room);
            self.overflows.add(space, overflows);
            self.drops.add(space, drops);
            let (listeners, connections) = self.table(space, first);
            self.claim(&listeners, &processes);
            self.sum_up(&listeners, &connections);
            seen.extend(listeners.iter().map(|listener| listener.inode));
        }
        self.listeners.retain(|inode, _| seen.contains(inode));
    }

    /// Adds what is known to a reading.
    pub(super) fn write(&self, labels: &Labels, reading: &mut Reading) {
        for (number, port) in self.ports.iter().take(PORTS_MAX) {
            let labels = labels.with("port", &number.to_string()).unwrap_or_default();
            let (waiting, backlog) = (port.waiting as f64, port.backlog.map(|most| most as f64));
            reading.level(&catalog::PROCESS_ACCEPT_QUEUE, &labels, waiting, backlog);
            reading.gauge(&catalog::PROCESS_CONNECTIONS, &labels, port.connections as f64);
        }
        if self.ports.len() > PORTS_MAX {
            let more = self.ports.len() - PORTS_MAX;
            reading.note(format_args!("without {more} listening ports: there are too many"));
        }
        for (signal, grown) in [
            (&catalog::PROCESS_LISTEN_OVERFLOWS, &self.overflows),
            (&catalog::PROCESS_LISTEN_DROPS, &self.drops),
        ] {
            if let Some(sum) = grown.sum {
                reading.count(signal, labels, sum);
            }
        }
        if self.beyond > 0 {
            reading.note(format_args!(
                "without listening ports among {} descriptors: a process has more than {FILES_MAX}",
                self.beyond
            ));
        }
        if let Some(error) = self.refused {
            reading.note(format_args!(
                "without listening ports of every process: listing fd fails ({error}); {NEEDS}"
            ));
        }
    }

    /// Returns the listeners of a namespace, and how many are connected to each port. The kernel is
    /// asked for the sidecar's own once for all groups; of another the text is read.
    fn table(&mut self, space: &str, process: &Folder) -> (Vec<Socket>, BTreeMap<u16, u64>) {
        if !space.is_empty() && space == self.machine.own_space {
            let now = (self.clock.now(), self.age_max);
            let now_ms = || self.clock.now().0;
            let own = self.machine.own.fresh(&mut self.taken, now, |own| own.look(now_ms));
            if let Ok(own) = own {
                return (own.table.listeners.clone(), own.table.connections.clone());
            }
        }
        let Table { listeners, connections } = Table::read(process);
        (listeners, connections)
    }

    /// Finds out whose the listeners are that haven't been seen before.
    fn claim(&mut self, listeners: &[Socket], processes: &[&Folder]) {
        let inodes = listeners.iter().map(|listener| listener.inode);
        let new: BTreeSet<u64> =
            inodes.filter(|inode| !self.listeners.contains_key(inode)).collect();
        if new.is_empty() {
            return;
        }
        self.refused = None;
        self.beyond = 0;
        self.listeners.extend(new.iter().map(|inode| (*inode, false)));
        for process in processes {
            let files = process.folder("fd").and_then(|folder| Ok((folder.numbers()?, folder)));
            let (numbers, folder) = match files {
                Ok(files) => files,
                Err(error) => {
                    self.refused = Some(error);
                    continue;
                }
            };
            self.beyond += numbers.len().saturating_sub(FILES_MAX);
            for number in numbers.into_iter().take(FILES_MAX) {
                let Ok(target) = folder.link(&number.to_string()) else { continue };
                let inode = target.strip_prefix("socket:[").and_then(|rest| rest.strip_suffix(']'));
                let inode = inode.and_then(|inode| inode.parse::<u64>().ok());
                if let Some(inode) = inode.filter(|inode| new.contains(inode)) {
                    self.listeners.insert(inode, true);
                }
            }
        }
    }

    fn sum_up(&mut self, listeners: &[Socket], connections: &BTreeMap<u16, u64>) {
        let is_members = |socket: &&Socket| self.listeners.get(&socket.inode) == Some(&true);
        let mut ports: BTreeMap<u16, Port> = BTreeMap::new();
        for socket in listeners.iter().filter(is_members) {
            let port = ports.entry(socket.port).or_default();
            port.waiting += u64::from(socket.waiting);
            let more = socket.backlog.map(u64::from);
            port.backlog = more.map(|more| port.backlog.unwrap_or_default() + more);
            port.connections = connections.get(&socket.port).copied().unwrap_or_default();
        }
        for (number, port) in ports {
            let sum = self.ports.entry(number).or_default();
            sum.waiting += port.waiting;
            sum.connections += port.connections;
            sum.backlog = port.backlog.map(|more| sum.backlog.unwrap_or_default() + more);
        }
    }
}
