use std::cell::RefCell;
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::thread::LocalKey;

/// Handles by their labels' values, as one thread knows them: what it has asked for once, it finds
/// without a lock.
#[derive(Debug)]
pub struct Known<H>(RefCell<Option<Bins<H>>>);

/// By the hash of the values; values of the same hash share a bin.
type Bins<H> = HashMap<u64, Vec<(Box<[Box<str>]>, H)>, RandomState>;

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
        let bins = self.0.borrow();
        let bins = bins.as_ref()?;
        let bin = bins.get(&bins.hasher().hash_one(values))?;
        let (_, handle) = bin.iter().find(|(of, _)| is_same(of, values))?;
        Some(handle.clone())
    }

    fn keep(&self, values: &[&str], handle: H) {
        let mut bins = self.0.borrow_mut();
        let bins = bins.get_or_insert_default();
        if bins.len() < KNOWN_MAX {
            let hash = bins.hasher().hash_one(values);
            let values = values.iter().map(|value| Box::from(*value)).collect();
            bins.entry(hash).or_default().push((values, handle));
        }
    }
}

fn is_same(known: &[Box<str>], asked: &[&str]) -> bool {
    known.len() == asked.len() && known.iter().zip(asked).all(|(known, asked)| **known == **asked)
}
