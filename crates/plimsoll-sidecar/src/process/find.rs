//! Which processes belong to a group: those that run now, those that start, restart and fork later.

use super::folder::{Folder, Room};
use super::text::{self, Stat};
use regex::Regex;
use rustix::io::Errno;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Processes of one group that are looked at.
pub(super) const MEMBERS_MAX: usize = 512;

/// A name is compared as the kernel keeps it: cut after so many bytes.
const NAME_LEN_MAX: usize = 15;

/// A process is looked at again at its first looks, because it takes its name only after it began...
const FIRST_LOOKS: u8 = 3;

/// ...and then at one look in so many, because it may take another, or its number gone to another.
const TURNS: u64 = 16;

/// What makes a process a member.
#[derive(Clone, Debug)]
pub(super) enum Matcher {
    /// The name of its program, or the one that it gave itself.
    Name(String),
    /// Its command line, words parted by blanks.
    CommandLine(Regex),
    /// The process, and what descends from it.
    Pid(u32),
    /// The process whose number stands in a file, and what descends from it.
    PidFile(PathBuf),
}

/// A process, by what no other process ever has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Identity {
    pub(super) pid: u32,
    /// When it began, in ticks since boot.
    pub(super) start_ticks: u64,
}

/// Finds the members of a group.
#[derive(Debug)]
pub(super) struct Finder {
    matcher: Matcher,
    proc_root: PathBuf,
    /// The sidecar itself, which is no member of what its own command line names.
    own: u32,
    /// The process that had the number when it was first looked for; another isn't meant.
    meant: Option<Identity>,
    seen: BTreeMap<u32, Seen>,
    looks: u64,
}

/// A process as it was last examined.
#[derive(Clone, Copy, Debug)]
struct Seen {
    identity: Identity,
    parent: u32,
    cpu_ticks: u64,
    is_member: bool,
    looks: u8,
}

impl Finder {
    pub(super) fn new(matcher: Matcher, proc_root: PathBuf, own: u32) -> Self {
        Self { matcher, proc_root, own, meant: None, seen: BTreeMap::new(), looks: 0 }
    }

    /// Returns the members that run now, in the order of their numbers, and the processor time of each
    /// in ticks.
    ///
    /// # Errors
    /// `/proc` can't be listed.
    pub(super) fn look(&mut self, room: &mut Room) -> Result<Vec<(Identity, u64)>, Errno> {
        let proc = Folder::open(&self.proc_root)?;
        let pids = proc.numbers()?;
        self.looks += 1;
        let root = self.root();
        let before = std::mem::take(&mut self.seen);
        for pid in pids.into_iter().filter(|pid| *pid != self.own) {
            let known = before.get(&pid).copied();
            let seen = match known {
                Some(seen) if !self.is_due(&seen) => Some(seen),
                _ => self.examine(pid, known, root, (&proc, room)),
            };
            if let Some(seen) = seen {
                self.seen.insert(pid, seen);
            }
        }
        if root.is_some() {
            self.add_descendants();
        }
        if let Matcher::Pid(pid) = &self.matcher {
            self.meant = self.meant.or(self.seen.get(pid).map(|seen| seen.identity));
        }
        let members = self.seen.values().filter(|seen| seen.is_member);
        Ok(members.map(|seen| (seen.identity, seen.cpu_ticks)).take(MEMBERS_MAX).collect())
    }

    /// Says whom a process has to descend from.
    fn root(&self) -> Option<u32> {
        match &self.matcher {
            Matcher::Name(_) | Matcher::CommandLine(_) => None,
            Matcher::Pid(pid) => Some(*pid),
            // No number: the process isn't there, and none has the number 0.
            Matcher::PidFile(file) => Some(read_pid(file).unwrap_or(0)),
        }
    }

    fn is_due(&self, seen: &Seen) -> bool {
        seen.is_member
            || seen.looks < FIRST_LOOKS
            || (u64::from(seen.identity.pid) + self.looks).is_multiple_of(TURNS)
    }

    fn examine(
        &self,
        pid: u32,
        known: Option<Seen>,
        root: Option<u32>,
        (proc, room): (&Folder, &mut Room),
    ) -> Option<Seen> {
        let stat = text::stat(&proc.read(&format!("{pid}/stat"), room).ok()?)?;
        if matches!(stat.state, 'Z' | 'X') {
            return None;
        }
        let identity = Identity { pid, start_ticks: stat.start_ticks };
        let known = known.filter(|known| known.identity == identity);
        let looks = known.map_or(0, |known| known.looks).saturating_add(1);
        // Once a member, always one: a process may rename itself and its parent may end.
        let is_member = known.is_some_and(|known| known.is_member)
            || match root {
                Some(root) => pid == root && self.meant.is_none_or(|meant| meant == identity),
                None => self.matches(&stat, &format!("{pid}"), proc, room),
            };
        let Stat { parent, cpu_ticks, .. } = stat;
        Some(Seen { identity, parent, cpu_ticks, is_member, looks })
    }

    fn matches(&self, stat: &Stat, pid: &str, proc: &Folder, room: &mut Room) -> bool {
        match &self.matcher {
            Matcher::Pid(_) | Matcher::PidFile(_) => false,
            Matcher::CommandLine(pattern) => {
                let words = proc.read(&format!("{pid}/cmdline"), room);
                words.is_ok_and(|words| {
                    let line = words.trim_end_matches('\0').replace('\0', " ");
                    !line.is_empty() && pattern.is_match(&line)
                })
            }
            Matcher::Name(name) => {
                let is_short = stat.name == kept(name);
                if is_short && name.len() <= NAME_LEN_MAX {
                    return true;
                }
                if let Ok(program) = proc.link(&format!("{pid}/exe")) {
                    // A program that was replaced while it runs is still the one.
                    let program = program.trim_end_matches(" (deleted)");
                    return program.rsplit('/').next() == Some(name);
                }
                let words = proc.read(&format!("{pid}/cmdline"), room).unwrap_or_default();
                let first = words.split('\0').next().unwrap_or_default();
                first.rsplit('/').next() == Some(name)
            }
        }
    }

    /// Adds the children of members, and theirs.
    fn add_descendants(&mut self) {
        loop {
            let is_member = |pid: &u32| self.seen.get(pid).is_some_and(|seen| seen.is_member);
            let children = self.seen.values().filter(|seen| !seen.is_member);
            let found: Vec<_> = children
                .filter(|seen| is_member(&seen.parent))
                .map(|seen| seen.identity.pid)
                .collect();
            if found.is_empty() {
                return;
            }
            for pid in found {
                if let Some(seen) = self.seen.get_mut(&pid) {
                    seen.is_member = true;
                }
            }
        }
    }
}

/// Returns a name as the kernel keeps it.
fn kept(name: &str) -> &str {
    let end = (0..=NAME_LEN_MAX.min(name.len())).rev().find(|end| name.is_char_boundary(*end));
    name.get(..end.unwrap_or_default()).unwrap_or(name)
}

fn read_pid(file: &PathBuf) -> Option<u32> {
    std::fs::read_to_string(file).ok()?.trim().parse().ok()
}
