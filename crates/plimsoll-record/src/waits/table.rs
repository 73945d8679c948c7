//! A bounded table that no one waits for.

use crate::sync::{AtomicBool, AtomicU32, AtomicU64, OnceLock, Ordering, RwLock, unless_locked};
use std::array;

/// Slots in a chunk, which is made when it is first needed.
const CHUNK: usize = if cfg!(loom) { 2 } else { 256 };

/// Chunks at most: 8,192 entries are told apart.
const CHUNKS: usize = if cfg!(loom) { 1 } else { 32 };

/// How often a slot is looked for that nobody is reading.
const TRIES: usize = if cfg!(loom) { 2 } else { 4 };

/// Slots, and a stack of those that are free.
pub(crate) struct Table<T> {
    chunks: [OnceLock<Box<Chunk<T>>>; CHUNKS],
    /// The top of the free slots plus one, 0 when there is none; above it a count of the changes, so
    /// that a top that went and came back isn't taken for the old one.
    free: AtomicU64,
    /// Slots that were never used begin here.
    fresh: AtomicU32,
    /// How many were ever entered, which numbers them, and how many found no slot.
    entered: AtomicU64,
    missed: AtomicU64,
}

type Chunk<T> = [Slot<T>; CHUNK];

struct Slot<T> {
    /// Whether what is in it lasts. What it lasts on is ordered by the lock.
    lasts: AtomicBool,
    /// The next free slot plus one.
    next: AtomicU32,
    /// Only ever tried. Readers don't exclude each other: what lasts is in the list of each of them.
    /// What is left here when it doesn't last means nothing.
    content: RwLock<Option<T>>,
}

impl<T: Clone> Table<T> {
    pub(crate) fn new() -> Self {
        Self {
            chunks: array::from_fn(|_| OnceLock::new()),
            free: AtomicU64::new(0),
            fresh: AtomicU32::new(0),
            entered: AtomicU64::new(0),
            missed: AtomicU64::new(0),
        }
    }

    /// Enters what `make` makes of its number; returns its slot, or none when there is no room.
    pub(crate) fn enter(&self, make: impl FnOnce(u64) -> T) -> Option<u32> {
        let number = self.entered.fetch_add(1, Ordering::Relaxed) + 1;
        let mut entry = Some(make(number));
        let mut being_read = [None; TRIES];
        let mut found = None;
        for other in &mut being_read {
            let Some((place, slot)) = self.pop() else { break };
            if let Some(mut content) = unless_locked(slot.content.try_write()) {
                *content = entry.take();
                drop(content);
                slot.lasts.store(true, Ordering::Relaxed);
                found = Some(place);
                break;
            }
            *other = Some(place);
        }
        being_read.into_iter().flatten().for_each(|place| self.push(place));
        self.missed.fetch_add(u64::from(found.is_none()), Ordering::Relaxed);
        found
    }

    /// Leaves the slot.
    pub(crate) fn leave(&self, place: u32) {
        let Some(slot) = self.slot(place) else { return };
        slot.lasts.store(false, Ordering::Relaxed);
        // A reader may have it: then what is entered next replaces it.
        if let Some(mut content) = unless_locked(slot.content.try_write()) {
            *content = None;
        }
        self.push(place);
    }

    /// Returns a copy of everything that is entered; it holds nobody up.
    pub(crate) fn read(&self) -> Vec<T> {
        let used = self.fresh.load(Ordering::Acquire).min((CHUNK * CHUNKS) as u32);
        (0..used)
            .filter_map(|place| {
                let slot = self.slot(place)?;
                if !slot.lasts.load(Ordering::Relaxed) {
                    return None;
                }
                // One that is being written has only begun, or has just ended.
                unless_locked(slot.content.try_read())?.clone()
            })
            .collect()
    }

    /// Says whether nothing was ever entered.
    pub(crate) fn is_untouched(&self) -> bool {
        self.entered.load(Ordering::Relaxed) == 0
    }

    /// Returns how many found no room.
    pub(crate) fn missed(&self) -> u64 {
        self.missed.load(Ordering::Relaxed)
    }

    fn slot(&self, place: u32) -> Option<&Slot<T>> {
        let place = place as usize;
        self.chunks.get(place / CHUNK)?.get()?.get(place % CHUNK)
    }

    /// Takes a free slot, or one that was never used.
    fn pop(&self) -> Option<(u32, &Slot<T>)> {
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

    fn take_fresh(&self) -> Option<(u32, &Slot<T>)> {
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

impl<T> Slot<T> {
    fn new() -> Self {
        Self { lasts: AtomicBool::new(false), next: AtomicU32::new(0), content: RwLock::new(None) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn readers_see_whole_entries_and_slots_are_used_again() {
        let table = Table::new();
        let ended = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let writers: Vec<_> = (1..=3)
                .map(|writer| {
                    let table = &table;
                    scope.spawn(move || {
                        let of = Arc::new(writer);
                        for _ in 0..50_000 {
                            let slot = table.enter(|_| (writer, Arc::clone(&of)));
                            table.leave(slot.expect("there is room"));
                        }
                    })
                })
                .collect();
            let reader = scope.spawn(|| {
                while !ended.load(Ordering::Relaxed) {
                    let entries = table.read();
                    assert!(entries.len() <= 3, "each has one at a time: {}", entries.len());
                    assert!(entries.iter().all(|(writer, of)| *writer == **of), "{entries:?}");
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
    fn readers_do_not_hide_what_lasts_from_each_other() {
        let table = Table::new();
        let lasting: Vec<_> = (0..8).map(|_| table.enter(|number| number)).collect();
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    for _ in 0..20_000 {
                        assert_eq!(table.read().len(), lasting.len());
                    }
                });
            }
        });
    }

    #[test]
    fn what_finds_no_room_is_counted_and_the_rest_is_listed() {
        let table = Table::new();
        let room = CHUNK * CHUNKS;
        let slots: Vec<_> = (0..room + 5).map(|_| table.enter(|number| number)).collect();
        assert_eq!(slots.iter().flatten().count(), room);
        assert_eq!((table.read().len(), table.missed.load(Ordering::Relaxed)), (room, 5));
        slots.into_iter().flatten().for_each(|slot| table.leave(slot));
        assert_eq!(table.read().len(), 0);
        assert!(table.enter(|number| number).is_some(), "there is room again");
    }
}
