//! Which processes belong to a group: those that run now, those that start, restart and fork later.

use super::census::{Identity, Process};
use super::folder::{Folder, Room};
use regex::Regex;
use rustix::io::Errno;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Processes of one group that are looked at.
pub(super) const MEMBERS_MAX: usize = 512;

/// A name is compared as the kernel keeps it: cut after so many bytes.
const NAME_LEN_MAX: usize = 15;

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

impl PartialEq for Matcher {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Name(one), Self::Name(other)) => one == other,
            (Self::CommandLine(one), Self::CommandLine(other)) => one.as_str() == other.as_str(),
            (Self::Pid(one), Self::Pid(other)) => one == other,
            (Self::PidFile(one), Self::PidFile(other)) => one == other,
            _ => false,
        }
    }
}

/// Finds the members of a group.
#[derive(Debug)]
pub(super) struct Finder {
    matcher: Matcher,
    proc_root: PathBuf,
    /// The process that had the number when it was first looked for; another isn't meant.
    meant: Option<Identity>,
    judged: BTreeMap<u32, Judged>,
}

/// A process as it was last compared.
#[derive(Clone, Copy, Debug)]
struct Judged {
    identity: Identity,
    /// Which examination of it.
    looks: u64,
    is_member: bool,
}

impl Finder {
    pub(super) fn new(matcher: Matcher, proc_root: PathBuf) -> Self {
        Self { matcher, proc_root, meant: None, judged: BTreeMap::new() }
    }

    /// Returns the members among all processes, in the order of their numbers.
    ///
    /// # Errors
    /// `/proc` can't be read.
    pub(super) fn look(
        &mut self,
        processes: &BTreeMap<u32, Process>,
        room: &mut Room,
    ) -> Result<Vec<Identity>, Errno> {
        let proc = Folder::open(&self.proc_root)?;
        let root = self.root();
        let before = std::mem::take(&mut self.judged);
        for (pid, process) in processes {
            let Process { identity, looks, .. } = *process;
            let known = before.get(pid).filter(|known| known.identity == identity);
            // Once a member, always one: a process may rename itself and its parent may end.
            let is_settled = |known: &&Judged| known.is_member || known.looks == looks;
            let is_member = match known.filter(is_settled) {
                Some(known) => known.is_member,
                None => self.matches(process, root, (&proc, &mut *room)),
            };
            self.judged.insert(*pid, Judged { identity, looks, is_member });
        }
        if root.is_some() {
            self.add_descendants(processes);
        }
        if let Matcher::Pid(pid) = &self.matcher {
            self.meant = self.meant.or(self.judged.get(pid).map(|judged| judged.identity));
        }
        let members = self.judged.values().filter(|judged| judged.is_member);
        Ok(members.map(|judged| judged.identity).take(MEMBERS_MAX).collect())
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

    fn matches(
        &self,
        process: &Process,
        root: Option<u32>,
        (proc, room): (&Folder, &mut Room),
    ) -> bool {
        let identity = process.identity;
        let pid = identity.pid;
        match &self.matcher {
            Matcher::Pid(_) | Matcher::PidFile(_) => {
                root == Some(pid) && self.meant.is_none_or(|meant| meant == identity)
            }
            Matcher::CommandLine(pattern) => {
                let words = proc.read(&format!("{pid}/cmdline"), room);
                words.is_ok_and(|words| {
                    let line = words.trim_end_matches('\0').replace('\0', " ");
                    !line.is_empty() && pattern.is_match(&line)
                })
            }
            Matcher::Name(name) => {
                if process.name == kept(name) && name.len() <= NAME_LEN_MAX {
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
    fn add_descendants(&mut self, processes: &BTreeMap<u32, Process>) {
        loop {
            let is_member = |pid: &u32| self.judged.get(pid).is_some_and(|judged| judged.is_member);
            let children = processes.iter().filter(|(pid, _)| !is_member(pid));
            let found: Vec<_> = children
                .filter(|(_, process)| is_member(&process.parent))
                .map(|(pid, _)| *pid)
                .collect();
            if found.is_empty() {
                return;
            }
            for pid in found {
                if let Some(judged) = self.judged.get_mut(&pid) {
                    judged.is_member = true;
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
