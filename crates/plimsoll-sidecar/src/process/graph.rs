//! Who waits for whom: glibc keeps a mutex's owner beside its word, so that a process's own memory
//! has the wait-for graph.

use super::folder::{Folder, Room};
use super::state::LockWait;
use super::symbols::{Maps, Place};
use super::thread::Thread;
use super::threads::Threads;
use super::waits::{Cycle, Lock, Wait, Waited, Who};
use plimsoll_model::TimeMs;
use rustix::fd::OwnedFd;
use rustix::io::{Errno, pread};
use std::collections::{BTreeMap, BTreeSet};

/// Threads that wait for locks beyond these aren't followed.
const WAITERS_MAX: usize = 4_096;

/// Cycles that are told of; there are hardly ever two.
const CYCLES_MAX: usize = 5;

/// Waiters of a lock that are listed by name.
const LISTED_MAX: usize = 16;

/// Locks whose symbol is remembered.
const SYMBOLS_MAX: usize = 64;

/// Words of a stack that are looked through for return addresses.
const STACK_WORDS: usize = 512;

/// Return addresses that are told of, innermost first.
const FRAMES_MAX: usize = 3;

/// A thread that waits, what for, and who has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Edge {
    waiter: u32,
    lock: u64,
    owner: u32,
    /// How often the waiter has run: if it hasn't since, it still waits.
    slices: u64,
}

/// The waits of one process, look after look.
#[derive(Debug, Default)]
pub(super) struct Graph {
    /// Cycles that the last look found, each from its least waiter on.
    last: BTreeSet<Vec<Edge>>,
    /// Cycles that two looks have found.
    told: BTreeMap<Vec<Edge>, Cycle>,
    /// Who has the locks that are waited for, by where they are.
    owners: BTreeMap<u64, Option<u32>>,
    /// The symbols of locks, as far as they have one.
    symbols: BTreeMap<u64, Option<String>>,
    refused: Option<Errno>,
}

/// A process that waits are looked for in, and what the group that it is in is called.
#[derive(Clone, Copy)]
pub(super) struct Subject<'a> {
    pub(super) group: &'a str,
    pub(super) pid: u32,
    pub(super) folder: &'a Folder,
    pub(super) threads: &'a Threads,
}

impl Graph {
    /// Looks at who has the locks that are waited for.
    pub(super) fn look(&mut self, subject: Subject<'_>, room: &mut Room) {
        let Subject { folder, threads, .. } = subject;
        // One that has run since its call was read may wait no more.
        let waits = |thread: &&Thread| thread.lock.is_some() && !thread.is_old;
        let waiters = || threads.all().iter().filter(waits);
        // A cycle takes two, or one that waits for itself.
        if waiters().next().is_none() {
            *self = Self { symbols: std::mem::take(&mut self.symbols), ..Self::default() };
            return;
        }
        let memory = match folder.file("mem") {
            Ok(memory) => memory,
            Err(error) => {
                *self = Self { refused: Some(error), ..Self::default() };
                return;
            }
        };
        self.refused = None;
        // A thousand wait for one lock sooner than for a thousand.
        let mut owners = BTreeMap::new();
        let edges: BTreeMap<u32, Edge> = waiters()
            .take(WAITERS_MAX)
            .filter_map(|thread| {
                let lock = thread.lock?;
                let owner = owners.entry(lock.address).or_insert_with(|| owner(&memory, lock));
                edge(thread, (*owner)?, threads)
            })
            .map(|edge| (edge.waiter, edge))
            .collect();
        let found = cycles(&edges);
        // One look reads one owner after the other, so a cycle counts once a second look has found
        // it and none of its threads has run between the two.
        let sure: BTreeSet<_> = found.intersection(&self.last).cloned().collect();
        self.told.retain(|cycle, _| sure.contains(cycle));
        for cycle in sure.into_iter().take(CYCLES_MAX) {
            if !self.told.contains_key(&cycle) {
                let waits = cycle.iter().map(|edge| self.wait(edge, (subject, &memory), room));
                let told = Cycle(waits.collect());
                tracing::warn!(cycle = %told, "found a deadlock");
                self.told.insert(cycle, told);
            }
        }
        self.last = found;
        self.owners = owners;
    }

