//! What a channel is called, and what channels that are called the same share.

use crate::Name;
use plimsoll_record::Registry;
use plimsoll_record::waits::Site;
use std::any::Any;
use std::cell::RefCell;
use std::collections::HashMap;

/// How many places that make channels a thread remembers; the rest ask the registry each time.
const PLACES_MAX: usize = 1_024;

/// A channel's name, or the place that makes it.
pub(crate) struct Called<'a> {
    registry: &'a Registry,
    /// None: it is called after the place.
    name: Option<Name>,
    pub(crate) site: Site,
}

/// What a place made last, and under which name.
type Made = (Option<Name>, Box<dyn Any>);

thread_local! {
    /// Every place in the source stands at one address, and makes channels of one kind.
    static KNOWN: RefCell<HashMap<usize, Made>> = RefCell::new(HashMap::new());
}

impl<'a> Called<'a> {
    /// Calls it after the place that makes it, in the global registry.
    pub(crate) fn after(site: Site) -> Self {
        Self { registry: Registry::global(), name: None, site }
    }

    /// Calls it by name.
    pub(crate) fn by(registry: &'a Registry, name: impl Into<Name>, site: Site) -> Self {
        Self { registry, name: Some(name.into()), site }
    }

    /// Returns its name.
    pub(crate) fn name(&self) -> Name {
        self.name.clone().unwrap_or_else(|| Name::at(self.site))
    }

    /// Returns what all that are called so share. One of the global registry, which stays for ever, is
    /// asked for once by a thread at each place: a channel for each request costs no look-up.
    pub(crate) fn shared<T: Clone + 'static>(&self, make: impl Fn(&Registry, &Name) -> T) -> T {
        if !std::ptr::eq(self.registry, Registry::global()) {
            return make(self.registry, &self.name());
        }
        let place = std::ptr::from_ref(self.site).addr();
        // A thread that is being torn down remembers nothing.
        if let Ok(Some(known)) = KNOWN.try_with(|known| self.find(&known.borrow(), place)) {
            return known;
        }
        let made = make(self.registry, &self.name());
        let _ = KNOWN.try_with(|known| {
            let mut known = known.borrow_mut();
            if known.len() < PLACES_MAX || known.contains_key(&place) {
                known.insert(place, (self.name.clone(), Box::new(made.clone())));
            }
        });
        made
    }

    fn find<T: Clone + 'static>(&self, known: &HashMap<usize, Made>, place: usize) -> Option<T> {
        let (name, made) = known.get(&place)?;
        // A place may give each of its channels another name.
        (*name == self.name).then(|| made.downcast_ref::<T>().cloned()).flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;
    use std::panic::Location;

    #[test]
    fn a_place_asks_once_for_each_name() {
        let asked = Cell::new(0);
        let text = |_: &Registry, name: &Name| {
            asked.set(asked.get() + 1);
            name.text.to_string()
        };
        let here = Location::caller();
        let after = format!("{}:{}", here.file(), here.line());
        assert_eq!([(); 3].map(|()| Called::after(here).shared(text)), [after.as_str(); 3]);
        assert_eq!(asked.get(), 1);
        let named = |name| Called::by(Registry::global(), name, Location::caller()).shared(text);
        assert_eq!(["a", "a", "b", "b", "a"].map(named), ["a", "a", "b", "b", "a"]);
        assert_eq!(asked.get(), 4, "it remembers the last one");
        let other = Registry::new();
        let of_other = |name| Called::by(&other, name, Location::caller()).shared(text);
        assert_eq!(["a", "a"].map(of_other), ["a", "a"]);
        assert_eq!(asked.get(), 6, "another registry may end before the thread does");
    }
}
