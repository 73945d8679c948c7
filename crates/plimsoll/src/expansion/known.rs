use hashbrown::{DefaultHashBuilder, HashTable};
use std::cell::RefCell;
use std::fmt;
use std::hash::BuildHasher;
use std::thread::LocalKey;

/// Handles by their labels' values, as one thread knows them: what it has asked for once, it finds
/// without a lock.
pub struct Known<H>(RefCell<Option<Memory<H>>>);

struct Memory<H> {
    handles: HashTable<(Box<[Box<str>]>, H)>,
    hasher: DefaultHashBuilder,
}

/// Label sets that a thread remembers per place; past it, each call asks the registry.
const KNOWN_MAX: usize = 256;

impl<H: Clone> Known<H> {
    /// Knows nothing yet, and allocates nothing.
    #[expect(clippy::new_without_default, reason = "only a `const` is of use in a thread-local")]
    pub const fn new() -> Self {
        Self(RefCell::new(None))
    }

    /// Returns the handle of these values, and makes it if this thread hasn't asked for it yet.
    ///
    /// Nothing is borrowed while `make` runs, so it may come here again. A thread that is being torn
    /// down remembers nothing.
    pub(crate) fn handle(
        of: &'static LocalKey<Self>,
        values: &[&str],
        make: impl FnOnce() -> H,
    ) -> H {
        if let Ok(Some(known)) = of.try_with(|known| known.find(values)) {
            return known;
        }
        let made = make();
        // Without the thread's memory the handle is as good.
        let _ = of.try_with(|known| known.keep(values, made.clone()));
        made
    }

    fn find(&self, values: &[&str]) -> Option<H> {
        let memory = self.0.borrow();
        let Memory { handles, hasher } = memory.as_ref()?;
        let found = handles.find(hasher.hash_one(values), |(of, _)| is_same(of, values))?;
        Some(found.1.clone())
    }

    fn keep(&self, values: &[&str], handle: H) {
        let mut memory = self.0.borrow_mut();
        let empty = || Memory { handles: HashTable::new(), hasher: DefaultHashBuilder::default() };
        let Memory { handles, hasher } = memory.get_or_insert_with(empty);
        if handles.len() < KNOWN_MAX {
            let owned = values.iter().map(|value| Box::from(*value)).collect();
            // Owned or not, the same values have the same hash.
            handles.insert_unique(hasher.hash_one(values), (owned, handle), |(of, _)| {
                hasher.hash_one(of)
            });
        }
    }
}

impl<H> fmt::Debug for Known<H> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = self.0.try_borrow().ok();
        let known = known.as_ref().and_then(|known| known.as_ref());
        out.debug_tuple("Known").field(&known.map_or(0, |known| known.handles.len())).finish()
    }
}

fn is_same(known: &[Box<str>], asked: &[&str]) -> bool {
    known.len() == asked.len() && known.iter().zip(asked).all(|(known, asked)| **known == **asked)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    thread_local! {
        static KNOWN: Known<usize> = const { Known::new() };
        static MADE: Cell<usize> = const { Cell::new(0) };
    }

    fn handle(values: &[&str]) -> usize {
        Known::handle(&KNOWN, values, || {
            MADE.set(MADE.get() + 1);
            MADE.get()
        })
    }

    #[test]
    fn every_set_within_the_bound_is_made_once() {
        let asked: Vec<[String; 2]> =
            (0..400).map(|n| [format!("a{}", n % 20), format!("b{}", n / 20)]).collect();
        for round in 0..3 {
            for (n, [a, b]) in asked.iter().enumerate() {
                let found = handle(&[a, b]);
                assert!(n >= KNOWN_MAX || found == n + 1, "round {round}: {a} {b} is {found}");
            }
        }
        assert_eq!(MADE.get(), 400 + 2 * (400 - KNOWN_MAX), "what isn't kept is made each time");
        assert_eq!(handle(&["a0", "b0"]), 1);
        assert_ne!(handle(&["a0b", "0"]), 1, "the values are told apart, not only their letters");
    }
}