    /// Returns each deadlock.
    pub(super) fn cycles(&self) -> impl ExactSizeIterator<Item = &Cycle> {
        self.told.values()
    }

    /// Says who waits for a lock and who has it.
    pub(super) fn waited(&mut self, address: u64, subject: Subject<'_>, room: &mut Room) -> Waited {
        let mut who = |number| Who { name: subject.threads.name(number, room), number };
        let owner = self.owners.get(&address).copied().flatten();
        let owner = owner.filter(|owner| subject.threads.get(*owner).is_some()).map(&mut who);
        let is_at = |thread: &&Thread| thread.lock.is_some_and(|lock| lock.address == address);
        let mut waiters: Vec<_> = subject.threads.all().iter().filter(is_at).collect();
        waiters.sort_by_key(|thread| thread.since);
        let waiters_not_listed = waiters.len().saturating_sub(LISTED_MAX);
        waiters.truncate(LISTED_MAX);
        let waiters =
            waiters.into_iter().map(|thread| (who(thread.number), thread.since)).collect();
        Waited { lock: self.lock(address, subject), owner, waiters, waiters_not_listed }
    }

    /// Describes a thread in a circle: what it waits for and where, and who has it.
    fn wait(
        &mut self,
        edge: &Edge,
        (subject, memory): (Subject<'_>, &OwnedFd),
        room: &mut Room,
    ) -> Wait {
        let Subject { folder, threads, .. } = subject;
        let maps = Maps::read(folder).unwrap_or_default();
        let thread = threads.get(edge.waiter);
        let stack = thread.map_or(0, |thread| thread.stack);
        let functions = frames(memory, stack, (&maps, folder)).iter().map(Place::text).collect();
        let mut who = |number| Who { name: threads.name(number, room), number };
        Wait {
            waiter: who(edge.waiter),
            owner: who(edge.owner),
            lock: self.lock(edge.lock, subject),
            functions,
            since: thread.map_or(TimeMs(0), |thread| thread.since),
        }
    }

    fn lock(&mut self, address: u64, subject: Subject<'_>) -> Lock {
        if self.symbols.len() >= SYMBOLS_MAX {
            self.symbols.clear();
        }
        let symbol = self.symbols.entry(address).or_insert_with(|| {
            let maps = Maps::read(subject.folder).ok()?;
            Some(maps.place(subject.folder, address)?.text())
        });
        let Subject { group, pid, .. } = subject;
        Lock { process: group.to_string(), pid, address, symbol: symbol.clone() }
    }

    /// Says why owners can't be read.
    pub(super) fn refused(&self) -> Option<Errno> {
        self.refused
    }
}

/// Says that a thread waits for another of the process.
fn edge(thread: &Thread, owner: u32, threads: &Threads) -> Option<Edge> {
    let (lock, slices) = (thread.lock?.address, thread.sched.slices);
    threads.get(owner)?;
    Some(Edge { waiter: thread.number, lock, owner, slices })
}

/// Reads the owner from the word itself, or from beside it as glibc's `pthread_mutex_t` keeps it: word,
/// recursion, owner, users, kind. A lock of another make has other things there, which hardly look like
/// all of these, and the owner has to be a thread of the process.
fn owner(memory: &OwnedFd, lock: LockWait) -> Option<u32> {
    let mut bytes = [0; 20];
    let len = pread(memory, &mut bytes[..], lock.address).ok()?;
    let words: Vec<u32> = bytes
        .get(..len)?
        .chunks_exact(4)
        .filter_map(|word| word.try_into().ok().map(u32::from_le_bytes))
        .collect();
    if lock.inherits || lock.named_owner().is_some() {
        return words.first().map(|word| word & 0x3fff_ffff);
    }
    let [word, recursion, owner, users, kind] = *words.as_slice() else { return None };
    let is_mutex = word == 2 && recursion < 1 << 16 && (1..1 << 24).contains(&users);
    (is_mutex && kind & !0x3ff == 0).then_some(owner)
}

/// Finds the cycles; a thread waits for one lock, so there is one way to follow.
fn cycles(edges: &BTreeMap<u32, Edge>) -> BTreeSet<Vec<Edge>> {
    let mut found = BTreeSet::new();
    let mut seen = BTreeSet::new();
    for start in edges.keys() {
        let mut path: Vec<Edge> = Vec::new();
        let mut at = *start;
        while let Some(edge) = edges.get(&at) {
            if let Some(begin) = path.iter().position(|earlier| earlier.waiter == at) {
                let mut cycle = path.split_off(begin);
                let least = (0..cycle.len()).min_by_key(|place| cycle[*place].waiter);
                cycle.rotate_left(least.unwrap_or_default());
                found.insert(cycle);
                break;
            }
            if !seen.insert(at) {
                break;
            }
            path.push(*edge);
            at = edge.owner;
        }
    }
    found
}

/// Finds the innermost functions that are no library's by looking through the stack for addresses that
/// follow a call. One may be left over from a call that has returned.
fn frames(memory: &OwnedFd, stack: u64, (maps, process): (&Maps, &Folder)) -> Vec<Place> {
    let mut bytes = vec![0; STACK_WORDS * 8];
    let Ok(len) = pread(memory, &mut bytes[..], stack) else { return Vec::new() };
    let words = bytes.get(..len).unwrap_or_default().chunks_exact(8);
    let mut frames: Vec<Place> = Vec::new();
    for word in words.filter_map(|word| word.try_into().ok().map(u64::from_le_bytes)) {
        if frames.len() == FRAMES_MAX {
            break;
        }
        if !maps.is_programs_code(word) || !follows_a_call(memory, word) {
            continue;
        }
        // The call itself: a function that never returns may end with it.
        let place = maps.place(process, word - 1);
        frames.extend(place.filter(|place| frames.last() != Some(place)));
    }
    frames
}

/// Says whether the instruction before an address is a call.
fn follows_a_call(memory: &OwnedFd, address: u64) -> bool {
    let mut code = [0_u8; 8];
    let Some(begin) = address.checked_sub(8) else { return false };
    if pread(memory, &mut code[..], begin) != Ok(code.len()) {
        return false;
    }
    if cfg!(target_arch = "aarch64") {
        let last = u32::from_le_bytes([code[4], code[5], code[6], code[7]]);
        // `bl`, `blr`
        return last >> 26 == 0b10_0101 || last & 0xffff_fc1f == 0xd63f_0000;
    }
    // `call` with a 32-bit offset; `call` through a register or memory, two to seven bytes long.
    let through =
        |length: usize| code[8 - length] == 0xff && code[9 - length] & 0b0011_1000 == 0b0001_0000;
    code[3] == 0xe8 || (2..=7).any(through)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edges(pairs: &[(u32, u32)]) -> BTreeMap<u32, Edge> {
        let edge = |&(waiter, owner): &(u32, u32)| Edge { waiter, lock: 16, owner, slices: 1 };
        pairs.iter().map(|pair| (pair.0, edge(pair))).collect()
    }

    #[test]
    fn every_cycle_is_found_once_and_no_chain() {
        for (pairs, sizes) in [
            (&[(1, 2), (2, 3)][..], &[][..]),
            (&[(1, 2), (2, 1), (3, 1), (4, 3)], &[2]),
            (&[(5, 5)], &[1]),
            (&[(1, 2), (2, 3), (3, 1), (7, 8), (8, 7), (9, 7)], &[3, 2]),
        ] {
            let found = cycles(&edges(pairs));
            assert_eq!(found.iter().map(Vec::len).collect::<Vec<_>>(), sizes, "{pairs:?}");
        }
        let cycle = cycles(&edges(&[(3, 1), (1, 2), (2, 3)])).pop_first().unwrap();
        assert_eq!(cycle.iter().map(|edge| edge.waiter).collect::<Vec<_>>(), [1, 2, 3]);
    }
}
