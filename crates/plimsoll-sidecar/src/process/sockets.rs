//! Listening ports of a group: who waits to be accepted, who is connected.

use super::folder::{Folder, Room};
use super::group::Members;
use super::netlink;
use crate::Reading;
use plimsoll_model::{Labels, catalog};
use rustix::io::{Errno, pread};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// Ports that are told of; more are noted.
const PORTS_MAX: usize = 64;

/// Descriptors of a process that are looked through for its listeners.
const FILES_MAX: usize = 16_384;

/// Lines of one table of sockets that are read.
const LINES_MAX: usize = 200_000;

/// A listener that wasn't a member's is asked again at one look in so many: it may be handed on.
const TURNS: u64 = 64;

/// A socket, as one line of a table says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Socket {
    pub(super) inode: u64,
    pub(super) port: u16,
    pub(super) is_listener: bool,
    /// Connections that wait to be accepted, of a listener.
    pub(super) waiting: u32,
    /// Connections that may wait, of a listener, where the kernel tells.
    pub(super) backlog: Option<u32>,
}

/// The sockets of a group.
#[derive(Debug)]
pub(super) struct Sockets {
    proc_root: PathBuf,
    /// Listeners by their inodes, and whether a member has it.
    listeners: BTreeMap<u64, bool>,
    ports: BTreeMap<u16, Port>,
    overflows: Grown,
    drops: Grown,
    looks: u64,
    refused: Option<Errno>,
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
    fn add(&mut self, namespace: &str, value: u64) {
        let before = self.last.insert(namespace.to_string(), value).unwrap_or_default();
        let grown = value.checked_sub(before).unwrap_or(value);
        self.sum = Some(self.sum.unwrap_or_default().saturating_add(grown));
    }
}

impl Sockets {
    pub(super) fn new(proc_root: PathBuf) -> Self {
        Self {
            proc_root,
            listeners: BTreeMap::new(),
            ports: BTreeMap::new(),
            overflows: Grown::default(),
            drops: Grown::default(),
            looks: 0,
            refused: None,
        }
    }

    /// Looks at each network namespace that members are in.
    pub(super) fn look(&mut self, members: &Members, room: &mut Room) {
        self.looks += 1;
        if self.looks.is_multiple_of(TURNS) {
            self.listeners.retain(|_, is_members| *is_members);
        }
        let mut spaces: BTreeMap<String, Vec<&Folder>> = BTreeMap::new();
        for member in members.values() {
            let space = member.folder.link("ns/net").unwrap_or_default();
            spaces.entry(space).or_default().push(&member.folder);
        }
        self.overflows.last.retain(|space, _| spaces.contains_key(space));
        self.drops.last.retain(|space, _| spaces.contains_key(space));
        self.ports.clear();
        let mut seen = BTreeSet::new();
        for (space, processes) in spaces {
            let Some(first) = processes.first() else { continue };
            if let Ok(text) = first.read("net/netstat", room) {
                let of = |key| extended(&text, key);
                of("ListenOverflows")
                    .into_iter()
                    .for_each(|count| self.overflows.add(&space, count));
                of("ListenDrops").into_iter().for_each(|count| self.drops.add(&space, count));
            }
            let sockets = self.sockets(&space, first);
            self.claim(&sockets, &processes);
            self.sum_up(&sockets);
            seen.extend(sockets.iter().map(|socket| socket.inode));
        }
        self.listeners.retain(|inode, _| seen.contains(inode));
    }

