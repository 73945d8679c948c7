//! TCP sockets of one network namespace: what listens, and how many are connected to which port.

use super::folder::{Folder, Room};
use super::netlink;
use rustix::io::{Errno, pread};
use std::collections::BTreeMap;

/// Lines of one table of sockets that are read.
const LINES_MAX: usize = 200_000;

/// A count of the connections is followed by no other for so many times as long as it took: a machine
/// with 100,000 connections shall not spend its time on counting them.
const PAUSE_TIMES: u32 = 50;

/// A socket, as the kernel tells it.
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

/// The sockets of a namespace.
#[derive(Debug, Default)]
pub(super) struct Table {
    pub(super) listeners: Vec<Socket>,
    /// How many are connected, by local port.
    pub(super) connections: BTreeMap<u16, u64>,
}

/// The sockets of the sidecar's own namespace, which the kernel is asked for: that costs less than its
/// text, and tells the backlog.
#[derive(Debug, Default)]
pub(super) struct Own {
    pub(super) table: Table,
    counted: Option<Counted>,
}

/// When the connections were counted, and how long that took, in milliseconds of the clock.
#[derive(Clone, Copy, Debug)]
struct Counted {
    at_ms: i64,
    took_ms: i64,
}

impl Table {
    pub(super) fn add(&mut self, socket: Socket) {
        if socket.is_listener {
            self.listeners.push(socket);
        } else {
            *self.connections.entry(socket.port).or_default() += 1;
        }
    }

    /// Reads the tables that a process of the namespace shows.
    pub(super) fn read(process: &Folder) -> Self {
        let mut table = Self::default();
        for name in ["net/tcp", "net/tcp6"] {
            // A kernel without IPv6 has one only.
            let _ = read_lines(process, name, &mut table);
        }
        table
    }
}

impl Own {
    /// Asks the kernel for the listeners, and for the connections unless counting them has just taken
    /// long.
    ///
    /// # Errors
    /// This kernel, or a filter of calls, has no such list.
    pub(super) fn look(&mut self, now_ms: impl Fn() -> i64) -> Result<(), Errno> {
        self.table.listeners.clear();
        netlink::each(netlink::LISTEN, |socket| self.table.add(socket))?;
        let began_ms = now_ms();
        if self.counted.is_some_and(|counted| !counted.is_due(began_ms)) {
            return Ok(());
        }
        self.table.connections.clear();
        netlink::each(netlink::ESTABLISHED, |socket| self.table.add(socket))?;
        let at_ms = now_ms();
        self.counted = Some(Counted { at_ms, took_ms: at_ms.saturating_sub(began_ms) });
        Ok(())
    }
}

impl Counted {
    fn is_due(self, now_ms: i64) -> bool {
        let pause_ms = self.took_ms.saturating_mul(i64::from(PAUSE_TIMES));
        now_ms.saturating_sub(self.at_ms) >= pause_ms
    }
}

/// Reads a number of `net/netstat`, where a line of names is followed by one of values.
pub(super) fn extended(process: &Folder, keys: [&str; 2], room: &mut Room) -> [Option<u64>; 2] {
    let text = process.read("net/netstat", room).unwrap_or_default();
    keys.map(|key| extended_of(&text, key))
}

fn extended_of(text: &str, key: &str) -> Option<u64> {
    let mut lines = text.lines().filter(|line| line.starts_with("TcpExt:"));
    let (names, values) = (lines.next()?, lines.next()?);
    let place = names.split_ascii_whitespace().position(|name| name == key)?;
    values.split_ascii_whitespace().nth(place)?.parse().ok()
}

/// Reads `/proc/PID/net/tcp`, which has a line for each socket and no end that is known.
fn read_lines(process: &Folder, name: &str, into: &mut Table) -> Result<(), Errno> {
    let file = process.file(name)?;
    let mut piece = vec![0; 64 * 1024];
    let (mut offset, mut kept, mut lines) = (0, 0, 0);
    while lines < LINES_MAX {
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
        let text = String::from_utf8_lossy(text.get(..whole).unwrap_or_default());
        for line in text.lines() {
            lines += 1;
            socket(line).into_iter().for_each(|socket| into.add(socket));
        }
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
        assert_eq!(extended_of(text, "ListenOverflows"), Some(7));
        assert_eq!(extended_of(text, "ListenDrops"), None);
        assert_eq!(extended_of("TcpExt: ListenDrops\n", "ListenDrops"), None);
    }

    #[test]
    fn a_table_longer_than_a_piece_loses_no_line() {
        let folder = tempfile::tempdir().unwrap();
        let mut text = String::from("  sl  local_address rem_address   st\n");
        for line in 0..3_000 {
            let state = if line % 2 == 0 { "01" } else { "0A" };
            text += &format!(
                "{line}: 00000000:0050 00000000:0000 {state} 00000000:00000000 00:00000000 00000000 0 0 {line} 1\n"
            );
        }
        std::fs::write(folder.path().join("tcp"), text).unwrap();
        let mut table = Table::default();
        read_lines(&Folder::open(folder.path()).unwrap(), "tcp", &mut table).unwrap();
        let inodes: Vec<_> = table.listeners.iter().map(|socket| socket.inode).collect();
        assert_eq!(inodes, (0..1_500).map(|line| 2 * line + 1).collect::<Vec<_>>());
        assert_eq!(table.connections, BTreeMap::from([(0x50, 1_500)]));
    }

    #[test]
    fn a_count_that_took_long_is_followed_by_a_pause() {
        let counted = Counted { at_ms: 1_000, took_ms: 40 };
        assert!(!counted.is_due(2_999) && counted.is_due(3_000));
        assert!(Counted { at_ms: 1_000, took_ms: 0 }.is_due(1_000));
    }
}
