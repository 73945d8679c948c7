//! Every process of the machine, listed once for all groups.

use super::folder::{Folder, Room};
use super::text;
use rustix::io::Errno;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// A process is examined again at the first looks, because it takes its name only after it began...
const FIRST_LOOKS: u64 = 3;

/// ...and then at one look in so many, because it may take another, or its number gone to another.
const TURNS: u64 = 16;

/// A process, by what no other process ever has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Identity {
    pub(super) pid: u32,
    /// When it began, in ticks since boot.
    pub(super) start_ticks: u64,
}

/// A process as it was last examined.
#[derive(Clone, Debug)]
pub(super) struct Process {
    pub(super) identity: Identity,
    pub(super) parent: u32,
    /// As the kernel keeps it: cut after 15 bytes.
    pub(super) name: String,
    /// How often it was examined.
    pub(super) looks: u64,
}

/// All processes.
#[derive(Debug)]
pub(super) struct Census {
    proc_root: PathBuf,
    known: BTreeMap<u32, Process>,
    looks: u64,
    room: Room,
}

impl Census {
    pub(super) fn new(proc_root: PathBuf) -> Self {
        Self { proc_root, known: BTreeMap::new(), looks: 0, room: Room::new() }
    }

    /// Lists the processes and examines those that are due.
    ///
    /// # Errors
    /// `/proc` can't be listed.
    pub(super) fn look(&mut self) -> Result<(), Errno> {
        let proc = Folder::open(&self.proc_root)?;
        let pids = proc.numbers()?;
        // The sidecar is no member of what its own command line names. In a container it has another
        // number in the host's `/proc` than it knows.
        let own = proc.link("self").ok().and_then(|own| own.parse::<u32>().ok());
        self.looks += 1;
        let mut before = std::mem::take(&mut self.known);
        for pid in pids.into_iter().filter(|pid| Some(*pid) != own) {
            let process = match before.remove(&pid) {
                Some(process) if !self.is_due(&process) => Some(process),
                known => examined(pid, known, (&proc, &mut self.room)),
            };
            self.known.extend(process.map(|process| (pid, process)));
        }
        Ok(())
    }

    /// Examines processes out of turn, as when a member is gone and its number may be another's.
    pub(super) fn examine(&mut self, pids: &[u32]) {
        if pids.is_empty() {
            return;
        }
        let Ok(proc) = Folder::open(&self.proc_root) else { return };
        for pid in pids {
            let known = self.known.remove(pid);
            let process = examined(*pid, known, (&proc, &mut self.room));
            self.known.extend(process.map(|process| (*pid, process)));
        }
    }

    /// Returns the processes in the order of their numbers.
    pub(super) fn all(&self) -> &BTreeMap<u32, Process> {
        &self.known
    }

    fn is_due(&self, process: &Process) -> bool {
        process.looks < FIRST_LOOKS
            || (u64::from(process.identity.pid) + self.looks).is_multiple_of(TURNS)
    }
}

fn examined(
    pid: u32,
    known: Option<Process>,
    (proc, room): (&Folder, &mut Room),
) -> Option<Process> {
    let stat = text::stat(&proc.read(&format!("{pid}/stat"), room).ok()?)?;
    if stat.is_dead() {
        return None;
    }
    let identity = Identity { pid, start_ticks: stat.start_ticks };
    let known = known.filter(|known| known.identity == identity);
    let looks = known.map_or(0, |known| known.looks).saturating_add(1);
    Some(Process { identity, parent: stat.parent, name: stat.name, looks })
}
