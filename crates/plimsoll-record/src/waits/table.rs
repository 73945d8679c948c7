//! The waits that last: a bounded table that no one waits for.

use super::holder::LiveHold;
use super::{By, Resource, Role};
use crate::clock::now_ns;
use crate::sync::try_lock;
use std::array;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, OnceLock};

/// Slots in a chunk, which is made when it is first needed.
const CHUNK: usize = 256;

/// Chunks at most: 8,192 waits are told apart.
const CHUNKS: usize = 32;

/// How often a waiter looks for a slot that nobody is reading.
const TRIES: usize = 4;

/// A wait for a resource. It ends when it is finished or dropped, cancelled waits too.
#[derive(Debug)]
#[must_use = "dropping it ends the wait at once"]
pub struct Wait {
    resource: Arc<Resource>,
    since_ns: u64,
    until_ns: Option<u64>,
    by: By,
    first_holder: Option<LiveHold>,
    is_charged: bool,
    slot: Option<u32>,
}

impl Wait {
    pub(super) fn begin(resource: Arc<Resource>, by: By) -> Self {
        let since_ns = now_ns();
        let is_charged = resource.join(since_ns);
        let first_holder = resource.first_holder();
        let slot = TABLE.enter(&resource, by, since_ns, first_holder);
        Self { resource, since_ns, until_ns: None, by, first_holder, is_charged, slot }
    }

    /// Returns when it began.
    pub fn since_ns(&self) -> u64 {
        self.since_ns
    }

    /// Ends the wait; returns when it ended, the first time that it is asked.
    pub fn finish(&mut self) -> u64 {
        if let Some(until_ns) = self.until_ns {
            return until_ns;
        }
        let until_ns = now_ns();
        self.until_ns = Some(until_ns);
        if let Some(slot) = self.slot {
            TABLE.leave(slot);
        }
        if self.is_charged {
            self.resource.leave(until_ns);
        }
        let (span, role) = ((self.since_ns, until_ns), Role::Wait(self.first_holder));
        self.resource.keep(self.by.who, Some(self.by.site), span, role);
        until_ns
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        self.finish();
    }
}

/// A wait that lasts.
#[derive(Clone, Debug)]
pub struct LiveWait {
    /// Tells it from every other wait of the process.
    pub number: u64,
    /// What it waits for.
    pub resource: Arc<Resource>,
    /// Who waits, and where.
    pub by: By,
    /// When it began, on the clock of [`crate::clock::now_ns`].
    pub since_ns: u64,
    /// Who held it when the wait began.
    pub first_holder: Option<LiveHold>,
}

/// Returns the waits that last, the oldest first. Costs what there are; it holds nobody up.
pub fn live() -> Vec<LiveWait> {
    let mut waits = TABLE.read();
    waits.sort_by_key(|wait| (wait.since_ns, wait.number));
    waits
}

/// Returns how many waits found no room in the table so far: they were charged, but not listed.
pub fn missed() -> u64 {
    TABLE.missed.load(Ordering::Relaxed)
}

/// Charges the waits that last until now.
pub(crate) fn charge_live() {
    if TABLE.entered.load(Ordering::Relaxed) == 0 {
        return;
    }
    let mut resources: Vec<_> = TABLE.read().into_iter().map(|wait| wait.resource).collect();
    resources.sort_by_key(|resource| resource.number());
    resources.dedup_by_key(|resource| resource.number());
    let at_ns = now_ns();
    resources.iter().for_each(|resource| resource.charge(at_ns));
}

static TABLE: LazyLock<Table> = LazyLock::new(Table::new);

/// Slots, and a stack of those that are free.
struct Table {
    chunks: [OnceLock<Box<[Slot; CHUNK]>>; CHUNKS],
    /// The top of the free slots plus one, 0 when there is none; above it a count of the changes, so
    /// that a top that went and came back isn't taken for the old one.
    free: AtomicU64,
    /// Slots that were never used begin here.
    fresh: AtomicU32,
    /// Waits ever entered, which numbers them, and those that found no slot.
    entered: AtomicU64,
    missed: AtomicU64,
}

struct Slot {
    /// The number of the wait, or 0.
    number: AtomicU64,
    /// The next free slot plus one.
    next: AtomicU32,
    /// Only ever tried. What is left here when the number is 0 means nothing.
    wait: Mutex<Option<LiveWait>>,
}

impl Table {
    fn new() -> Self {
        Self {
            chunks: array::from_fn(|_| OnceLock::new()),
            free: AtomicU64::new(0),
            fresh: AtomicU32::new(0),
            entered: AtomicU64::new(0),
            missed: AtomicU64::new(0),
        }
    }

    /// Enters a wait; returns its slot, or none when there is no room.
    fn enter(
        &self,
        resource: &Arc<Resource>,
        by: By,
        since_ns: u64,
        first_holder: Option<LiveHold>,
    ) -> Option<u32> {
        let number = self.entered.fetch_add(1, Ordering::Relaxed) + 1;
        let resource = Arc::clone(resource);
        let mut wait = Some(LiveWait { number, resource, by, since_ns, first_holder });
        let mut being_read = [None; TRIES];
        let mut found = None;
        for other in &mut being_read {
            let Some((place, slot)) = self.pop() else { break };
            if let Some(mut content) = try_lock(&slot.wait) {
                *content = wait.take();
                drop(content);
                slot.number.store(number, Ordering::Release);
                found = Some(place);
                break;
            }
            *other = Some(place);
        }
        being_read.into_iter().flatten().for_each(|place| self.push(place));
        self.missed.fetch_add(u64::from(found.is_none()), Ordering::Relaxed);
        found
    }