    /// Adds what is known to a reading.
    pub(super) fn write(&self, labels: &Labels, reading: &mut Reading) {
        for (number, port) in self.ports.iter().take(PORTS_MAX) {
            let labels = labels.with("port", &number.to_string()).unwrap_or_default();
            reading.gauge(&catalog::PROCESS_ACCEPT_QUEUE, &labels, port.waiting as f64);
            if let Some(backlog) = port.backlog {
                reading.gauge(&catalog::PROCESS_ACCEPT_QUEUE_LIMIT, &labels, backlog as f64);
            }
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
        if let Some(error) = self.refused {
            reading.note(format_args!(
                "without listening ports of every process: listing fd fails ({error}); it needs the \
                 process's user or SYS_PTRACE"
            ));
        }
    }

    /// Reads every TCP socket of a namespace. The kernel is asked for the sidecar's own, which costs
    /// less and tells the backlog; of another the tables are read.
    fn sockets(&self, space: &str, process: &Folder) -> Vec<Socket> {
        let own = Folder::open(&self.proc_root.join("self")).and_then(|own| own.link("ns/net"));
        if own.is_ok_and(|own| own == space && !own.is_empty())
            && let Ok(sockets) = netlink::sockets()
        {
            return sockets;
        }
        let mut sockets = Vec::new();
        for table in ["net/tcp", "net/tcp6"] {
            // A kernel without IPv6 has one only.
            let _ = read_table(process, table, &mut sockets);
        }
        sockets
    }

    /// Finds out whose the listeners are that haven't been seen before.
    fn claim(&mut self, sockets: &[Socket], processes: &[&Folder]) {
        let listeners = sockets.iter().filter(|socket| socket.is_listener);
        let new: BTreeSet<u64> = listeners
            .map(|socket| socket.inode)
            .filter(|inode| !self.listeners.contains_key(inode))
            .collect();
        if new.is_empty() {
            return;
        }
        self.refused = None;
        self.listeners.extend(new.iter().map(|inode| (*inode, false)));
        for process in processes {
            let files =
                match process.folder("fd").and_then(|folder| Ok((folder.numbers()?, folder))) {
                    Ok(files) => files,
                    Err(error) => {
                        self.refused = Some(error);
                        continue;
                    }
                };
            let (numbers, folder) = files;
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

    fn sum_up(&mut self, sockets: &[Socket]) {
        for socket in sockets.iter().filter(|socket| socket.is_listener) {
            if self.listeners.get(&socket.inode).is_some_and(|is_members| *is_members) {
                let port = self.ports.entry(socket.port).or_default();
                port.waiting += u64::from(socket.waiting);
                let more = socket.backlog.map(u64::from);
                port.backlog = more.map(|more| port.backlog.unwrap_or_default() + more);
            }
        }
        for socket in sockets.iter().filter(|socket| !socket.is_listener) {
            if let Some(port) = self.ports.get_mut(&socket.port) {
                port.connections += 1;
            }
        }
    }
}

/// Reads `/proc/PID/net/tcp`, which has a line for each socket and no end that is known.
fn read_table(process: &Folder, table: &str, into: &mut Vec<Socket>) -> Result<(), Errno> {
    let file = process.file(table)?;
    let mut piece = vec![0; 64 * 1024];
    let (mut offset, mut kept) = (0, 0);
    while into.len() < LINES_MAX {
        let Some(rest) = piece.get_mut(kept..) else { break };
        let len = pread(&file, rest, offset)?;
        if len == 0 {
            break;
        }
        offset += len as u64;
        let end = kept + len;
        let text = piece.get(..end).unwrap_or_default();
        // What comes after the last line's end is the begin of another.
        let whole = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let lines = String::from_utf8_lossy(text.get(..whole).unwrap_or_default()).into_owned();
        into.extend(lines.lines().filter_map(socket));
        // A line that fills the piece is none.
        kept = if whole == 0 && end == piece.len() { 0 } else { end - whole };
        piece.copy_within(end - kept..end, 0);
    }
    Ok(())
}

/// Reads a line of a table: `sl local remote st tx:rx …  uid timeout inode`.
fn socket(line: &str) -> Option<Socket> {
    let mut words = line.split_ascii_whitespace().skip(1);
    let (_, port) = words.next()?.rsplit_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let state = words.nth(1)?;
    let is_listener = match state {
        "0A" => true,
        "01" => false,
        _ => return None,
    };
    let (_, received) = words.next()?.split_once(':')?;
    let waiting = u32::from_str_radix(received, 16).ok()?;
    let inode = words.nth(4)?.parse().ok()?;
    Some(Socket { inode, port, is_listener, waiting, backlog: None })
}

/// Reads a number of `netstat`, where a line of names is followed by one of values.
fn extended(text: &str, key: &str) -> Option<u64> {
    let mut lines = text.lines().filter(|line| line.starts_with("TcpExt:"));
    let (names, values) = (lines.next()?, lines.next()?);
    let place = names.split_ascii_whitespace().position(|name| name == key)?;
    values.split_ascii_whitespace().nth(place)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_the_table_is_read_and_none_makes_it_panic() {
        let line = "  0: 00000000:07E8 00000000:0000 0A 00000000:00000005 00:00000000 00000000  \
                    1000        0 1126 1 000000002e042d9f 100 0 0 10 0";
        let expected =
            Socket { inode: 1126, port: 2024, is_listener: true, waiting: 5, backlog: None };
        assert_eq!(socket(line), Some(expected));
        for end in 0..line.len() {
            let _ = socket(&line[..end]);
        }
        assert_eq!(socket(&line.replace(" 0A ", " 06 ")), None);
    }

    #[test]
    fn a_count_is_found_by_its_name() {
        let text = "TcpExt: A ListenOverflows B\nTcpExt: 1 7 3\nIpExt: A\nIpExt: 9\n";
        assert_eq!(extended(text, "ListenOverflows"), Some(7));
        assert_eq!(extended(text, "ListenDrops"), None);
        assert_eq!(extended("TcpExt: ListenDrops\n", "ListenDrops"), None);
    }

    #[test]
    fn a_table_longer_than_a_piece_loses_no_line() {
        let folder = tempfile::tempdir().unwrap();
        let mut text = String::from("  sl  local_address rem_address   st\n");
        for line in 0..3_000 {
            text += &format!(
                "{line}: 00000000:0050 00000000:0000 01 00000000:00000000 00:00000000 00000000 0 0 {line} 1\n"
            );
        }
        std::fs::write(folder.path().join("tcp"), text).unwrap();
        let mut sockets = Vec::new();
        read_table(&Folder::open(folder.path()).unwrap(), "tcp", &mut sockets).unwrap();
        let inodes: Vec<_> = sockets.iter().map(|socket| socket.inode).collect();
        assert_eq!(inodes, (0..3_000).collect::<Vec<_>>());
    }
}
