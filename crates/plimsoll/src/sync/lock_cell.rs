use super::lock::{Lock, Sort};
use crate::Name;
use plimsoll_record::Registry;
use plimsoll_record::waits::Site;
use std::sync::OnceLock;

/// A lock that may have no name yet: then its first use calls it after the place that made it, which a
/// constant can't do.
#[derive(Debug)]
pub(crate) struct LockCell {
    lock: OnceLock<Lock>,
    sort: &'static Sort,
    made_at: Site,
}

impl LockCell {
    /// Describes a lock without a name.
    pub(crate) const fn unnamed(sort: &'static Sort, made_at: Site) -> Self {
        Self { lock: OnceLock::new(), sort, made_at }
    }

    /// Makes a lock with a name.
    pub(crate) fn named(
        registry: &Registry,
        name: &Name,
        sort: &'static Sort,
        made_at: Site,
    ) -> Self {
        Self { lock: OnceLock::from(Lock::new(registry, name, sort, made_at)), sort, made_at }
    }

    #[inline]
    pub(crate) fn get(&self) -> &Lock {
        match self.lock.get() {
            Some(lock) => lock,
            None => self.make(),
        }
    }

    #[cold]
    fn make(&self) -> &Lock {
        self.lock.get_or_init(|| {
            Lock::new(Registry::global(), &Name::at(self.made_at), self.sort, self.made_at)
        })
    }
}