    fn leave(&self, place: u32) {
        let Some(slot) = self.slot(place) else { return };
        slot.number.store(0, Ordering::Release);
        // A reader may have it: then the next wait replaces it.
        if let Some(mut content) = try_lock(&slot.wait) {
            *content = None;
        }
        self.push(place);
    }

    fn read(&self) -> Vec<LiveWait> {
        let used = self.fresh.load(Ordering::Acquire).min((CHUNK * CHUNKS) as u32);
        (0..used)
            .filter_map(|place| {
                let slot = self.slot(place)?;
                let number = slot.number.load(Ordering::Acquire);
                if number == 0 {
                    return None;
                }
                // One that is being written has only begun, or has just ended.
                let wait = try_lock(&slot.wait)?.clone()?;
                (wait.number == number && slot.number.load(Ordering::Acquire) == number)
                    .then_some(wait)
            })
            .collect()
    }

    fn slot(&self, place: u32) -> Option<&Slot> {
        let place = place as usize;
        self.chunks.get(place / CHUNK)?.get()?.get(place % CHUNK)
    }

    /// Takes a free slot, or one that was never used.
    fn pop(&self) -> Option<(u32, &Slot)> {
        let mut free = self.free.load(Ordering::Acquire);
        loop {
            let Some(place) = (free as u32).checked_sub(1) else { return self.take_fresh() };
            let slot = self.slot(place)?;
            let next = u64::from(slot.next.load(Ordering::Relaxed));
            let top = changed(free) | next;
            match self.free.compare_exchange_weak(free, top, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => return Some((place, slot)),
                Err(now) => free = now,
            }
        }
    }

    fn push(&self, place: u32) {
        let Some(slot) = self.slot(place) else { return };
        let mut free = self.free.load(Ordering::Relaxed);
        loop {
            slot.next.store(free as u32, Ordering::Relaxed);
            let top = changed(free) | u64::from(place + 1);
            match self.free.compare_exchange_weak(free, top, Ordering::AcqRel, Ordering::Relaxed) {
                Ok(_) => return,
                Err(now) => free = now,
            }
        }
    }

    fn take_fresh(&self) -> Option<(u32, &Slot)> {
        let room = |fresh: u32| ((fresh as usize) < CHUNK * CHUNKS).then_some(fresh + 1);
        let place = self.fresh.fetch_update(Ordering::AcqRel, Ordering::Relaxed, room).ok()?;
        let chunk = self.chunks.get(place as usize / CHUNK)?;
        if chunk.get().is_none() {
            // Made outside: others wait for no more than its being put here.
            let _ = chunk.set(Box::new(array::from_fn(|_| Slot::new())));
        }
        Some((place, self.slot(place)?))
    }
}

/// Returns the next count of changes, with no top.
fn changed(free: u64) -> u64 {
    ((free >> 32).wrapping_add(1)) << 32
}

impl Slot {
    fn new() -> Self {
        Self { number: AtomicU64::new(0), next: AtomicU32::new(0), wait: Mutex::new(None) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::waits::{Kind, What, Who};
    use std::panic::Location;
    use std::sync::atomic::AtomicBool;

    fn resource() -> Arc<Resource> {
        let what = What { kind: Kind::Mutex, name: "table".into(), blame: None };
        Resource::new(Arc::new(what), 0, Location::caller())
    }

    fn by(task: u64) -> By {
        let site = Location::caller();
        By { who: Who::task(task), thread: None, site, gives_up: false }
    }

    #[test]
    fn readers_see_whole_waits_and_slots_are_used_again() {
        let table = Table::new();
        let ended = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let writers: Vec<_> = (1..=3)
                .map(|task| {
                    let table = &table;
                    scope.spawn(move || {
                        let resource = resource();
                        for at_ns in 0..50_000 {
                            let slot = table.enter(&resource, by(task), at_ns, None);
                            table.leave(slot.expect("there is room"));
                        }
                    })
                })
                .collect();
            let reader = scope.spawn(|| {
                let mut of_task = std::collections::HashMap::new();
                while !ended.load(Ordering::Relaxed) {
                    let waits = table.read();
                    assert!(waits.len() <= 3, "each has one at a time: {}", waits.len());
                    for wait in waits {
                        // One task never waits for what another made.
                        let resource = wait.resource.number();
                        assert_eq!(*of_task.entry(wait.by.who).or_insert(resource), resource);
                    }
                }
            });
            writers.into_iter().for_each(|writer| writer.join().expect("it found room"));
            ended.store(true, Ordering::Relaxed);
            reader.join().expect("it saw nothing torn");
        });
        assert_eq!(table.read().len(), 0);
        let used = table.fresh.load(Ordering::Relaxed);
        assert!(used <= 3 * TRIES as u32, "{used} slots for three at a time");
        assert_eq!(table.missed.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn what_finds_no_room_is_counted_and_the_rest_is_listed() {
        let table = Table::new();
        let resource = resource();
        let room = CHUNK * CHUNKS;
        let slots: Vec<_> =
            (0..room + 5).map(|at| table.enter(&resource, by(1), at as u64, None)).collect();
        assert_eq!(slots.iter().flatten().count(), room);
        assert_eq!((table.read().len(), table.missed.load(Ordering::Relaxed)), (room, 5));
        slots.into_iter().flatten().for_each(|slot| table.leave(slot));
        assert_eq!(table.read().len(), 0);
        assert!(table.enter(&resource, by(1), 0, None).is_some(), "there is room again");
    }
}
