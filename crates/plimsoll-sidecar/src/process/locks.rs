//! Locks that threads wait for: how many, for how long, and whether the queue moves.

use super::group::Members;
use plimsoll_model::TimeMs;
use std::collections::HashMap;
use std::time::Duration;

/// Locks that are told of: those with most waiters.
const RANKS: usize = 5;

/// A queue that has stood for so many looks while its waiters got their turns is a convoy.
const CONVOY_LOOKS: u32 = 3;

/// A lock of a process, by where its word is.
type Key = (u32, u64);

/// A queue before a lock, as one look found it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Queue {
    /// The process, and where in it the lock is.
    pub(super) pid: u32,
    pub(super) address: u64,
    pub(super) waiters: u32,
    /// For how long the longest waiter has waited, at least.
    pub(super) oldest: Duration,
    /// For how long every look has found two or more.
    pub(super) standing: Duration,
}

/// Every lock that has waiters.
#[derive(Debug, Default)]
pub(super) struct Locks {
    standing: HashMap<Key, Standing>,
    /// Thread-milliseconds.
    waited_ms: u64,
    last: Option<TimeMs>,
}

/// A lock that looks in a row have found with two waiters or more.
#[derive(Clone, Copy, Debug)]
struct Standing {
    since: TimeMs,
    /// Looks in a row at which a waiter was new or had run since the look before.
    moves: u32,
}

/// What one look says of all locks.
#[derive(Debug, PartialEq)]
pub(super) struct Ranked {
    /// By waiters, most first.
    pub(super) queues: Vec<Queue>,
    pub(super) convoys: usize,
    pub(super) waited: Duration,
}

impl Locks {
    /// Takes a look's waiters.
    pub(super) fn look(&mut self, members: &Members, now: TimeMs) -> Ranked {
        let mut found: HashMap<Key, (u32, TimeMs, bool)> = HashMap::new();
        for (identity, member) in members {
            for thread in member.threads.all() {
                let Some(lock) = thread.lock else { continue };
                let entry = found.entry((identity.pid, lock.address));
                let (waiters, since, moved) = entry.or_insert((0, thread.since, false));
                *waiters += 1;
                *since = (*since).min(thread.since);
                *moved |= self.last.is_some_and(|last| thread.since > last);
            }
        }
        let elapsed_ms = self.last.map_or(0, |last| since(now, last).as_millis() as u64);
        let waiters: u64 = found.values().map(|(waiters, ..)| u64::from(*waiters)).sum();
        self.waited_ms = self.waited_ms.saturating_add(waiters.saturating_mul(elapsed_ms));
        self.last = Some(now);
        self.standing.retain(|key, _| found.get(key).is_some_and(|(waiters, ..)| *waiters > 1));
        for (key, (_, _, moved)) in found.iter().filter(|(_, (waiters, ..))| *waiters > 1) {
            let standing = self.standing.entry(*key).or_insert(Standing { since: now, moves: 0 });
            standing.moves = if *moved { standing.moves.saturating_add(1) } else { 0 };
        }
        let queue = |(key, (waiters, first, _)): (&Key, &(u32, TimeMs, bool))| Queue {
            pid: key.0,
            address: key.1,
            waiters: *waiters,
            oldest: since(now, *first),
            standing: self
                .standing
                .get(key)
                .map_or(Duration::ZERO, |known| since(now, known.since)),
        };
        let mut queues: Vec<_> = found.iter().map(queue).collect();
        queues.sort_by_key(|queue| std::cmp::Reverse((queue.waiters, queue.oldest)));
        queues.truncate(RANKS);
        let convoys = self.standing.values().filter(|known| known.moves >= CONVOY_LOOKS).count();
        Ranked { queues, convoys, waited: Duration::from_millis(self.waited_ms) }
    }
}

fn since(now: TimeMs, then: TimeMs) -> Duration {
    Duration::from_millis(u64::try_from(now.0.saturating_sub(then.0)).unwrap_or_default())
}
