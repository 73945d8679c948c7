//! The table of what lasts.

use super::model;
use crate::sync::Arc;
use crate::waits::table::Table;
use loom::thread;

/// An entry of two words, which a torn reading would tear apart.
type Entry = (u64, u64);

fn whole(entries: &[Entry]) {
    assert!(entries.iter().all(|(number, twice)| *twice == 2 * number), "{entries:?}");
    let mut numbers: Vec<u64> = entries.iter().map(|(number, _)| *number).collect();
    numbers.sort_unstable();
    numbers.dedup();
    assert_eq!(numbers.len(), entries.len(), "each is listed once");
}

fn enter(table: &Table<Entry>) -> Option<u32> {
    table.enter(|number| (number, 2 * number))
}

#[test]
fn readers_see_whole_entries_and_all_that_last() {
    model(|| {
        let table = Arc::new(Table::new());
        let lasting = enter(&table).expect("it is empty");
        let writer = {
            let table = Arc::clone(&table);
            thread::spawn(move || {
                for _ in 0..2 {
                    enter(&table).into_iter().for_each(|slot| table.leave(slot));
                }
            })
        };
        let seen = table.read();
        whole(&seen);
        assert!(seen.contains(&(1, 2)), "nobody reads or writes the one that lasts: {seen:?}");
        writer.join().expect("enters and leaves");
        assert_eq!((table.read(), table.missed()), (vec![(1, 2)], 0));
        table.leave(lasting);
        assert!(table.read().is_empty());
    });
}

#[test]
fn two_readers_at_once_see_all_that_lasts() {
    model(|| {
        let table = Arc::new(Table::new());
        enter(&table).expect("it is empty");
        let reader = {
            let table = Arc::clone(&table);
            thread::spawn(move || table.read())
        };
        assert_eq!(table.read(), [(1, 2)]);
        assert_eq!(reader.join().expect("reads"), [(1, 2)]);
    });
}

#[test]
fn two_that_enter_at_once_get_two_slots() {
    model(|| {
        let table = Arc::new(Table::new());
        let writers = [0, 1].map(|_| {
            let table = Arc::clone(&table);
            thread::spawn(move || {
                let slot = enter(&table);
                slot.into_iter().for_each(|slot| table.leave(slot));
                enter(&table)
            })
        });
        whole(&table.read());
        let slots = writers.map(|writer| writer.join().expect("enters"));
        let seen = table.read();
        whole(&seen);
        let entered = slots.iter().flatten().count();
        assert_eq!(seen.len(), entered, "what is entered is listed");
        assert!(entered == 2 || table.missed() > 0, "what isn't is counted");
        assert!(slots[0].is_none() || slots[0] != slots[1], "{slots:?}");
    });
}

#[test]
fn what_is_read_while_it_leaves_is_listed_no_more() {
    model(|| {
        let table = Arc::new(Table::new());
        let slot = enter(&table).expect("it is empty");
        let reader = {
            let table = Arc::clone(&table);
            thread::spawn(move || table.read())
        };
        table.leave(slot);
        let seen = reader.join().expect("reads");
        assert!(seen.is_empty() || seen == [(1, 2)], "{seen:?}");
        assert!(table.read().is_empty());
    });
}

/// A slot that is free again when the next top was read may have another below it by then.
#[test]
fn a_free_slot_that_comes_back_is_not_taken_for_the_old_one() {
    model(|| {
        let table = Arc::new(Table::new());
        let free = [(); 2].map(|()| enter(&table).expect("there are two slots"));
        free.into_iter().for_each(|slot| table.leave(slot));
        let other = {
            let table = Arc::clone(&table);
            thread::spawn(move || {
                let (first, second) = (enter(&table), enter(&table));
                first.into_iter().for_each(|slot| table.leave(slot));
                second
            })
        };
        let mut slots = vec![enter(&table)];
        slots.push(other.join().expect("enters"));
        slots.push(enter(&table));
        let mut taken: Vec<u32> = slots.into_iter().flatten().collect();
        whole(&table.read());
        assert_eq!(table.read().len(), taken.len(), "each has a slot of its own: {taken:?}");
        taken.sort_unstable();
        taken.dedup();
        assert_eq!(table.read().len(), taken.len(), "no slot is lent twice: {taken:?}");
    });
}
